"""What a person wrote in the editor, read field by field and checked. Nothing is stored here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Self

from django.http import QueryDict
from django.utils.text import slugify

from collector.core.models import Role, User
from collector.knowledge.checking import Problem, Wrong, check, tree_of
from collector.knowledge.models import Article, Audience, Kind, Version
from collector.knowledge.texts import LANGUAGES, Part, Text, text_of
from collector.knowledge.tree import Tree, as_data
from collector.knowledge.writing import Links, links_of
from collector.web.reading.page import one_of, whole

MOST_LETTERS = {"title": 200, "summary": 400, "keywords": 400}
MOST_OF_A_PART = 20_000
STARTING_TREE = {
    "start": {
        "ask": dict.fromkeys(LANGUAGES, "?"),
        "answers": [
            {"say": {"lv": "Jā", "en": "Yes", "ru": "Да"}, "to": "yes"},
            {"say": {"lv": "Nē", "en": "No", "ru": "Нет"}, "to": "no"},
        ],
    },
    "yes": {"do": dict.fromkeys(LANGUAGES, "…")},
    "no": {"do": dict.fromkeys(LANGUAGES, "…")},
}


@dataclass(frozen=True, slots=True)
class Edited:
    """`nodes` is the tree as it was typed; `after` the version that was open."""

    slug: str
    kind: Kind
    audience: Audience
    owner: int | None
    review_due: date | None
    links: Links
    texts: Mapping[str, Text]
    nodes: str = ""
    note: str = ""
    after: int = 0

    @classmethod
    def fresh(cls, kind: str) -> Self:
        made = Kind(kind) if kind in Kind.values else Kind.ARTICLE
        nodes = _pretty(STARTING_TREE) if made == Kind.TREE else ""
        return cls("", made, Audience.STAFF, None, None, Links(), {}, nodes)

    @classmethod
    def of(cls, article: Article, version: Version) -> Self:
        return cls(
            slug=article.slug,
            kind=Kind(article.kind),
            audience=Audience(article.audience),
            owner=article.owner_id,
            review_due=article.review_due,
            links=links_of(article),
            texts={language: text_of(version, language) for language in LANGUAGES},
            nodes=_pretty(version.tree.get("nodes", {})) if version.tree else "",
            after=version.number,
        )

    @classmethod
    def read(cls, given: QueryDict, article: Article | None) -> Self:
        """Without an article: a new one, named by its title where no name is given."""
        texts = {language: _text(given, language) for language in LANGUAGES}
        title = next((text.title for text in (texts["en"], texts["lv"], texts["ru"]) if text.title), "")
        slug = article.slug if article else slugify(given.get("slug", "") or title)[:80]
        return cls(
            slug=slug,
            kind=Kind(article.kind if article else one_of(given, "kind", tuple(Kind.values), "article")),
            audience=Audience(one_of(given, "audience", tuple(Audience.values), "staff")),
            owner=whole(given, "owner"),
            review_due=_date(given.get("review_due", "")),
            links=Links(_list(given.get("codes", "").split()), _list(given.get("models", "").split(","))),
            texts=texts,
            nodes=given.get("nodes", "")[: 10 * MOST_OF_A_PART],
            note=given.get("note", "").strip()[:400],
            after=whole(given, "after") or 0,
        )

    def tree(self) -> tuple[Tree | None, list[Problem]]:
        if self.kind != Kind.TREE:
            return None, []
        try:
            return tree_of(json.loads(self.nodes))
        except ValueError as e:
            return None, [Problem(Wrong.TREE, str(e))]

    def problems(self) -> list[Problem]:
        tree, wrong = self.tree()
        slugs = {*Article.objects.values_list("slug", flat=True), self.slug}
        if wrong:
            return wrong
        return check(self.texts, self.links.codes, slugs, tree)

    def tree_data(self) -> dict[str, object]:
        return as_data(self.tree()[0])


def owners() -> list[User]:
    able = User.objects.filter(is_active=True, role__in=(Role.TECHNICIAN, Role.MANAGER))
    return list(able.order_by("first_name", "username"))


def keep_head(article: Article, edited: Edited) -> None:
    """Owner, review date, audience and links, which are no part of a version."""
    article.audience, article.review_due = edited.audience, edited.review_due
    article.owner = User.objects.filter(pk=edited.owner or 0).first()
    article.save(update_fields=["audience", "review_due", "owner"])
    edited.links.keep(article)


def _text(given: QueryDict, language: str) -> Text:
    def field(name: str, most: int) -> str:
        return given.get(f"{language}-{name}", "").replace("\r\n", "\n").strip()[:most]

    parts = {part: words for part in Part if (words := field(part.value, MOST_OF_A_PART))}
    title, summary, keywords = (" ".join(field(name, most).split()) for name, most in MOST_LETTERS.items())
    return Text(title, summary, keywords, parts)


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _list(parts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip()[:80] for part in parts if part.strip()))[:40]


def _pretty(nodes: object) -> str:
    return json.dumps(nodes, ensure_ascii=False, indent=2)
