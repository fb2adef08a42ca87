"""Brings the shipped articles into the database, and never writes over what people have changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import transaction

from collector.knowledge import index
from collector.knowledge.models import Article, Link, LinkKind, State, Version
from collector.knowledge.shipped import FOLDER, Seed, load
from collector.knowledge.tree import as_data
from collector.knowledge.writing import Links


@dataclass(frozen=True, slots=True)
class Synced:
    """How many articles came in new, were renewed, wait because people have changed them, and were as shipped."""

    new: int
    renewed: int
    waiting: int
    unchanged: int


def sync(now: datetime, folder: Path = FOLDER) -> Synced:
    """May be repeated: a file that has not changed since the last time does nothing."""
    with transaction.atomic():
        known = {article.slug: article for article in Article.objects.exclude(seed_digest="")}
        taken = set(Article.objects.filter(seed_digest="").values_list("slug", flat=True))
        seeds = [seed for seed in load(folder) if seed.slug not in taken]
        fresh = [seed for seed in seeds if seed.slug not in known]
        changed = [s for s in seeds if s.slug in known and known[s.slug].seed_digest != s.digest]
        edited = _edited(known[seed.slug] for seed in changed)
        renewed = [(known[seed.slug], seed) for seed in changed if known[seed.slug].pk not in edited]
        _write([*_made(fresh), *renewed], now)
        for seed in changed:
            if known[seed.slug].pk in edited:
                Article.objects.filter(slug=seed.slug).update(seed_digest=seed.digest, seed_waits=True)
    return Synced(
        len(fresh), len(renewed), len(changed) - len(renewed), len(seeds) - len(fresh) - len(changed)
    )


def _edited(articles: Iterable[Article]) -> set[int]:
    rows = Version.objects.filter(article__in=list(articles), by__isnull=False)
    return set(rows.values_list("article", flat=True))


def _made(seeds: list[Seed]) -> list[tuple[Article, Seed]]:
    articles = Article.objects.bulk_create(
        Article(
            slug=seed.slug,
            kind=seed.kind,
            state=State.PUBLISHED,
            audience=seed.audience,
            review_due=seed.review,
        )
        for seed in seeds
    )
    return list(zip(articles, seeds, strict=True))


def _write(pairs: list[tuple[Article, Seed]], now: datetime) -> None:
    """One version each, published at once."""
    articles = [article for article, _ in pairs]
    numbers = dict(
        Version.objects.filter(article__in=articles).order_by("number").values_list("article", "number")
    )
    versions = Version.objects.bulk_create(
        Version(
            article=article,
            number=numbers.get(article.pk, 0) + 1,
            at=now,
            texts={language: text.as_data() for language, text in seed.texts.items()},
            tree=as_data(seed.tree),
        )
        for article, seed in pairs
    )
    Link.objects.filter(article__in=articles).delete()
    Link.objects.bulk_create(link for article, seed in pairs for link in _links(article, seed.links))
    for (article, seed), version in zip(pairs, versions, strict=True):
        article.current, article.seed_digest = version, seed.digest
    Article.objects.bulk_update(articles, ["current", "seed_digest"])
    index.renew(articles)


def _links(article: Article, links: Links) -> list[Link]:
    codes = [Link(article=article, kind=LinkKind.CODE, value=code) for code in links.codes]
    return codes + [Link(article=article, kind=LinkKind.MODEL, value=model) for model in links.models]
