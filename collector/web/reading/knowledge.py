"""Articles as the pages show them: lists, one with its parts as HTML, what belongs to an incident."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from difflib import unified_diff
from json import dumps
from typing import Self

from django.db.models import F, Max, Prefetch, Q, QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from collector.core.models import User
from collector.incidents.models import Incident
from collector.knowledge.checking import PAGES, dead
from collector.knowledge.markdown import ARTICLE, PAGE, render
from collector.knowledge.models import Article, Kind, LinkKind, State, Version
from collector.knowledge.search import Found, find
from collector.knowledge.texts import Part, best_language, text_of
from collector.web.knowledge_words import PARTS
from collector.web.reading.page import one_of
from collector.web.words import Sign

SHOWN = ("published", "draft", "review", "shipped", "retired")
MOST_FOUND = 30
MOST_FOR_AN_INCIDENT = 3


@dataclass(frozen=True, slots=True)
class KnowledgeFilter:
    """`show`: draft is whatever has a version that readers do not see; review: the date has come; shipped: changed by
    people, and Plomba ships a newer one."""

    show: str = "published"
    kind: str = ""
    search: str = ""
    code: str = ""

    @classmethod
    def of(cls, params: QueryDict) -> Self:
        return cls(
            show=one_of(params, "show", SHOWN, "published"),
            kind=one_of(params, "kind", tuple(Kind.values)),
            search=params.get("q", "").strip()[:200],
            code=params.get("code", "")[:80],
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list. `matched`: the words for which it was found."""

    article: Article
    title: str
    summary: str
    matched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    part: Part
    sign: Sign
    html: SafeString


def rows(wanted: KnowledgeFilter, language: str, today: date) -> list[Row]:
    """Found ones best first, others by title."""
    if wanted.search:
        return _found(wanted, language)
    articles = _listed(wanted, today)
    if wanted.code:
        articles = articles.filter(links__value=wanted.code)
    listed = [_row(article, language) for article in articles]
    return sorted(listed, key=lambda row: row.title.casefold())


def _found(wanted: KnowledgeFilter, language: str) -> list[Row]:
    found = find(wanted.search, language, limit=MOST_FOUND, staff=True)
    articles = {a.slug: a for a in Article.objects.filter(slug__in=[one.slug for one in found])}
    return [
        Row(articles[one.slug], one.title, one.summary, one.matched)
        for one in found
        if not wanted.kind or articles[one.slug].kind == wanted.kind
    ]


def _listed(wanted: KnowledgeFilter, today: date) -> QuerySet[Article]:
    newest = Prefetch("versions", Version.objects.order_by("-number"), to_attr="newest_first")
    articles = Article.objects.select_related("current", "owner").prefetch_related(newest)
    if wanted.kind:
        articles = articles.filter(kind=wanted.kind)
    match wanted.show:
        case "draft":
            unseen = Q(state=State.DRAFT) | Q(newest__gt=F("current__number"))
            return articles.annotate(newest=Max("versions__number")).filter(unseen)
        case "review":
            return articles.filter(state=State.PUBLISHED, review_due__lte=today)
        case "shipped":
            return articles.filter(seed_waits=True)
        case state:
            return articles.filter(state=state)


def _row(article: Article, language: str) -> Row:
    version = article.current or next(iter(article.newest_first), None)  # type: ignore[attr-defined]
    if version is None:
        return Row(article, article.slug, "")
    text = text_of(version, best_language(version, language))
    return Row(article, text.title or article.slug, text.summary)


def sections(version: Version, language: str, staff: bool) -> list[Section]:
    slugs = known_slugs()
    parts = text_of(version, language).shown(staff)
    return [Section(part, PARTS[part], html(words, slugs)) for part, words in parts.items()]


@dataclass(frozen=True, slots=True)
class Line:
    """Of a comparison: `sign` is "+" (only in the newer), "-" (only in the older) or " "."""

    sign: str
    words: str


def compared(older: Version, newer: Version, language: str) -> list[Line]:
    """Line by line, with two lines around each change; empty where nothing differs in this language."""
    before, after = (_lines(version, language) for version in (older, newer))
    found = unified_diff(before, after, lineterm="", n=2)
    return [Line(line[0], line[1:]) for line in found if line[:2] not in ("--", "++", "@@")]


def _lines(version: Version, language: str) -> list[str]:
    text = text_of(version, language)
    parts = [[str(PARTS[part].word), *words.splitlines()] for part, words in text.shown(staff=True).items()]
    tree = dumps(version.tree, ensure_ascii=False, indent=1).splitlines() if version.tree else []
    return [text.title, text.summary, text.keywords, *(line for part in parts for line in part), *tree]


def html(words: str, slugs: Collection[str]) -> SafeString:
    return mark_safe(render(words, lambda target: address(target, slugs)))  # noqa: S308 - made from Markdown without HTML


def address(target: str, slugs: Collection[str]) -> str | None:
    """Of `article:…` and `page:…`; None where it leads nowhere."""
    if dead(target, slugs):
        return None
    if target.startswith(ARTICLE):
        return reverse("web:article", args=[target.removeprefix(ARTICLE)])
    name = target.removeprefix(PAGE)
    return reverse(f"web:{name}") if name in PAGES else None


def known_slugs() -> frozenset[str]:
    return frozenset(Article.objects.exclude(state=State.RETIRED).values_list("slug", flat=True))


def may_publish(user: User, article: Article) -> bool:
    """A manager, or the one who answers for the article."""
    return user.may_manage or (user.may_work and article.owner_id == user.pk)


def votes(article: Article) -> tuple[int, int]:
    """Useful ones and all."""
    given = list(article.votes.values_list("useful", flat=True))
    return sum(given), len(given)


def for_incident(incident: Incident, language: str) -> list[Found]:
    """What belongs to its fault code and model, best first."""
    identity = incident.device.identity if incident.device else {}
    model = str(identity.get("model") or "")
    return find("", language, codes=[incident.code], model=model, limit=MOST_FOR_AN_INCIDENT, staff=True)


def drafts_for(incident: Incident) -> list[Article]:
    """Of its fault code, such as those from equal solutions: whoever solves it can say whether they are right."""
    code = {"links__kind": LinkKind.CODE, "links__value": incident.code}
    return list(Article.objects.filter(state=State.DRAFT, **code).order_by("-pk")[:3])
