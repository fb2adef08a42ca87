"""The knowledge base as it is written: new articles, versions, preview, publishing, retiring."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from collector.core import clock
from collector.knowledge import shipped, writing
from collector.knowledge.checking import Problem
from collector.knowledge.models import Article
from collector.knowledge.texts import LANGUAGES, Part, Text
from collector.knowledge.tree import Tree, as_data
from collector.web import access
from collector.web.knowledge_form import Edited, keep_head, owners
from collector.web.knowledge_words import AUDIENCES, PARTS, WRONG
from collector.web.reading.knowledge import html, known_slugs, may_publish
from collector.web.reading.page import whole
from collector.web.views.knowledge import article_of
from protocols.errors import PlombaError
from protocols.status.faults import FAULTS

LANGUAGE_NAMES = {"lv": "Latviešu", "en": "English", "ru": "Русский"}


@access.workers
def new(request: HttpRequest) -> HttpResponseBase:
    if request.method != "POST":
        return _form(request, Edited.fresh(request.GET.get("kind", "")))
    edited = Edited.read(request.POST, None)
    problems = edited.problems()
    if problems:
        return _form(request, edited, problems=problems)
    if not edited.slug or Article.objects.filter(slug=edited.slug).exists():
        return _form(request, edited, refused=_("There is an article of this name already. Choose another."))
    with transaction.atomic():
        article = Article.objects.create(slug=edited.slug, kind=edited.kind)
        _save(request, article, edited)
    return redirect("web:article", edited.slug)


@access.workers
def edit(request: HttpRequest, slug: str) -> HttpResponseBase:
    """A version of its own with each saving; readers see it once it is published."""
    article = article_of(slug)
    newest = article.versions.first()
    if newest is None:
        raise Http404
    if request.method != "POST":
        return _form(request, Edited.of(article, newest), article)
    edited = Edited.read(request.POST, article)
    problems = edited.problems()
    if problems:
        return _form(request, edited, article, problems=problems)
    try:
        with transaction.atomic():
            _save(request, article, edited)
    except writing.Stale:
        said = _(
            "Somebody saved another version meanwhile. Open it beside this one, then save yours over it."
        )
        return _form(request, edited, article, refused=said)
    return redirect("web:article", slug)


def _save(request: HttpRequest, article: Article, edited: Edited) -> None:
    by = access.user_of(request)
    version = writing.add_version(
        article,
        by,
        clock.now(),
        edited.texts,
        tree=edited.tree_data(),
        note=edited.note,
        after=edited.after,
    )
    keep_head(article, edited)
    if request.POST.get("then") == "publish" and may_publish(access.user_of(request), article):
        writing.publish(article.pk, version.number)
        messages.success(request, _("Published: readers see it now."))
    else:
        messages.success(request, _("Version %(number)s is saved. Readers see it once it is published.") % {
            "number": version.number
        })  # fmt: skip


def _form(
    request: HttpRequest,
    edited: Edited,
    article: Article | None = None,
    problems: list[Problem] | None = None,
    refused: str = "",
) -> HttpResponse:
    context = {
        "edited": edited,
        "article": article,
        "problems": [(WRONG[problem.wrong], problem.what) for problem in problems or []],
        "refused": refused,
        "tongues": [_tongue(edited, language) for language in LANGUAGES],
        "owners": owners(),
        "audiences": AUDIENCES.items(),
        "codes": sorted(FAULTS),
        "may_publish": access.user_of(request).may_manage
        or (article is not None and may_publish(access.user_of(request), article)),
    }
    return render(request, "web/article_edit.html", context, status=422 if problems or refused else 200)


def _tongue(edited: Edited, language: str) -> dict[str, object]:
    text = edited.texts.get(language, Text())
    fields = [(part, PARTS[part], text.parts.get(part, "")) for part in Part]
    return {
        "code": language,
        "name": LANGUAGE_NAMES[language],
        "text": text,
        "fields": fields,
        "open": language == get_language(),
    }


@require_POST
@access.workers
def preview(request: HttpRequest) -> HttpResponseBase:
    """How it would look in the language of the page, or the first that says something. Stores nothing."""
    edited = Edited.read(request.POST, None)
    language = next(
        (one for one in (get_language() or "en", *LANGUAGES) if not edited.texts.get(one, Text()).empty), "lv"
    )
    text, slugs = edited.texts[language], known_slugs()
    shown = [
        {"sign": PARTS[part], "part": part, "html": html(words, slugs)}
        for part, words in text.shown(True).items()
    ]
    problems = [(WRONG[problem.wrong], problem.what) for problem in edited.problems()]
    outline = [] if problems else _outline(edited.tree()[0], language)
    context = {
        "text": text,
        "sections": shown,
        "problems": problems,
        "language": language,
        "outline": outline,
    }
    return render(request, "web/_article_preview.html", context)


def _outline(tree: Tree | None, language: str) -> list[dict[str, object]]:
    """Every node with where its answers lead."""
    return [
        {
            "name": name,
            "words": (node.ask or node.do or {}).get(language, ""),
            "answers": [(answer.say.get(language, ""), answer.to) for answer in node.answers],
        }
        for name, node in (tree.nodes.items() if tree else ())
    ]


@require_POST
@access.workers
def act(request: HttpRequest, slug: str, name: str) -> HttpResponseBase:
    """publish (a version, the newest where none is named), retire, revive, shipped (take the shipped text)."""
    article = article_of(slug)
    if not may_publish(access.user_of(request), article):
        raise PermissionDenied
    try:
        _do(request, article, name)
    except PlombaError as e:
        messages.error(request, _refusal(e))
    return redirect("web:article", slug)


def _refusal(e: PlombaError) -> str:
    said = {
        "knowledge.state": _("The article has changed meanwhile; this is not possible any more."),
        "knowledge.unfinished": _("There is nothing to read yet. Write at least one part."),
    }
    return said.get(e.code, str(e))


def _do(request: HttpRequest, article: Article, name: str) -> None:
    newest = article.versions.first()
    match name:
        case "publish" if newest is not None:
            writing.publish(article.pk, whole(request.POST, "number") or newest.number)
        case "retire":
            writing.retire(article.pk)
        case "revive":
            writing.revive(article.pk)
        case "shipped":
            _take_shipped(request, article)
        case _:
            raise Http404


def _take_shipped(request: HttpRequest, article: Article) -> None:
    seed = shipped.one(article.slug)
    if seed is None:
        raise Http404
    by, note = access.user_of(request), _("The text that Plomba ships")
    writing.add_version(article, by, clock.now(), seed.texts, tree=as_data(seed.tree), note=note)
    Article.objects.filter(pk=article.pk).update(seed_waits=False)
