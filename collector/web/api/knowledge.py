"""Articles and decision trees: search, one with any of its versions, writing, publishing, and whether it helped."""

from datetime import date, datetime
from typing import Annotated, Literal

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status
from pydantic import JsonValue

from collector.core import clock
from collector.knowledge import writing
from collector.knowledge.checking import check, tree_of
from collector.knowledge.models import Article, Version
from collector.knowledge.search import find
from collector.knowledge.texts import LANGUAGES, Part, Text, text_of
from collector.knowledge.tree import as_data
from collector.web.access import user_of
from collector.web.api import door
from collector.web.api.paging import Slice, cut
from collector.web.api.problem import problem
from collector.web.knowledge_form import owners
from collector.web.reading.knowledge import may_publish, votes

router = Router(tags=["knowledge"], auth=door.anyone)
Language = Literal["lv", "en", "ru"]
State = Literal["draft", "published", "retired"]
Slug = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[a-z0-9-]+$")]
Words = Annotated[str, Field(max_length=20_000)]


class FoundOut(Schema):
    slug: str
    title: str
    summary: str
    score: float
    matched: list[str]


class ArticleOut(Schema):
    slug: str
    kind: str
    state: str
    audience: str
    owner: int | None
    review_due: date | None
    codes: list[str]
    models: list[str]
    shown_version: int | None
    newest_version: int
    useful: int
    votes: int
    shipped_anew: bool


class ArticlesOut(Schema):
    count: int
    items: list[ArticleOut]


class TextBody(Schema):
    title: Annotated[str, Field(max_length=200)] = ""
    summary: Annotated[str, Field(max_length=400)] = ""
    keywords: Annotated[str, Field(max_length=400)] = ""
    parts: dict[Part, Words] = {}


class VersionOut(Schema):
    """`nodes` of a decision tree; empty for an article."""

    article: str
    number: int
    at: datetime
    by: int | None
    note: str
    texts: dict[str, TextBody]
    nodes: dict[str, JsonValue]


class VersionIn(Schema):
    """`after`: the number of the version that it was written from; refused where there is a newer one."""

    texts: dict[Language, TextBody]
    nodes: dict[str, JsonValue] | None = None
    note: Annotated[str, Field(max_length=400)] = ""
    after: Annotated[int, Field(ge=0, le=1_000_000)]


class ArticleIn(Schema):
    slug: Slug
    kind: Literal["article", "tree"] = "article"
    audience: Literal["staff", "customers"] = "staff"
    codes: Annotated[list[str], Field(max_length=40)] = []
    models: Annotated[list[Annotated[str, Field(min_length=1, max_length=80)]], Field(max_length=40)] = []


class HeadIn(Schema):
    """What is left out stays."""

    audience: Literal["staff", "customers"] | None = None
    owner: int | None = None
    review_due: date | None = None
    codes: Annotated[list[str], Field(max_length=40)] | None = None
    models: (
        Annotated[list[Annotated[str, Field(min_length=1, max_length=80)]], Field(max_length=40)] | None
    ) = None


class NumberIn(Schema):
    number: Annotated[int, Field(ge=1, le=1_000_000)]


class VoteIn(Schema):
    useful: bool


class Asked(Schema):
    q: Annotated[str, Field(max_length=400)] = ""
    language: Language = "lv"
    code: list[str] = []
    model: Annotated[str, Field(max_length=80)] = ""
    limit: Annotated[int, Field(ge=1, le=50)] = 5


class ListQuery(Slice):
    state: State | None = None
    code: str = ""


def article_out(article: Article) -> ArticleOut:
    useful, every = votes(article)
    links = writing.links_of(article)
    newest = article.versions.values_list("number", flat=True).first() or 0
    return ArticleOut(
        slug=article.slug,
        kind=article.kind,
        state=article.state,
        audience=article.audience,
        owner=article.owner_id,
        review_due=article.review_due,
        codes=list(links.codes),
        models=list(links.models),
        shown_version=article.current.number if article.current else None,
        newest_version=newest,
        useful=useful,
        votes=every,
        shipped_anew=article.seed_waits,
    )


def version_out(article: Article, version: Version) -> VersionOut:
    texts = {language: text_of(version, language) for language in LANGUAGES}
    said = {
        language: TextBody(
            title=text.title, summary=text.summary, keywords=text.keywords, parts=dict(text.parts)
        )
        for language, text in texts.items()
        if not text.empty
    }
    return VersionOut(
        article=article.slug,
        number=version.number,
        at=version.at,
        by=version.by_id,
        note=version.note,
        texts=said,
        nodes=version.tree.get("nodes", {}),
    )


def _article(slug: str) -> Article:
    return get_object_or_404(Article.objects.select_related("current"), slug=slug)


def _publishable(request: HttpRequest, slug: str) -> Article:
    article = _article(slug)
    if not may_publish(user_of(request), article):
        raise door.Forbidden(door.MANAGING)
    return article


@router.get("/search", response=list[FoundOut])
def search(request: HttpRequest, query: Query[Asked]) -> list[FoundOut]:
    """Published articles, best first, as people type: diacritics, endings and a typing error do not matter. `code` may
    come more than once."""
    found = find(query.q, query.language, codes=query.code, model=query.model, limit=query.limit, staff=True)
    return [
        FoundOut(slug=f.slug, title=f.title, summary=f.summary, score=f.score, matched=list(f.matched))
        for f in found
    ]


@router.get("", response=ArticlesOut)
def list_articles(request: HttpRequest, query: Query[ListQuery]) -> ArticlesOut:
    rows = Article.objects.select_related("current")
    rows = rows.filter(state=query.state) if query.state else rows
    rows = rows.filter(links__kind="code", links__value=query.code) if query.code else rows
    count, some = cut(rows, query)
    return ArticlesOut(count=count, items=[article_out(row) for row in some])


@router.post("", auth=door.worker, response={201: ArticleOut})
def new_article(request: HttpRequest, body: ArticleIn) -> Status[ArticleOut] | HttpResponse:
    """A name and what it is about; what it says comes as its first version."""
    if Article.objects.filter(slug=body.slug).exists():
        return problem(409, "knowledge.name_taken", "There is an article of this name already")
    with transaction.atomic():
        article = Article.objects.create(slug=body.slug, kind=body.kind, audience=body.audience)
        writing.Links(body.codes, body.models).keep(article)
    return Status(201, article_out(article))


@router.get("/{slug}", response=ArticleOut)
def one_article(request: HttpRequest, slug: str) -> ArticleOut:
    return article_out(_article(slug))


@router.patch("/{slug}", auth=door.worker, response=ArticleOut)
def change_head(request: HttpRequest, slug: str, body: HeadIn) -> ArticleOut:
    article = _article(slug)
    with transaction.atomic():
        plain = body.dict(exclude_unset=True, include={"audience", "review_due"})
        owner = {"owner_id": _owner(body.owner)} if "owner" in body.model_fields_set else {}
        Article.objects.filter(pk=article.pk).update(**plain, **owner)
        before = writing.links_of(article)
        codes = before.codes if body.codes is None else body.codes
        models = before.models if body.models is None else body.models
        writing.Links(codes, models).keep(article)
    return article_out(_article(slug))


def _owner(pk: int | None) -> int | None:
    if pk is not None and pk not in {user.pk for user in owners()}:
        raise Http404
    return pk


@router.get("/{slug}/versions/{int:number}", response=VersionOut)
def one_version(request: HttpRequest, slug: str, number: int) -> VersionOut:
    article = _article(slug)
    return version_out(article, get_object_or_404(article.versions, number=number))


@router.post("/{slug}/versions", auth=door.worker, response={201: VersionOut})
def new_version(request: HttpRequest, slug: str, body: VersionIn) -> Status[VersionOut] | HttpResponse:
    """Readers see it once it is published."""
    article = _article(slug)
    texts: dict[str, Text] = {
        language: Text(text.title, text.summary, text.keywords, {p: w for p, w in text.parts.items() if w})
        for language, text in body.texts.items()
    }
    tree, wrong = tree_of(body.nodes or {}) if article.kind == "tree" else (None, [])
    slugs = set(Article.objects.values_list("slug", flat=True))
    wrong = wrong or check(texts, writing.links_of(article).codes, slugs, tree)
    if wrong:
        told = "; ".join(f"{p.wrong}: {p.what}" if p.what else p.wrong for p in wrong)
        return problem(422, "knowledge.wrong", "The article cannot be kept like this", told)
    by, now = user_of(request), clock.now()
    version = writing.add_version(
        article, by, now, texts, tree=as_data(tree), note=body.note, after=body.after
    )
    return Status(201, version_out(article, version))


@router.post("/{slug}/publish", auth=door.worker, response=ArticleOut)
def publish(request: HttpRequest, slug: str, body: NumberIn) -> ArticleOut:
    """Any version. By a manager, or by the one who owns the article."""
    article = _publishable(request, slug)
    get_object_or_404(article.versions, number=body.number)
    return article_out(writing.publish(article.pk, body.number))


@router.post("/{slug}/retire", auth=door.worker, response=ArticleOut)
def retire(request: HttpRequest, slug: str) -> ArticleOut:
    return article_out(writing.retire(_publishable(request, slug).pk))


@router.post("/{slug}/revive", auth=door.worker, response=ArticleOut)
def revive(request: HttpRequest, slug: str) -> ArticleOut:
    return article_out(writing.revive(_publishable(request, slug).pk))


@router.post("/{slug}/vote", response=ArticleOut)
def vote(request: HttpRequest, slug: str, body: VoteIn) -> ArticleOut:
    """Once per person; a later one replaces it."""
    article = _article(slug)
    writing.vote(article, user_of(request), body.useful, clock.now())
    return article_out(article)
