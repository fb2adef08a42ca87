"""What an article says in one language: title, summary, how people call the trouble, and its parts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from collector.knowledge.models import Version

LANGUAGES = ("lv", "en", "ru")
"""The order in which a text is looked for where the reader's language has none."""


class Part(StrEnum):
    """In the order in which they are read. Only staff sees `technician`."""

    TEXT = "text"
    MEANING = "meaning"
    CASHIER = "cashier"
    TECHNICIAN = "technician"
    ESCALATE = "escalate"
    NEVER = "never"


STAFF_PARTS = (Part.TECHNICIAN,)


@dataclass(frozen=True, slots=True)
class Text:
    """`parts` holds Markdown and no empty one; `keywords`: words with spaces between."""

    title: str = ""
    summary: str = ""
    keywords: str = ""
    parts: Mapping[Part, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return not (self.title or self.summary or self.parts)

    def shown(self, staff: bool) -> dict[Part, str]:
        """In the order of reading."""
        wanted = (part for part in Part if staff or part not in STAFF_PARTS)
        return {part: self.parts[part] for part in wanted if self.parts.get(part)}

    def as_data(self) -> dict[str, object]:
        parts = {part.value: self.parts[part] for part in Part if self.parts.get(part)}
        return {"title": self.title, "summary": self.summary, "keywords": self.keywords, "parts": parts}


def text_of(version: Version, language: str) -> Text:
    """Empty where the version does not speak the language."""
    data = version.texts.get(language)
    if not data:
        return Text()
    parts = {Part(name): str(words) for name, words in data["parts"].items()}
    return Text(data["title"], data["summary"], data["keywords"], parts)


def spoken(version: Version) -> tuple[str, ...]:
    return tuple(language for language in LANGUAGES if not text_of(version, language).empty)


def best_language(version: Version, wanted: str) -> str:
    """The wanted one, or the first in which the version says something."""
    known = spoken(version)
    return wanted if wanted in known or not known else known[0]
