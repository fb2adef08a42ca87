"""The rota in the database: swaps and overrides change who is called, and can be taken back."""

from datetime import timedelta

import pytest

from collector.core.models import User
from collector.service import oncall
from collector.service.desk_models import Absence, Override, Rota
from collector.service.refusing import ServiceRefused
from tests.collector.service import office
from tests.collector.service.office import NOW

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
WEEK = 7 * DAY


@pytest.fixture
def people() -> list[User]:
    return [office.person() for _ in range(3)]


@pytest.fixture
def row(people: list[User]) -> Rota:
    return office.rota(*people)


def refused(code: str) -> "pytest.RaisesExc[ServiceRefused]":
    return pytest.raises(ServiceRefused, check=lambda e: e.code == code)


def test_turns_go_round_and_a_rota_of_the_queue_goes_before_one_of_all(people: list[User], row: Rota) -> None:
    assert [oncall.called("technical", NOW + n * WEEK) for n in range(4)] == [
        [people[0].pk], [people[1].pk], [people[2].pk], [people[0].pk]
    ]  # fmt: skip
    office.rota(people[2], queue="technical")
    assert oncall.called("technical", NOW) == [people[2].pk]
    assert oncall.called("helpdesk", NOW) == [people[0].pk]
    assert oncall.called("helpdesk", NOW, level=2) == []


def test_a_swap_counts_when_it_is_accepted_and_both_ways(people: list[User], row: Rota) -> None:
    asker, asked = people[0], people[1]
    swap = oncall.ask_swap(
        row,
        asker,
        asked,
        (NOW + DAY, NOW + 2 * DAY),
        NOW,
        back=(NOW + 8 * DAY, NOW + 9 * DAY),
        note="a wedding",
    )
    assert oncall.called("", NOW + DAY) == [asker.pk]
    with refused("rota.not_allowed"):
        oncall.answer_swap(swap.pk, "accept", people[2], NOW)
    oncall.answer_swap(swap.pk, "accept", asked, NOW)
    assert oncall.called("", NOW + DAY) == [asked.pk]
    assert oncall.called("", NOW + 2 * DAY) == [asker.pk]
    assert oncall.called("", NOW + 8 * DAY) == [asker.pk]
    assert [one.why for one in oncall.shifts(row, NOW, NOW + 6 * DAY)] == ["turn", "swap", "turn"]
    with refused("service.state"):
        oncall.answer_swap(swap.pk, "decline", asked, NOW)


def test_nobody_swaps_what_is_not_theirs(people: list[User], row: Rota) -> None:
    mine = (NOW + DAY, NOW + 2 * DAY)
    with refused("rota.not_yours"):
        oncall.ask_swap(row, people[1], people[0], mine, NOW)
    with refused("rota.not_theirs"):
        oncall.ask_swap(row, people[0], people[1], mine, NOW, back=(NOW + 3 * DAY, NOW + 4 * DAY))
    with refused("rota.not_a_worker"):
        oncall.ask_swap(row, people[0], office.person("reader"), mine, NOW)
    with refused("rota.times"):
        oncall.ask_swap(row, people[0], people[1], (NOW + DAY, NOW + DAY), NOW)


def test_what_changed_meanwhile_is_seen_when_a_swap_is_accepted(people: list[User], row: Rota) -> None:
    swap = oncall.ask_swap(row, people[0], people[1], (NOW + DAY, NOW + 2 * DAY), NOW)
    oncall.override(row, people[2], (NOW + DAY, NOW + 3 * DAY), office.person("manager"), NOW)
    with refused("rota.not_yours"):
        oncall.answer_swap(swap.pk, "accept", people[1], NOW)
    swap.refresh_from_db()
    assert (swap.state, Override.objects.count()) == ("asked", 1)


def test_an_override_can_be_taken_back(people: list[User], row: Rota) -> None:
    manager = office.person("manager")
    with refused("rota.not_allowed"):
        oncall.override(row, people[1], (NOW, NOW + DAY), people[0], NOW)
    made = oncall.override(row, people[1], (NOW, NOW + DAY), manager, NOW)
    assert oncall.called("", NOW) == [people[1].pk]
    with refused("rota.not_allowed"):
        oncall.cancel_override(made.pk, people[2], NOW)
    oncall.cancel_override(made.pk, people[1], NOW)
    assert oncall.called("", NOW) == [people[0].pk]
    with refused("rota.over"):
        oncall.cancel_override(made.pk, manager, NOW)


def test_who_is_away_or_gone_leaves_a_gap_and_not_a_wrong_name(people: list[User], row: Rota) -> None:
    Absence.objects.create(user=people[0], starts_at=NOW + DAY, ends_at=NOW + 2 * DAY)
    assert [(one.person, one.why) for one in oncall.shifts(row, NOW, NOW + 6 * DAY)] == [
        (people[0].pk, "turn"), (None, "away"), (people[0].pk, "turn")
    ]  # fmt: skip
    User.objects.filter(pk=people[0].pk).update(is_active=False)
    assert oncall.called("", NOW) == []
