"""Batteries and disks: what they say, what they do not say, and the days until a disk is full."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import psutil
import pytest

from agent.system import battery, disk_trend, smart
from agent.system.battery import Battery, Power
from agent.system.command import Answer, Commands
from agent.system.disk import Room
from agent.system.disk_trend import FARTHEST_DAYS, Days, DiskTrend
from agent.system.probe import NotKnown, Plain
from agent.system.smart import Smart
from tests.agent.system.conftest import Play

OL = "battery.charge: 100\nbattery.runtime: 1860\nups.status: OL CHRG\n"
APC = "UPSNAME  : kase\nSTATUS   : ONLINE \nBCHARGE  : 100.0 Percent\nTIMELEFT : 31.0 Minutes\n"


@pytest.mark.parametrize(
    ("status", "on"),
    [("OL", False), ("OB LB", True), ("OB DISCHRG", True), ("OFF", None), ("WAIT", None), ("", None)],
)
def test_nut_says_whether_the_mains_are_there(status: str, on: bool | None) -> None:
    assert battery.nut("ups", OL.replace("OL CHRG", status)).on_battery is on


@pytest.mark.parametrize(
    ("status", "on"), [("ONLINE", False), ("ONBATT", True), ("COMMLOST", None), ("ONLINE COMMLOST", None)]
)
def test_apcupsd_says_it_unless_the_cable_is_out(status: str, on: bool | None) -> None:
    assert battery.apc(APC.replace("ONLINE", status)).on_battery is on


def test_figures_of_a_battery_have_its_name_and_one_unit() -> None:
    found = [battery.nut("ups", OL), battery.apc(APC)]
    assert battery.judge(found, []).values == {
        "battery_percent:ups": 100.0,
        "battery_left_s:ups": 1860.0,
        "battery_percent:kase": 100.0,
        "battery_left_s:kase": 1860.0,
    }


@pytest.mark.parametrize(
    ("found", "unheard", "value", "words"),
    [
        ([Power("ups", True)], [], 1.0, "runs from ups"),
        ([Power("ups", False)], [], 0.0, "the mains are back"),
        ([Power("ups", False), Power("other", True)], ["upsc: no"], 1.0, "runs from other"),
        ([Power("ups", None)], [], None, "ups does not say"),
        ([Power("ups", False)], ["upsc: no"], None, "upsc: no"),
    ],
)
def test_one_battery_that_is_in_use_is_enough(
    found: list[Power], unheard: list[str], value: float | None, words: str
) -> None:
    [condition] = battery.judge(found, unheard).conditions
    assert (condition.code, condition.value, condition.reason) == ("host.on_battery", value, words)


def test_a_computer_without_a_battery_has_nothing_to_tell() -> None:
    assert battery.judge([], []).conditions == ()


def test_a_ups_is_asked_by_the_programs_that_are_there(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "sensors_battery", lambda: None, raising=False)
    play("upsc", f'[ "$1" = -l ] && echo kase || printf "{OL.replace("OL", "OB")}"')
    [condition] = Battery(Commands()).measure().conditions
    assert (condition.value, condition.reason) == (1.0, "runs from kase")
    play("upsc", 'echo "Error: Connection failure: Connection refused" >&2; exit 1')
    play("apcaccess", f'printf "{APC}"')
    [condition] = Battery(Commands()).measure().conditions
    assert condition.value is None
    assert "Connection refused" in condition.reason


def ata(passed: bool | None = True, when: str = "", raw: int = 0, early: bool = True) -> dict[str, object]:
    """As smartmontools 7 prints it: names from its source, atacmds and ataprint."""
    status = {} if passed is None else {"smart_status": {"passed": passed}}
    row = {
        "id": 5, "name": "Reallocated_Sector_Ct", "when_failed": when,
        "flags": {"prefailure": early}, "raw": {"value": raw, "string": str(raw)},
    }  # fmt: skip
    return {
        **status,
        "model_name": "ACME 240",
        "ata_smart_attributes": {"table": [row]},
        "temperature": {"current": 41},
    }


def nvme(warning: int) -> dict[str, object]:
    log = {"critical_warning": warning, "percentage_used": 7, "available_spare": 100, "media_errors": 0}
    return {"smart_status": {"passed": True}, "nvme_smart_health_information_log": log}


SILENT: dict[str, object] = {"smartctl": {"messages": [{"string": "Permission denied", "severity": "error"}]}}


@pytest.mark.parametrize(
    ("told", "code", "failing", "words"),
    [
        (ata(), 0, False, "well"),
        (ata(passed=False), 8, True, "it says of itself that it fails"),
        (ata(passed=None), 8, True, "it says of itself that it fails"),
        (ata(when="now"), 16, True, "Reallocated_Sector_Ct is at its threshold"),
        (ata(when="past"), 32, False, "well"),
        (ata(when="now", early=False), 16, False, "well"),
        (nvme(0), 0, False, "well"),
        (nvme(0b0001), 8, True, "it says of itself that it fails, spare is low"),
        (nvme(0b0010), 0, False, "well"),  # heat has a fault code of its own
        (nvme(0b1100), 0, True, "not reliable any more, read only"),
        (SILENT, 2, None, "Permission denied"),
        (ata(passed=None), 4, None, "it does not say how it is"),
    ],
)
def test_a_disk_fails_when_it_says_so(
    told: Mapping[str, object], code: int, failing: bool | None, words: str
) -> None:
    disk = smart.read("sda", Answer("smartctl", code, json.dumps(told), ""))
    assert (disk.failing, disk.why) == (failing, words)


def test_one_failing_disk_is_enough_and_one_silent_disk_makes_all_unknown() -> None:
    well, bad, silent = (
        smart.Disk(name, state, "x") for name, state in (("a", False), ("b", True), ("c", None))
    )
    values = [
        smart.judge(disks).conditions[0].value for disks in ([well], [well, bad, silent], [well, silent], [])
    ]
    assert values == [0.0, 1.0, None, None]


def test_what_smartctl_prints_becomes_figures(play: Play) -> None:
    scan = {"devices": [{"name": "/dev/sda", "type": "sat"}, {"name": "/dev/bus/0", "type": "megaraid,1"}]}
    play(
        "smartctl",
        f"""case "$*" in
*--scan*) echo '{json.dumps(scan)}';;
*"-d sat -- /dev/sda") echo '{json.dumps(ata(raw=3))}';;
*"-d megaraid,1 -- /dev/bus/0") echo '{json.dumps(ata(passed=False))}'; exit 8;;
esac""",
    )
    measured = Smart(Commands()).measure()
    assert measured.values["smart_reallocated:sda"] == 3
    assert measured.values["smart_celsius:sda"] == 41
    assert measured.conditions[0].reason == "bus/0 megaraid,1: it says of itself that it fails"
    assert measured.facts["host.disks"] == {"sda": "ACME 240", "bus/0 megaraid,1": "ACME 240"}


@pytest.mark.parametrize("script", ["echo nonsense", "echo []", 'echo \'{"smartctl": {"exit_status": 0}}\''])
def test_without_an_answer_or_a_disk_nothing_is_known(play: Play, script: str) -> None:
    play("smartctl", script)
    with pytest.raises(NotKnown):
        Smart(Commands()).measure()


GB = 1 << 30
MONDAY = date(2026, 11, 2)


def history(*free_gb: float) -> Days:
    days: Days = []
    for number, free in enumerate(free_gb):
        days = disk_trend.add(days, MONDAY + timedelta(days=number), int(free * GB))
    return days


@pytest.mark.parametrize(
    ("days", "left"),
    [
        (history(), None),
        (history(10, 9, 8, 7, 6, 5, 4), None),  # six days of history
        (history(10, 9, 8, 7, 6, 5, 4, 3), 3.0),
        (history(10, 9, 8, 7, 1, 5, 4, 3), 3.0),  # something large came and went
        (history(*[10] * 8), FARTHEST_DAYS),
        (history(3, 4, 5, 6, 7, 8, 9, 10), FARTHEST_DAYS),
        (history(100, 99.99, 99.98, 99.97, 99.96, 99.95, 99.94, 99.93), FARTHEST_DAYS),
        (history(7, 6, 5, 4, 3, 2, 1, 0), 0.0),
    ],
)
def test_days_until_a_disk_is_full(days: Days, left: float | None) -> None:
    assert disk_trend.days_left(days) == left


def test_a_day_keeps_its_least_and_a_clock_that_went_back_begins_anew() -> None:
    days = disk_trend.add(disk_trend.add(history(10), MONDAY, 4 * GB), MONDAY, 9 * GB)
    assert days == [(MONDAY, 4 * GB)]
    assert disk_trend.add(days, MONDAY - timedelta(days=3), GB) == [(MONDAY - timedelta(days=3), GB)]
    assert len(history(*range(100))) == disk_trend.KEPT_DAYS


def test_the_trend_survives_a_restart_and_is_written_when_it_changed() -> None:
    kept: dict[str, Plain] = {}
    at = datetime(2026, 11, 2, 12, tzinfo=UTC)
    values: list[float | None] = []
    for day in range(9):
        rooms = {"/": Room(int((9 - day) * GB), 10 * GB), "/new": Room(GB, 2 * GB)}
        probe = DiskTrend(lambda rooms=rooms: rooms, lambda day=day: at + timedelta(days=day), kept.get)  # type: ignore[misc]
        measured = probe.measure()
        assert measured.keep is not None
        kept["probe.disk_trend"] = json.loads(json.dumps(measured.keep))
        values.append(measured.values.get("disk_full_in_days"))
        assert probe.measure().keep is None
    assert values == [None] * 7 + [2.0, 1.0]


@pytest.mark.parametrize("kept", [None, "x", {"/": "x"}, {"/": [["x"], [1, 2], ["2026-99-99", 5]]}])
def test_a_trend_that_cannot_be_read_begins_anew(kept: Plain) -> None:
    assert all(not days for days in disk_trend.restore(kept).values())
