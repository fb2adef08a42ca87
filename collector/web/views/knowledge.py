"""The knowledge base as it is read: search, an article, an old version of it, a decision tree that is played."""

from dataclasses import dataclass
from typing import TypedDict

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from collector.core import clock
from collector.incidents.models import Incident
from collector.knowledge.models import Article, State, Version
from collector.knowledge.texts import best_language, spoken, text_of
from collector.knowledge.tree import Place, Tree, Words, walk
from collector.knowledge.writing import links_of, vote
from collector.web import access
from collector.web.knowledge_words import KINDS
from collector.web.reading.knowledge import (
    KnowledgeFilter,
    compared,
    known_slugs,
    may_publish,
    rows,
    sections,
    votes,
)
from collector.web.reading.page import whole

SHOWS = (
    ("published", _("Published")),
    ("draft", _("Not published yet")),
    ("review", _("To be reviewed")),
    ("shipped", _("Shipped anew")),
    ("retired", pgettext_lazy("articles", "Retired")),
)
MOST_ANSWERS = 60


def language_of(request: HttpRequest) -> str:
    """Of the page, or another one that the reader asks for."""
    return request.GET.get("language") or get_language() or "en"


@access.signed_in
def knowledge(request: HttpRequest) -> HttpResponseBase:
    wanted = KnowledgeFilter.of(request.GET)
    found = rows(wanted, get_language() or "en", clock.now().date())
    context: dict[str, object] = {"rows": found, "filter": wanted, "today": clock.now().date()}
    if request.headers.get("HX-Request"):
        return render(request, "web/_knowledge_rows.html", context)
    return render(request, "web/knowledge.html", context | {"shows": SHOWS, "kinds": KINDS.items()})


@access.signed_in
def article(request: HttpRequest, slug: str) -> HttpResponseBase:
    found = article_of(slug)
    version = found.current or found.versions.first()
    if version is None:
        raise Http404
    return render(request, "web/article.html", _page(request, found, version))


@access.signed_in
def version(request: HttpRequest, slug: str, number: int) -> HttpResponseBase:
    found = article_of(slug)
    return render(
        request, "web/article.html", _page(request, found, get_object_or_404(found.versions, number=number))
    )


def article_of(slug: str) -> Article:
    return get_object_or_404(Article.objects.select_related("current", "owner"), slug=slug)


def _page(request: HttpRequest, found: Article, version: Version) -> dict[str, object]:
    language = best_language(version, language_of(request))
    user = access.user_of(request)
    useful, every = votes(found)
    versions = list(found.versions.select_related("by"))
    return {
        "article": found,
        "version": version,
        "text": text_of(version, language),
        "sections": sections(version, language, staff=True),
        "language": language,
        "languages": spoken(version),
        "versions": versions,
        "compared": _compared(found, version, versions, language),
        "newest": versions[0],
        "is_shown": found.state == State.PUBLISHED and version == found.current,
        "links": links_of(found),
        "useful": useful,
        "votes": every,
        "my_vote": found.votes.filter(user=user).values_list("useful", flat=True).first(),
        "may_publish": may_publish(user, found),
        "today": clock.now().date(),
        "has_marks": any(
            mark in part
            for mark in ("[F ", "[K]", "[I]")
            for part in text_of(version, language).parts.values()
        ),
    }


def _compared(found: Article, version: Version, versions: list[Version], language: str) -> dict[str, object]:
    """A version that readers do not see beside the one that they do; the one that they see says nothing of it."""
    if found.current is None or version == found.current:
        return {}
    older, newer = sorted((found.current, version), key=lambda one: one.number)
    return {"older": older, "newer": newer, "lines": compared(older, newer, language)}


@access.signed_in
def play(request: HttpRequest, slug: str) -> HttpResponseBase:
    """`path`: numbers of the answers so far with dots between; the address is all the memory there is."""
    found = article_of(slug)
    version = found.current or found.versions.first()
    if version is None or not version.tree:
        raise Http404
    place = walk(Tree.model_validate(version.tree), _path(request.GET.get("path", "")))
    language = best_language(version, language_of(request))
    text, told = text_of(version, language), _told(place, language)
    context = {
        "article": found,
        "text": text,
        "incident": _incident(whole(request.GET, "incident")),
        "record": _record(text.title, told),
        **told,
    }
    return render(request, "web/article_play.html", context)


def _path(given: str) -> list[int]:
    parts = given.split(".")[:MOST_ANSWERS]
    return [int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 4]


def _incident(pk: int | None) -> Incident | None:
    return Incident.objects.filter(pk=pk or 0).first()


@dataclass(frozen=True, slots=True)
class Turn:
    """A question with the answer that was given, or an answer that may be given. `path` leads there."""

    path: str
    say: str
    ask: str = ""


class Told(TypedDict):
    """Where a path leads. `do` is said at an end, `ask` before it; `before`: the way so far."""

    ask: str
    help: str
    do: str
    answers: list[Turn]
    before: list[Turn]
    back: str
    more: str
    code: str


def _told(place: Place, language: str) -> Told:
    def say(words: Words | None) -> str:
        return (words or {}).get(language, "")

    numbers, node = [str(step.answer) for step in place.steps], place.node
    return Told(
        ask=say(node.ask),
        help=say(node.help),
        do=say(node.do),
        answers=[Turn(".".join([*numbers, str(at)]), say(one.say)) for at, one in enumerate(node.answers)],
        before=[
            Turn(".".join(numbers[:at]), say(step.node.answers[step.answer].say), say(step.node.ask))
            for at, step in enumerate(place.steps)
        ],
        back=".".join(numbers[:-1]),
        more=node.article if node.article in known_slugs() else "",
        code=node.incident,
    )


def _record(title: str, told: Told) -> str:
    """The way through the tree and where it ended, as a note."""
    return f"{title}: {' '.join(f'{step.ask} {step.say}.' for step in told['before'])} {told['do']}"


@require_POST
@access.signed_in
def vote_on(request: HttpRequest, slug: str) -> HttpResponseBase:
    vote(article_of(slug), access.user_of(request), request.POST.get("useful") == "1", clock.now())
    if request.headers.get("HX-Request"):
        found = article_of(slug)
        useful, every = votes(found)
        context = {"article": found, "useful": useful, "votes": every}
        return render(
            request, "web/_article_vote.html", context | {"my_vote": request.POST.get("useful") == "1"}
        )
    return redirect("web:article", slug)
