"""The owner of an article hears once, by mail and in the own language, that its review is due."""

from datetime import date, timedelta
from typing import Any

import pytest

from collector.core.models import User
from collector.knowledge.models import Article, ReviewTold, State
from collector.knowledge.texts import Part, Text
from collector.knowledge.writing import add_version, publish
from collector.notify.models import Outgoing
from collector.service import reviewing
from tests.collector.service import office
from tests.collector.service.office import NOW

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def article(owner: User | None, due: date, slug: str = "galva") -> Article:
    one = Article.objects.create(slug=slug, owner=owner, review_due=due)
    texts = {
        language: Text(title=f"{slug} {language}", parts={Part.TEXT: "x"}) for language in ("lv", "en", "ru")
    }
    version = add_version(one, None, NOW, texts)
    return publish(one.pk, version.number)


def letters() -> list[tuple[str, str]]:
    return [(one.address, one.subject) for one in Outgoing.objects.order_by("pk")]


def test_the_owner_is_told_once_when_the_day_comes_and_again_for_the_next_date() -> None:
    owner = office.person(language="lv")
    owner.addresses.create(channel="sms", address="+37120000000", made_at=NOW)
    one = article(owner, NOW.date() + DAY)
    assert [reviewing.remind_due(NOW + n * DAY) for n in range(3)] == [0, 1, 0]
    assert letters() == [(owner.email, "Pienācis laiks pārskatīt rakstu: galva lv")]
    assert "/knowledge/galva/" in Outgoing.objects.get().text
    Article.objects.filter(pk=one.pk).update(review_due=NOW.date() + 3 * DAY)
    assert [reviewing.remind_due(NOW + n * DAY) for n in range(2, 5)] == [0, 1, 0]


def test_all_that_is_due_for_one_person_is_one_letter() -> None:
    owner = office.person(language="ru")
    for slug in ("galva", "papirs"):
        article(owner, NOW.date(), slug)
    assert reviewing.remind_due(NOW) == 1
    assert letters() == [(owner.email, "Пора пересмотреть статьи: 2")]


@pytest.mark.parametrize("gone", [None, {"is_active": False}, {"role": "reader"}], ids=str)
def test_without_an_owner_who_works_here_the_managers_hear(gone: dict[str, Any] | None) -> None:
    boss = office.person("manager")
    article(None if gone is None else office.person(**gone), NOW.date())
    assert reviewing.remind_due(NOW) == 1
    assert letters() == [(boss.email, "An article is due for review: galva en")]


def test_a_retired_article_is_not_reviewed() -> None:
    one = article(office.person(), NOW.date())
    Article.objects.filter(pk=one.pk).update(state=State.RETIRED)
    assert reviewing.remind_due(NOW) == 0


def test_control_without_the_row_it_would_be_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = office.person()
    article(owner, NOW.date())
    assert reviewing.remind_due(NOW) == 1
    ReviewTold.objects.all().delete()
    Outgoing.objects.all().delete()
    assert reviewing.remind_due(NOW) == 1
