"""The life of an incident, decided without a database: tables per rule, and what must hold for any
history."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.incidents import engine
from collector.incidents.engine import (
    Clear,
    Decision,
    Happening,
    Key,
    Known,
    Open,
    Place,
    Reopen,
    Repeat,
    Resolve,
    Rule,
)
from collector.incidents.rules import RULES
from protocols.status.faults import FAULTS, Severity
from protocols.wire.v1 import Change, SubjectKind

START = datetime(2026, 5, 4, 9, tzinfo=UTC)
HOLD_S = {"device": 5.0, "host": 30.0, "backup": 0.0, "silent": 30.0}
PLACE = Place(HOLD_S)


def at(s: float) -> datetime:
    return START + timedelta(seconds=s)


def happening(change: str, s: float, code: str = "printer.paper_end") -> Happening:
    key = Key(SubjectKind.DEVICE, "printer", code)
    return Happening(key=key, change=Change(change), at=at(s), since=at(s), reason="why")


def names(decisions: list[Decision]) -> list[str]:
    return [type(d).__name__ for d in decisions]


OPEN = Known(id=1, rule="device", open=True)
HOLDING = Known(id=1, rule="device", open=True, cleared_at=at(10))
RECOVERED = Known(id=1, rule="device", open=False, cleared_at=at(10), by_itself=True)
BY_HAND = Known(id=1, rule="device", open=False, cleared_at=at(10))
CASES = [
    ("raised", 0, None, ["Open"]),
    ("raised", 12, OPEN, ["Repeat"]),
    ("raised", 14.9, HOLDING, ["Reopen"]),
    ("raised", 15, HOLDING, ["Resolve", "Open"]),
    ("raised", 9, HOLDING, ["Reopen"]),
    ("raised", 14.9, RECOVERED, ["Reopen"]),
    ("raised", 15, RECOVERED, ["Open"]),
    ("raised", 9, RECOVERED, ["Open"]),
    ("raised", 12, BY_HAND, ["Open"]),
    ("cleared", 5, None, []),
    ("cleared", 5, OPEN, ["Clear"]),
    ("cleared", 12, HOLDING, []),
    ("cleared", 12, RECOVERED, []),
]


@pytest.mark.parametrize(("change", "s", "known", "expected"), CASES)
def test_device_cases(change: str, s: float, known: Known | None, expected: list[str]) -> None:
    assert names(engine.decide(happening(change, s), known, PLACE, RULES)) == expected


def test_what_an_incident_opens_with() -> None:
    (opened,) = engine.decide(happening("raised", 3), None, PLACE, RULES)
    assert opened == Open(
        key=Key(SubjectKind.DEVICE, "printer", "printer.paper_end"),
        rule="device",
        severity=Severity.ERROR,
        at=at(3),
        since=at(3),
        reason="why",
    )


def test_a_late_fault_resolves_the_old_incident_when_its_hold_ended() -> None:
    resolved, opened = engine.decide(happening("raised", 100), HOLDING, PLACE, RULES)
    assert resolved == Resolve(1, at(15))
    assert isinstance(opened, Open)


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("fiscal.memory_full", "device"),
        ("drawer.open_too_long", "device"),
        ("device.no_reply", "device"),
        ("host.disk_low", "host"),
        ("software.uncertified", "host"),
        ("agent.queue_filling", "host"),
        ("agent.silent", "silent"),
        ("backup.failed", "backup"),
        ("backup.restore_failed", "backup"),
    ],
)
def test_which_rule_a_code_belongs_to_and_how_long_it_holds(code: str, rule: str) -> None:
    (opened,) = engine.decide(happening("raised", 0, code), None, PLACE, RULES)
    assert isinstance(opened, Open)
    assert (opened.rule, opened.severity) == (rule, FAULTS[code].severity)
    known = Known(id=1, rule=rule, open=True)
    assert engine.decide(happening("cleared", 1, code), known, PLACE, RULES) == [
        Clear(1, at(1), HOLD_S[rule])
    ]


def test_every_code_of_a_terminal_has_a_rule() -> None:
    without = [c for c in FAULTS if not engine.decide(happening("raised", 0, c), None, PLACE, RULES)]
    assert without == ["site.offline"]  # judged from the whole site, not from one terminal


def test_a_code_of_a_newer_agent_opens_nothing() -> None:
    assert engine.decide(happening("raised", 0, "printer.on_fire"), None, PLACE, RULES) == []


def test_lasting_silence_does_not_repeat() -> None:
    known = Known(id=1, rule="silent", open=True)
    assert engine.decide(happening("raised", 9, "agent.silent"), known, PLACE, RULES) == []


class Book:
    """The least shell: applies decisions to one key and refuses a path that is none. `tick` plays the
    collector's ticker at any moment."""

    def __init__(self, rules: tuple[Rule, ...] = RULES) -> None:
        self.rules = rules
        self.known: list[Known] = []
        self.counts: list[int] = []
        self.log: list[tuple[str, int, datetime]] = []

    def tell(self, event: Happening) -> None:
        newest = self.known[-1] if self.known else None
        for decision in engine.decide(event, newest, PLACE, self.rules):
            self.apply(decision)

    def tick(self, now: datetime) -> None:
        if self.known:
            end = engine.due(self.known[-1], PLACE)
            if end and end.at <= now:
                self.apply(end)

    def apply(self, decision: Decision) -> None:
        if isinstance(decision, Open):
            assert not any(k.open for k in self.known), "two open incidents of one fault"
            self.known.append(Known(id=len(self.known), rule=decision.rule, open=True))
            self.counts.append(1)
            self.log.append(("Open", len(self.known) - 1, decision.at))
            return
        assert decision.incident == len(self.known) - 1, "an old incident was touched"
        before = self.known[-1]
        self.log.append((type(decision).__name__, decision.incident, decision.at))
        after = self._next(before, decision)
        self.counts[-1] += isinstance(decision, (Repeat, Reopen))
        self.known[-1] = after

    def _next(self, before: Known, decision: Decision) -> Known:
        match decision:
            case Repeat():
                assert before.open
                assert before.cleared_at is None
                return before
            case Clear():
                assert before.open
                assert before.cleared_at is None
                return Known(id=before.id, rule=before.rule, open=True, cleared_at=decision.at)
            case Reopen():
                assert before.cleared_at is not None
                return Known(id=before.id, rule=before.rule, open=True)
            case _:
                assert before.open
                assert before.cleared_at is not None
                return Known(
                    id=before.id, rule=before.rule, open=False, cleared_at=before.cleared_at, by_itself=True
                )


steps = st.lists(
    st.tuples(st.sampled_from(["raised", "cleared"]), st.floats(0.1, 12), st.booleans()), max_size=40
)


def play(history: list[tuple[str, float, bool]], *, ticks: bool) -> Book:
    book, s = Book(), 0.0
    for change, gap, tick in history:
        s += gap
        if ticks and tick:
            book.tick(at(s))
        book.tell(happening(change, s))
    return book


@given(steps)
def test_any_history_is_a_valid_path_and_counts_every_raise(history: list[tuple[str, float, bool]]) -> None:
    book = play(history, ticks=True)
    assert sum(book.counts) == sum(change == "raised" for change, _, _ in history)
    assert sum(k.open for k in book.known) <= 1


@given(steps)
def test_it_does_not_matter_when_the_ticker_looks(history: list[tuple[str, float, bool]]) -> None:
    """So a backlog of thirty days gives the same incidents as the same events told one by one."""
    with_ticks, without = play(history, ticks=True), play(history, ticks=False)
    end = at(10_000)
    for book in (with_ticks, without):
        book.tick(end)
    assert with_ticks.known == without.known
    assert with_ticks.counts == without.counts


@given(steps)
def test_after_a_clear_and_the_hold_nothing_is_open(history: list[tuple[str, float, bool]]) -> None:
    book = play([*history, ("cleared", 1, False)], ticks=True)
    book.tick(at(10_000))
    assert not any(k.open for k in book.known)


def test_control_a_rule_that_always_opens_is_caught() -> None:
    class Careless:
        name = "careless"

        def applies(self, code: str) -> bool:
            return bool(code)

        def decide(self, happening: Happening, known: Known | None, place: Place) -> list[Decision]:
            return engine.follow(self.name, happening, None, place)

    book = Book((Careless(),))
    book.tell(happening("raised", 1))
    with pytest.raises(AssertionError, match="two open incidents"):
        book.tell(happening("raised", 2))
