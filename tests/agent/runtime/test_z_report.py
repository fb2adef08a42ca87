"""A Z report is a number that has grown; nothing else."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.devices.reading import Reading
from agent.runtime.clock import SystemClock
from agent.runtime.z_report import ZReports
from agent.spool import Spool
from protocols.regime.told import read
from protocols.status.model import DeviceState, Identity

NOW = datetime(2026, 11, 26, 22, 0, tzinfo=UTC)


class Clock(SystemClock):
    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path / "spool.db", SystemClock(), owner=True) as made:
        yield made


def reading(number: int | None, serial: str = "A1", device: str = "fiscal") -> Reading:
    class Seen:
        state = DeviceState(last_z_number=number)
        identity = Identity(serial=serial)

    Seen.device = device  # type: ignore[attr-defined]
    return Seen  # type: ignore[return-value]


def seen(spool: Spool, *numbers: tuple[int | None, str]) -> list[datetime | None]:
    """An hour between two looks."""
    clock = Clock()
    reports = ZReports(spool, clock)
    found = []
    for number, serial in numbers:
        reports.look([reading(number, serial)])
        found.append(reports.last)
        clock.at += timedelta(hours=1)
    return found


def test_only_a_number_that_has_grown_is_a_report(spool: Spool) -> None:
    hour = timedelta(hours=1)
    numbers = [(None, "A1"), (7, "A1"), (7, "A1"), (8, "A1"), (None, "A1"), (8, "A1"), (6, "A1"), (9, "A1")]
    expected = [
        None,
        None,
        None,
        NOW + 3 * hour,
        NOW + 3 * hour,
        NOW + 3 * hour,
        NOW + 3 * hour,
        NOW + 7 * hour,
    ]
    assert seen(spool, *numbers) == expected


def test_another_device_in_its_place_has_its_own_numbers(spool: Spool) -> None:
    assert seen(spool, (7, "A1"), (90, "B2"), (91, "B2")) == [None, None, NOW + timedelta(hours=2)]


def test_it_is_known_after_a_restart_and_what_came_meanwhile_is_seen(spool: Spool) -> None:
    assert seen(spool, (7, "A1"), (8, "A1"))[-1] == NOW + timedelta(hours=1)
    assert ZReports(spool, Clock()).last == NOW + timedelta(hours=1)
    assert seen(spool, (9, "A1")) == [NOW]


def test_the_collector_is_told_of_each_with_those_before_it(spool: Spool) -> None:
    clock, facts = Clock(), []
    reports = ZReports(spool, clock, facts.append)
    for number in [*range(7, 27), 26, 26]:
        reports.look([reading(number)])
        clock.at += timedelta(days=1)
    assert [fact.name for fact in facts] == ["pos.z_reports"] * 20
    assert read(facts[0].detail) == []
    assert read(facts[2].detail) == [NOW + timedelta(days=1), NOW + timedelta(days=2)]
    assert read(facts[-1].detail) == [NOW + timedelta(days=day) for day in range(6, 20)]
    assert facts[-1].detail["number"] == 26
    assert len(str(facts[-1].detail["recent"])) <= 400
    assert read({"recent": "20261126T220000Z yesterday"}) == [NOW]


def test_the_latest_of_several_devices_counts(spool: Spool) -> None:
    clock = Clock()
    reports = ZReports(spool, clock)
    assert not reports.told
    reports.look([reading(1, device="a"), reading(5, device="b")])
    clock.at += timedelta(hours=2)
    reports.look([reading(2, device="a"), reading(5, device="b")])
    clock.at += timedelta(hours=2)
    reports.look([reading(2, device="a"), reading(6, device="b")])
    assert reports.told
    assert reports.last == NOW + timedelta(hours=4)
