"""A duty: when the review of an article is due, its owner hears of it by mail, once for a date; the managers, where it
has no owner who still works here."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from collector.core.models import User
from collector.knowledge.models import Article, ReviewTold, State
from collector.knowledge.texts import best_language, text_of
from collector.notify.models import Channel
from collector.service import people, rounds, telling

EVERY = timedelta(minutes=10)
AT_ONCE = 100
_TEXTS = {
    "lv": {
        "one": "Pienācis laiks pārskatīt rakstu: {title}",
        "many": "Pienācis laiks pārskatīt rakstus: {n}",
        "why": "Izlasiet, vai tas vēl ir tā, izlabojiet, kas mainījies, un norādiet nākamo pārskatīšanas dienu.",
        "due": "pārskatīt līdz {day}",
    },
    "en": {
        "one": "An article is due for review: {title}",
        "many": "Articles are due for review: {n}",
        "why": "Read whether it still holds, mend what has changed, and set the next day of review.",
        "due": "review by {day}",
    },
    "ru": {
        "one": "Пора пересмотреть статью: {title}",
        "many": "Пора пересмотреть статьи: {n}",
        "why": "Прочтите, верно ли всё ещё написанное, исправьте изменившееся и укажите следующую дату пересмотра.",
        "due": "пересмотреть до {day}",
    },
}


def remind(now: datetime) -> int:
    """How many letters."""
    return remind_due(now) if rounds.mine("reviews", now, EVERY) else 0


def remind_due(now: datetime) -> int:
    """All that is due for one reader is one letter."""
    by_reader: dict[int, list[Article]] = defaultdict(list)
    for one in _due(now)[:AT_ONCE]:
        for reader in _readers(one):
            by_reader[reader].append(one)
    readers = User.objects.filter(is_active=True).in_bulk(by_reader)
    with transaction.atomic():
        mine = _claim({one for due in by_reader.values() for one in due}, now)
        return sum(
            _tell(readers[number], [one for one in due if one.pk in mine], now)
            for number, due in by_reader.items()
            if number in readers
        )


def _due(now: datetime) -> QuerySet[Article]:
    """Published, the day has come where the company works, and nobody was told."""
    today = now.astimezone(ZoneInfo(settings.CONFIG.time_zone)).date()
    told = ReviewTold.objects.filter(article=OuterRef("pk"), due=OuterRef("review_due"))
    rows = Article.objects.filter(~Exists(told), state=State.PUBLISHED, review_due__lte=today)
    return rows.exclude(current=None).select_related("current", "owner").order_by("review_due", "pk")


def _readers(one: Article) -> list[int]:
    owner = one.owner
    return [owner.pk] if owner and owner.is_active and owner.may_work else people.managers()


def _claim(due: set[Article], now: datetime) -> set[int]:
    """Those that this worker tells: whose row it could write."""
    mine = set()
    for one in sorted(due, key=lambda article: article.pk):
        day = one.review_due
        if day and ReviewTold.objects.get_or_create(article=one, due=day, defaults={"told_at": now})[1]:
            mine.add(one.pk)
    return mine


def _tell(reader: User, due: Sequence[Article], now: datetime) -> int:
    if not due:
        return 0
    first = due[0]
    return telling.tell(
        reader, partial(_words, due), now,
        key=f"review:{first.pk}:{first.review_due}", about=f"article:{first.pk}", by=(Channel.EMAIL,),
    )  # fmt: skip


def _words(due: Sequence[Article], language: str) -> tuple[str, str]:
    words = _TEXTS[language if language in _TEXTS else "en"]
    titles = [_title(one, language) for one in due]
    subject = words["one"].format(title=titles[0]) if len(due) == 1 else words["many"].format(n=len(due))
    lines = [words["why"], ""]
    for one, title in zip(due, titles, strict=True):
        lines += [f"- {title}, {words['due'].format(day=_day(one, language))}", f"  {_link(one)}"]
    return subject[:400], "\n".join(lines) + "\n"


def _title(one: Article, language: str) -> str:
    version = one.current
    return text_of(version, best_language(version, language)).title if version else one.slug


def _day(one: Article, language: str) -> str:
    day = one.review_due
    return "" if day is None else f"{day:%Y-%m-%d}" if language == "en" else f"{day:%d.%m.%Y}"


def _link(one: Article) -> str:
    return f"{settings.CONFIG.public_url}/knowledge/{one.slug}/"
