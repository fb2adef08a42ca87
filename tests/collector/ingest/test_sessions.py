"""Who speaks with a terminal's key: the cases, and two live agents at a real collector."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.ingest.sessions import Spoken, Verdict, decide, returns

START = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
LATE, LIVE = timedelta(seconds=60), timedelta(hours=1)


@dataclass
class Book:
    """The sessions as `clones` keeps them, for `decide` alone."""

    sessions: dict[str, Spoken]
    current: str = ""

    def hear(self, name: str, at_s: float) -> Verdict:
        now = START + timedelta(seconds=at_s)
        speaker, current = self.sessions.get(name), self.sessions.get(self.current)
        verdict = decide(speaker, current, now, late=LATE, live=LIVE)
        if verdict in (Verdict.NEW, Verdict.RETURNED):
            if current:
                self.sessions[current.name] = replace(current, replaced_at=now)
            known = replace(speaker or Spoken(name=name, last_at=now), replaced_at=None)
            if verdict is Verdict.RETURNED:
                known = replace(known, returned_at=now, returns=returns(known, now, LIVE))
            self.sessions[name] = known
            self.current = name
        if name == self.current:
            self.sessions[name] = replace(self.sessions[name], last_at=now)
        return verdict


def story(*heard: tuple[str, float]) -> list[Verdict]:
    book = Book({})
    return [book.hear(name, at_s) for name, at_s in heard]


def every(name: str, start_s: float, end_s: float, step_s: float = 30) -> list[tuple[str, float]]:
    return [(name, start_s + i * step_s) for i in range(int((end_s - start_s) / step_s))]


DAY = 86_400.0
ONE = {
    "one agent": every("a", 0, 600),
    "restarts": [*every("a", 0, 600), *every("b", 600, 1200), *every("c", 1200, 1800)],
    "restarts every minute": [(f"run{i}", i * 60.0) for i in range(50)],
    "a report of the last run is late": [("a", 0), ("b", 30), ("a", 33), ("b", 60), ("b", 90)],
    "a machine sleeps for a week and goes on": [("a", 0), ("a", 7 * DAY), ("a", 7 * DAY + 30)],
    "a virtual machine is set back to a moment of the run before": [
        *every("a", 0, 300),
        *every("b", 300, 900),
        *every("a", 900, 1500),
    ],
    "set back, and started anew": [
        *every("a", 0, 300),
        *every("b", 300, 900),
        *every("a", 900, 1500),
        *every("c", 1500, 2100),
    ],
    "set back to the same moment twice": [
        *every("a", 0, 300),
        *every("b", 300, 600),
        *every("a", 600, 900),
        *every("c", 900, 1200),
        *every("a", 1200, 1500),
    ],
    "set back, and a day later forward again": [
        *every("a", 0, 300),
        *every("b", 300, 600),
        *every("a", 600, 900),
        *every("b", 600 + DAY, 900 + DAY),
    ],
    "two disks of one till, one after the other": [
        *every("a", 0, 300),
        *every("copy1", 300, 600),
        *every("b", 700, 900),
        *every("copy2", 900, 1200),
    ],
}


@pytest.mark.parametrize("case", ONE)
def test_one_machine_is_no_clone(case: str) -> None:
    assert Verdict.CLONE not in story(*ONE[case])


def merged(*lives: list[tuple[str, float]]) -> list[tuple[str, float]]:
    return sorted((word for life in lives for word in life), key=lambda word: word[1])


TWO = {
    "at the default pace": merged(every("a", 0, 900, 10), every("b", 305, 900, 10)),
    "a copy is started beside the till": merged(every("a", 0, 900), every("b", 305, 900)),
    "both report rarely": merged(every("a", 0, 9000, 900), every("b", 1000, 9000, 900)),
    "the copy falls over again and again": merged(
        every("a", 0, 1500), [(f"b{i}", 305 + i * 100.0) for i in range(10)]
    ),
    "a copy of a running machine, memory and all, after a restart of the till": merged(
        every("a", 0, 300), every("b", 300, 1500), every("a", 800, 1500)
    ),
    "three of them": merged(every("a", 0, 900), every("b", 305, 900), every("c", 410, 900)),
}


@pytest.mark.parametrize("case", TWO)
def test_two_live_sessions_are_found_soon(case: str) -> None:
    heard = TWO[case]
    verdicts = story(*heard)
    assert Verdict.CLONE in verdicts
    found_s = heard[verdicts.index(Verdict.CLONE)][1]
    names: set[str] = set()
    both_s = next(at for name, at in heard if len(names | {name}) > 1 or names.add(name))
    assert found_s - both_s <= {"both report rarely": 4000, "at the default pace": 150}.get(case, 600)


def test_without_the_return_a_machine_that_was_set_back_would_be_a_clone() -> None:
    """The control: the simple rule 'a replaced session speaks again' would accuse it."""
    heard = ONE["a virtual machine is set back to a moment of the run before"]
    replaced: set[str] = set()
    current, accused = "", False
    for name, _ in heard:
        accused |= name in replaced
        if name != current:
            replaced.add(current)
            current = name
    assert accused


ACTS = st.sampled_from(("speak", "speak", "speak", "restart", "sleep", "set back"))
STEPS = st.lists(st.tuples(ACTS, st.floats(1, 900), st.integers(0, 20)), max_size=60)


@given(STEPS)
def test_one_machine_is_no_clone_whatever_is_done_to_it(steps: list[tuple[str, float, int]]) -> None:
    """It is started anew, sleeps, and is set back to any earlier moment, but not twice within an hour."""
    book, runs, current = Book({}), ["run0"], "run0"
    now_s, set_back_s = 0.0, -LIVE.total_seconds()
    for act, wait_s, which in steps:
        now_s += wait_s + (DAY if act == "sleep" else 0)
        if act == "restart":
            current = f"run{len(runs)}"
            runs.append(current)
        elif act == "set back" and now_s - set_back_s > LIVE.total_seconds():
            current, set_back_s = runs[which % len(runs)], now_s
        assert book.hear(current, now_s) is not Verdict.CLONE


@given(st.floats(1, 900), st.floats(1, 900), st.floats(0, 900))
def test_two_machines_that_report_are_found(pace_a: float, pace_b: float, later: float) -> None:
    """Whatever their paces, within four reports of the slower one and two waits for late reports."""
    slow = max(pace_a, pace_b)
    end = later + 5 * slow + 3 * LATE.total_seconds()
    heard = merged(every("a", 0, end, pace_a), every("b", later + 0.5, end, pace_b))
    verdicts = story(*heard)
    assert Verdict.CLONE in verdicts
    assert heard[verdicts.index(Verdict.CLONE)][1] <= later + 4 * slow + 2 * LATE.total_seconds() + 1
