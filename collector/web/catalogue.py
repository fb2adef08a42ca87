"""Which words of the pages need a translation, from code and templates. `python -m collector.web.catalogue`
enters new ones in the .po files and drops what is gone. The server does not use it."""

import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_python
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

WEB = Path(__file__).resolve().parent
LANGUAGES = ("lv", "ru")
EPOCH = datetime(2026, 11, 22, tzinfo=UTC)
"""The same date in every header: a catalogue changes only when its words do."""
_KEYWORDS: dict[str, tuple[int | tuple[int, int] | tuple[int, str], ...] | None] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy"), (1,)),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
}

Key = tuple[str, str | tuple[str, str]]
"""Context ("" for none) and the words, or the pair of singular and plural."""


def needed() -> dict[Key, str]:
    """Every phrase with the file in which it stands first."""
    found: dict[Key, str] = {}
    for path in sorted(WEB.rglob("*.py")):
        for key in _phrases(path.read_bytes()):
            found.setdefault(key, str(path.relative_to(WEB)))
    for path in sorted((WEB / "templates").rglob("*.html")):
        source = templatize(path.read_text("utf-8"), origin=path.name)
        flat = "\n".join(line.strip() for line in source.splitlines())
        for key in _phrases(flat.encode()):
            found.setdefault(key, str(path.relative_to(WEB)))
    return found


def _phrases(source: bytes) -> Iterator[Key]:
    for _line, function, words, _comments in extract_python(io.BytesIO(source), _KEYWORDS, [], {}):
        parts = (words,) if isinstance(words, str) else tuple(part for part in words if part)
        if not parts or not isinstance(parts[0], str):
            continue
        name = str(function)
        if name.startswith("p"):
            yield parts[0], parts[1]
        elif name.startswith("n"):
            yield "", (parts[0], parts[1])
        else:
            yield "", parts[0]


def file_of(language: str) -> Path:
    return WEB / "locale" / language / "LC_MESSAGES" / "django.po"


def load(language: str) -> Catalog:
    if not file_of(language).exists():
        return Catalog(locale=language)
    with file_of(language).open("rb") as stream:
        return read_po(stream, locale=language)


def missing(language: str) -> list[str]:
    """Phrases without a translation in every plural form."""
    catalogue = load(language)
    absent = []
    for (context, words), place in needed().items():
        first = words if isinstance(words, str) else words[0]
        message = catalogue.get(first, context or None)
        said = (message.string if message else "") or ""
        forms = [said] if isinstance(said, str) else list(said)
        wanted = 1 if isinstance(words, str) else catalogue.num_plurals
        if message is None or message.fuzzy or len([form for form in forms if form]) < wanted:
            absent.append(f"{place}: {first!r}")
    return absent


def renew(language: str) -> None:
    """Keeps every translation that is still needed; new phrases come in empty."""
    old, new = (
        load(language),
        Catalog(
            locale=language,
            header_comment="# What the pages say.",
            project="Plomba",
            version="1",
            msgid_bugs_address="-",
            last_translator="Plomba",
            language_team="Plomba",
            creation_date=EPOCH,
            revision_date=EPOCH,
            fuzzy=False,
        ),
    )
    for (context, words), place in sorted(needed().items(), key=lambda one: (one[1], str(one[0]))):
        first = words if isinstance(words, str) else words[0]
        before = old.get(first, context or None)
        new.add(
            words,
            string=before.string if before else None,
            locations=[(place, 0)],
            context=context or None,
        )
    file_of(language).parent.mkdir(parents=True, exist_ok=True)
    with file_of(language).open("wb") as stream:
        write_po(stream, new, width=110, sort_by_file=True, omit_header=False, include_lineno=False)


def main() -> int:
    for language in LANGUAGES:
        renew(language)
        for line in missing(language):
            sys.stdout.write(f"{language}: {line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
