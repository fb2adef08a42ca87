"""How an article changes: a new version, published, retired, brought back, found useful. Old versions stay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from collector.core.models import User
from collector.knowledge import index
from collector.knowledge.models import Article, Link, LinkKind, State, Version, Vote
from collector.knowledge.texts import Text, best_language, text_of
from protocols.errors import PlombaError


class NotNow(PlombaError):
    """The article is not in a state in which this can be done."""

    code = "knowledge.state"


class Stale(PlombaError):
    """Somebody saved another version after this one was opened."""

    code = "knowledge.changed_meanwhile"


class Unfinished(PlombaError):
    """Nothing to read: a title or every part is missing."""

    code = "knowledge.unfinished"


@dataclass(frozen=True, slots=True)
class Links:
    """What an article is about."""

    codes: Sequence[str] = ()
    models: Sequence[str] = ()

    def keep(self, article: Article) -> None:
        article.links.all().delete()
        wanted = [(LinkKind.CODE, code) for code in self.codes] + [(LinkKind.MODEL, m) for m in self.models]
        Link.objects.bulk_create(
            Link(article=article, kind=kind, value=value) for kind, value in dict.fromkeys(wanted)
        )


def links_of(article: Article) -> Links:
    rows = list(article.links.values_list("kind", "value"))
    return Links(
        tuple(value for kind, value in rows if kind == LinkKind.CODE),
        tuple(value for kind, value in rows if kind == LinkKind.MODEL),
    )


def add_version(
    article: Article,
    by: User | None,
    now: datetime,
    texts: Mapping[str, Text],
    *,
    tree: Mapping[str, object] | None = None,
    note: str = "",
    after: int | None = None,
) -> Version:
    """One more version, which readers do not see yet. `after`: the version that was open when it was written; Stale
    where there is a newer one."""
    with transaction.atomic():
        Article.objects.select_for_update().get(pk=article.pk)
        newest = article.versions.order_by("-number").values_list("number", flat=True).first() or 0
        if after is not None and after != newest:
            raise Stale(f"version {newest} was saved meanwhile")
        return Version.objects.create(
            article=article,
            number=newest + 1,
            at=now,
            by=by,
            note=note[:400],
            texts={language: text.as_data() for language, text in texts.items() if not text.empty},
            tree=dict(tree or {}),
        )


def publish(pk: int, number: int) -> Article:
    """Readers see this version from now on, an older one, too. Unfinished where it has no title or no text."""
    with transaction.atomic():
        article = Article.objects.select_for_update().get(pk=pk)
        version = article.versions.get(number=number)
        text = text_of(version, best_language(version, "lv"))
        if not text.title or not (text.parts or version.tree):
            raise Unfinished("an article needs a title and something to read")
        article.current, article.state = version, State.PUBLISHED
        article.save(update_fields=["current", "state"])
        index.renew([article])
    return article


def retire(pk: int) -> Article:
    """Not found and not shown to readers any more; every version stays."""
    return _turn(pk, State.PUBLISHED, State.RETIRED)


def revive(pk: int) -> Article:
    return _turn(pk, State.RETIRED, State.PUBLISHED)


def _turn(pk: int, before: State, after: State) -> Article:
    with transaction.atomic():
        article = Article.objects.select_for_update().select_related(None).get(pk=pk)
        if article.state != before:
            raise NotNow(f"the article is {article.state}")
        article.state = after
        article.save(update_fields=["state"])
        index.renew([article])
    return article


def vote(article: Article, user: User, useful: bool, now: datetime) -> None:
    """Counted once per person; who thinks again changes the own vote."""
    Vote.objects.update_or_create(article=article, user=user, defaults={"useful": useful, "at": now})
