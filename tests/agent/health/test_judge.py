"""The rules of debounce, case by case, and what must hold for any sequence of observations."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.health import RULES, Judge, Level, Observation, Rule, Transition, rules_for_device
from protocols.errors import UsageError
from protocols.status.faults import FAULTS, conditions
from protocols.status.model import DeviceState
from protocols.wire.v1 import Change

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def feed(judge: Judge, code: str, seen: Sequence[tuple[float, Observation]]) -> list[tuple[float, str]]:
    """(seconds, change) of every transition of the code."""
    found = []
    for seconds, value in seen:
        for change in judge.observe({code: value}, at_s=seconds, now=at(seconds)):
            assert change.code == code
            assert change.at == at(seconds)
            found.append((seconds, change.change.value))
    return found


def every(step_s: float, marks: str, start_s: float = 0.0) -> list[tuple[float, Observation]]:
    """`x` present, `-` absent, `?` unknown."""
    meaning = {"x": True, "-": False, "?": None}
    return [(start_s + index * step_s, meaning[mark]) for index, mark in enumerate(marks)]


R, C = "raised", "cleared"
CASES: list[tuple[str, float, str, list[tuple[float, str]]]] = [
    # code, seconds between readings, readings, what happens when
    ("printer.cover_open", 2, "-x", []),
    ("printer.cover_open", 2, "-xx", [(4, R)]),
    ("printer.cover_open", 2, "x-x-x-", []),
    ("printer.cover_open", 2, "x?x", [(4, R)]),
    ("printer.cover_open", 2, "xx-x-x--", [(2, R), (14, C)]),
    ("printer.cover_open", 2, "xx??????", [(2, R)]),
    ("printer.cover_open", 2, "xx-?-", [(2, R), (8, C)]),
    ("printer.cover_open", 2, "????", []),
    ("printer.cover_open", 40, "x??x", []),
    ("printer.cover_open", 40, "x??xx", [(160, R)]),
    ("printer.cover_open", 40, "xx-??-", [(40, R)]),
    ("printer.paper_end", 2, "xx--", [(2, R), (6, C)]),
    ("printer.paper_near_end", 2, "xx--", [(2, R), (6, C)]),
    ("printer.head_overheat", 2, "xx--", [(2, R)]),
    ("printer.head_overheat", 2, "xx-----", [(2, R), (10, C)]),
    ("printer.offline", 2, "xxx", []),
    ("printer.offline", 2, "xxxx", [(6, R)]),
    ("printer.offline", 2, "xx-xx-", []),
    ("printer.offline", 2, "xxxx--", [(6, R), (10, C)]),
    ("fiscal.memory_full", 2, "xx", [(2, R)]),
    ("fiscal.tax_link", 10, "x-x", [(20, R)]),
    ("fiscal.tax_link", 10, "x--xx", []),
    ("fiscal.tax_link", 10, "xxx---", [(20, R), (50, C)]),
    ("drawer.open_too_long", 30, "xxxx", []),
    ("drawer.open_too_long", 30, "xxxxx", [(120, R)]),
    ("drawer.open_too_long", 30, "xx-xxxx", []),
    ("drawer.open_too_long", 30, "xxxxx--", [(120, R), (180, C)]),
    ("device.no_reply", 2, "xxxxx", []),
    ("device.no_reply", 2, "xxxxxx", [(10, R)]),
    ("device.no_reply", 10, "xx", []),
    ("device.no_reply", 10, "xxx", [(20, R)]),
    ("device.no_reply", 5, "xx-xx-", []),
    ("device.no_reply", 5, "xxx-", [(10, R), (15, C)]),
    ("device.no_reply", 5, "xxx?", [(10, R)]),
    ("device.port_missing", 2, "xx", []),
    ("device.port_missing", 2, "xxxx-", [(6, R), (8, C)]),
    ("device.protocol_mismatch", 5, "xxxx", []),
    ("device.protocol_mismatch", 5, "xxxxx-", [(20, R), (25, C)]),
    ("device.identity_changed", 5, "x-", [(0, R), (5, C)]),
    ("backup.failed", 5, "x-", [(0, R), (5, C)]),
]


@pytest.mark.parametrize(("code", "step_s", "marks", "expected"), CASES)
def test_the_rule_of(code: str, step_s: float, marks: str, expected: list[tuple[float, str]]) -> None:
    assert feed(Judge(), code, every(step_s, marks)) == expected


def test_every_condition_that_a_state_shows_has_a_rule_of_its_own() -> None:
    assert set(conditions(DeviceState())) <= set(RULES)
    assert set(RULES) <= set(FAULTS)


LOW = {"raise_at": 10.0, "clear_at": 12.0}
HIGH = {"raise_at": 85.0, "clear_at": 80.0}


@pytest.mark.parametrize(
    ("limits", "values", "expected"),
    [
        (LOW, (11, 11, 11), []),
        (LOW, (10, 10), [(60, R)]),
        (LOW, (9, 9, 11, 11, 11), [(60, R)]),
        (LOW, (9, 9, 12, 12), [(60, R), (180, C)]),
        (LOW, (9, 11, 9, 11), []),
        (HIGH, (84, 84), []),
        (HIGH, (85, 86), [(60, R)]),
        (HIGH, (90, 90, 84, 81, 81), [(60, R)]),
        (HIGH, (90, 90, 80, 80), [(60, R), (180, C)]),
    ],
)
def test_a_figure_begins_and_ends_at_different_limits(
    limits: dict[str, float], values: Sequence[float], expected: list[tuple[float, str]]
) -> None:
    seen = [(60.0 * index, Level(value, **limits)) for index, value in enumerate(values)]
    assert feed(Judge(), "host.disk_low", seen) == expected


def test_a_figure_is_told_with_its_limit() -> None:
    judge, found = Judge(), []
    for seconds, value in enumerate((9.0, 8.0, 13.0, 14.0)):
        found += judge.observe({"host.disk_low": Level(value, **LOW)}, at_s=seconds, now=at(seconds))
    assert [change.detail for change in found] == [
        {"value": 8.0, "limit": 10.0},
        {"value": 14.0, "limit": 12.0},
    ]


def test_since_is_when_it_was_first_seen_in_both_directions() -> None:
    judge, found = Judge(), []
    for seconds, value in every(2, "-xx---"):
        found += judge.observe({"printer.paper_end": value}, at_s=seconds, now=at(seconds))
    assert [(change.change, change.at, change.since) for change in found] == [
        (Change.RAISED, at(4), at(2)),
        (Change.CLEARED, at(8), at(2)),
    ]


def test_the_wall_clock_may_jump() -> None:
    """Hold times are monotonic; a jump of the wall clock by a day changes only what is written down."""
    judge = Judge()
    jumps = [at(0), at(86400), at(-86400), at(2)]
    changes = [judge.observe({"device.no_reply": True}, at_s=5.0 * i, now=now) for i, now in enumerate(jumps)]
    assert [len(change) for change in changes] == [0, 0, 1, 0]


def test_the_reason_of_the_observer_is_kept() -> None:
    judge = Judge()
    (change,) = judge.observe({"backup.failed": True}, at_s=0, now=at(0), reason="the disk is full")
    assert change.reason == "the disk is full"


@pytest.mark.parametrize(
    "cause",
    [
        "cover_open",
        "paper_end",
        "head_lever_up",
        "head_overheat",
        "cutter_error",
        "mechanism_error",
        "power_supply",
    ],
)
def test_a_printer_that_is_offline_for_a_known_cause_is_not_offline_as_well(cause: str) -> None:
    judge = Judge()
    together: dict[str, Observation] = {"printer.offline": True, f"printer.{cause}": True}
    found = _codes(judge, [together] * 10)
    assert found == [f"printer.{cause}"]
    # The cause goes and offline stays: now it is a fault of its own, seen afresh.
    apart: dict[str, Observation] = {"printer.offline": True, f"printer.{cause}": False}
    assert _codes(judge, [apart] * 10, start_s=100) == [f"printer.{cause}", "printer.offline"]


def test_without_the_causes_offline_would_be_a_second_incident() -> None:
    """The control of the test above."""
    rules = {**RULES, "printer.offline": Rule(raise_n=3, raise_m=3, raise_hold_s=5, clear_n=2)}
    together: dict[str, Observation] = {"printer.offline": True, "printer.cover_open": True}
    assert "printer.offline" in _codes(Judge(rules), [together] * 10)


def test_a_cause_that_is_raised_but_not_seen_now_still_explains() -> None:
    judge = Judge()
    judge.restore({"printer.cover_open": at(0).isoformat()})
    assert _codes(judge, [{"printer.offline": True, "printer.cover_open": None}] * 10) == []


def test_a_fault_that_stood_before_its_cause_stays_until_it_goes_itself() -> None:
    judge = Judge()
    assert _codes(judge, [{"printer.offline": True}] * 10) == ["printer.offline"]
    both: dict[str, Observation] = {"printer.offline": True, "printer.cover_open": True}
    assert _codes(judge, [both] * 5, start_s=100) == ["printer.cover_open"]
    assert set(judge.raised) == {"printer.offline", "printer.cover_open"}


def test_the_drawer_has_the_time_of_its_device() -> None:
    judge = Judge(rules_for_device(drawer_open_too_long_s=4))
    assert feed(judge, "drawer.open_too_long", every(2, "xxx")) == [(4, R)]


def test_a_code_outside_the_closed_list_is_a_bug() -> None:
    with pytest.raises(UsageError):
        Judge().observe({"printer.on_fire": True}, at_s=0, now=at(0))


def test_what_stands_survives_a_restart_without_a_double() -> None:
    before = Judge()
    feed(before, "printer.paper_end", every(2, "xx"))
    after = Judge()
    after.restore(before.export())
    assert feed(after, "printer.paper_end", every(2, "xxxx")) == []
    assert after.raised == {"printer.paper_end": at(0)}
    assert feed(after, "printer.paper_end", every(2, "--", 20)) == [(22, C)]
    # The control: without what was exported, the fault would be raised again.
    assert feed(Judge(), "printer.paper_end", every(2, "xxxx")) == [(2, R)]


def test_an_outcome_that_could_not_be_stored_is_undone_and_comes_again() -> None:
    judge = Judge()
    kept = judge.export()
    assert feed(judge, "printer.paper_end", every(2, "xx")) == [(2, R)]
    judge.restore(kept)
    assert feed(judge, "printer.paper_end", every(2, "xx", 4)) == [(6, R)]


CODES = ("printer.cover_open", "printer.offline", "device.no_reply", "host.disk_low", "fiscal.tax_link")
observation = st.one_of(
    st.none(), st.booleans(), st.builds(lambda v: Level(v, raise_at=10, clear_at=12), st.floats(0, 100))
)
steps = st.lists(
    st.tuples(
        st.floats(0.1, 200),
        st.dictionaries(st.sampled_from(CODES), observation),
        st.sampled_from(["", "", "", "restart"]),
    ),
    max_size=60,
)


@given(steps)
def test_raised_and_cleared_take_turns_whatever_is_seen(
    steps: list[tuple[float, Mapping[str, Observation], str]],
) -> None:
    judge, clock_s, standing = Judge(), 0.0, dict[str, Transition]()
    for step_s, observations, event in steps:
        clock_s += step_s
        if event:
            kept, judge = judge.export(), Judge()
            judge.restore(kept)
        for change in judge.observe(observations, at_s=clock_s, now=at(clock_s)):
            assert (change.change is Change.CLEARED) == (change.code in standing)
            assert observations[change.code] is not None
            assert change.since <= change.at
            if change.change is Change.RAISED:
                standing[change.code] = change
            else:
                assert change.since == standing.pop(change.code).since
        assert judge.raised == {code: change.since for code, change in standing.items()}


def _codes(
    judge: Judge, observations: Sequence[Mapping[str, Observation]], start_s: float = 0.0
) -> list[str]:
    found = []
    for index, seen in enumerate(observations):
        seconds = start_s + 2.0 * index
        found += [change.code for change in judge.observe(seen, at_s=seconds, now=at(seconds))]
    return found
