"""Articles and decision trees as customers read them: published for them, without the parts for technicians."""

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import get_language

from collector.core import clock
from collector.inventory.models import ContactPerson
from collector.knowledge.markdown import ARTICLE, PAGE
from collector.knowledge.markdown import render as to_html
from collector.knowledge.models import Article, Audience, State, Version
from collector.knowledge.texts import best_language, text_of
from collector.knowledge.tree import Tree, walk
from collector.knowledge.writing import vote
from collector.web import access
from collector.web.knowledge_words import PARTS

MOST_ANSWERS = 60
PAGES = {
    "now": "portal",
    "devices": "portal",
    "backups": "portal-backups",
    "requests": "portal-requests",
    "visits": "portal-visits",
    "notices": "portal-notices",
}
"""What `page:` leads to for a customer; all others are words."""


@dataclass(frozen=True, slots=True)
class Turn:
    """An answer, and the address part that leads on from it."""

    say: str
    path: str


def _for_customers() -> list[str]:
    return list(
        Article.objects.filter(state=State.PUBLISHED, audience=Audience.CUSTOMERS).values_list(
            "slug", flat=True
        )
    )


@access.customers
def article(request: HttpRequest, contact: ContactPerson, slug: str) -> HttpResponseBase:
    found = Article.objects.filter(slug=slug, state=State.PUBLISHED, audience=Audience.CUSTOMERS).first()
    if found is None or found.current is None:
        raise Http404
    if request.method == "POST":
        vote(found, access.user_of(request), request.POST.get("useful") == "1", clock.now())
        return redirect("web:portal-article", slug)
    language = best_language(found.current, get_language() or "lv")
    text, slugs = text_of(found.current, language), _for_customers()
    parts = [(PARTS[part], html(words, slugs)) for part, words in text.shown(staff=False).items()]
    context = {
        "contact": contact,
        "article": found,
        "text": text,
        "parts": parts,
        "my_vote": found.votes.filter(user=access.user_of(request)).values_list("useful", flat=True).first(),
        "here": "articles",
        **(
            _played(found.current, language, request.GET.get("path", ""), slugs) if found.current.tree else {}
        ),
    }
    return render(request, "web/portal/article.html", context)


def html(words: str, slugs: list[str]) -> str:
    """Links lead to articles that customers may read and to pages of the portal; what is for the staff is words."""

    def address(target: str) -> str | None:
        slug, page = target.removeprefix(ARTICLE), PAGES.get(target.removeprefix(PAGE))
        if target.startswith(ARTICLE):
            return reverse("web:portal-article", args=[slug]) if slug in slugs else None
        return reverse(f"web:{page}") if page and target.startswith(PAGE) else None

    return mark_safe(to_html(words, address))  # noqa: S308 - made from Markdown without HTML


def _played(version: Version, language: str, path: str, slugs: list[str]) -> dict[str, object]:
    """`path`: numbers of the answers so far with dots between; the address is all the memory there is. `more`: an
    article of the place where it stands, if customers may read it."""
    given = [
        int(part)
        for part in path.split(".")[:MOST_ANSWERS]
        if part.isascii() and part.isdigit() and len(part) < 4
    ]
    place = walk(Tree.model_validate(version.tree), given)
    numbers = [str(step.answer) for step in place.steps]
    before = [
        Turn(
            f"{(step.node.ask or {}).get(language, '')} {step.node.answers[step.answer].say.get(language, '')}",
            "",
        )
        for step in place.steps
    ]
    return {
        "ask": (place.node.ask or {}).get(language, ""),
        "help": (place.node.help or {}).get(language, ""),
        "do": (place.node.do or {}).get(language, ""),
        "answers": [
            Turn(one.say.get(language, ""), ".".join([*numbers, str(at)]))
            for at, one in enumerate(place.node.answers)
        ],
        "before": before,
        "more": place.node.article if place.node.article in slugs else "",
        "back": ".".join(numbers[:-1]),
    }
