"""The articles that Plomba ships: one file each with all three languages, in the folder `articles`. An article is
Markdown under a head in TOML, a decision tree is TOML."""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from collector.knowledge.models import Audience, Kind
from collector.knowledge.texts import Part, Text
from collector.knowledge.tree import Node, Tree, check
from collector.knowledge.writing import Links
from protocols.errors import UsageError
from protocols.status.faults import fault

FOLDER = Path(__file__).resolve().parent / "articles"
_HEAD = re.compile(r"\A\+\+\+\n(.*?)\n\+\+\+\n", re.DOTALL)
_LANGUAGE = re.compile(r"^# (lv|en|ru)(?:: (.+))?$", re.MULTILINE)
_PART = re.compile(r"^## (\w+)$", re.MULTILINE)
_KEYWORDS = re.compile(r"^keywords: (.+)$", re.MULTILINE)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Head(_Strict):
    """`review`: by when somebody of the company should have read it."""

    audience: Audience
    review: date
    codes: tuple[str, ...] = ()
    models: tuple[str, ...] = ()


class _Title(_Strict):
    title: str
    summary: str
    keywords: str = ""


class _TreeFile(Head):
    texts: Mapping[str, _Title]
    nodes: Mapping[str, Node]


@dataclass(frozen=True, slots=True)
class Seed:
    slug: str
    kind: Kind
    audience: Audience
    review: date
    links: Links
    texts: Mapping[str, Text]
    tree: Tree | None
    digest: str


def load(folder: Path = FOLDER) -> list[Seed]:
    """Every shipped article, by name. UsageError for a file that is not as it should be: it is ours."""
    return [_read(path) for path in sorted([*folder.glob("*.md"), *folder.glob("*.toml")])]


def one(slug: str, folder: Path = FOLDER) -> Seed | None:
    """What is shipped under this name now."""
    paths = (folder / f"{slug}.md", folder / f"{slug}.toml")
    return next((_read(path) for path in paths if path.is_file()), None)


def _read(path: Path) -> Seed:
    content = path.read_bytes()
    words = content.decode()
    head, texts, tree = _tree(words) if path.suffix == ".toml" else _article(path.name, words)
    return Seed(
        slug=path.stem,
        kind=Kind.ARTICLE if tree is None else Kind.TREE,
        audience=head.audience,
        review=head.review,
        links=Links(head.codes, head.models),
        texts=texts,
        tree=tree,
        digest=hashlib.sha256(content).hexdigest(),
    )


def _tree(words: str) -> tuple[Head, dict[str, Text], Tree]:
    file = _TreeFile.model_validate(tomllib.loads(words))
    texts = {language: Text(t.title, t.summary, t.keywords) for language, t in file.texts.items()}
    return file, texts, check(Tree(nodes=file.nodes))


def _article(name: str, words: str) -> tuple[Head, dict[str, Text], None]:
    found = _HEAD.match(words)
    if found is None:
        raise UsageError(f"{name}: begins without a head between lines of +++")
    head = Head.model_validate(tomllib.loads(found[1]))
    _, *pieces = _LANGUAGE.split(words[found.end() :])
    texts = {
        language: _text(title or fault(head.codes[0]).title(language), body)
        for language, title, body in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True)
    }
    return head, texts, None


def _text(title: str, body: str) -> Text:
    """An article about a fault without a title of its own is called like the fault."""
    opening, *pieces = _PART.split(body)
    keywords = _KEYWORDS.search(opening)
    summary = " ".join(_KEYWORDS.sub("", opening).split())
    parts = {Part(name): part.strip() for name, part in zip(pieces[::2], pieces[1::2], strict=True)}
    return Text(title, summary, keywords[1] if keywords else "", parts)
