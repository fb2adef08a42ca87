"""The course of one fault, decided without a database: tables of cases, and what must hold for any history."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.incidents.engine.facts import Happening, Key, Known, Spot, Watch, till_place
from collector.incidents.engine.place import Here
from collector.incidents.engine.policy import PolicyRefused, Rule, Rules
from collector.incidents.engine.replay import Replay
from collector.incidents.rules import RULES
from protocols.status.faults import FAULTS
from protocols.wire.v1 import Change, SubjectKind

START = datetime(2026, 5, 4, 9, tzinfo=UTC)
HOLD_S = {"device": 5.0, "host": 30.0, "backup": 0.0, "silent": 30.0}
PLACE = till_place("1")
VECTORS = Path(__file__).parents[2] / "vectors" / "incidents" / "engine"
PRINTER = "printer.paper_near_end"
"""A fault that does not grow graver by itself, so that only its comings and goings count."""


def at(s: float) -> datetime:
    return START + timedelta(seconds=s)


def happening(change: str, s: float, code: str = PRINTER) -> Happening:
    kind = (
        SubjectKind.DEVICE
        if code.startswith(("printer.", "drawer.", "device.", "fiscal."))
        else SubjectKind.TERMINAL
    )
    key = Key(kind, "printer" if kind is SubjectKind.DEVICE else "", code)
    return Happening(key=key, change=Change(change), at=at(s), since=at(s), reason="why")


@cache
def rules_with(figures: str) -> Rules:
    """All rules with these figures, as JSON: they are many to make for each of hundreds of histories."""
    changed = json.loads(figures)
    return Rules.of(RULES, HOLD_S, {rule.name: changed for rule in RULES} if changed else None)


def replay(**figures: object) -> Replay:
    here = Here(name=PLACE, terminal="1", site=1)
    return Replay(lambda name: here if name == PLACE else Here(name=name), rules_with(json.dumps(figures)))


def play(story: str, code: str = PRINTER, **figures: object) -> list[str]:
    """`story`: "+0 -10 .15": raised at 0, cleared at 10, time passed up to 15. The steps of all incidents, each with
    its seconds."""
    world = replay(**figures)
    for word in story.split():
        s = float(word[1:])
        if word[0] == ".":
            world.tick(at(s))
        else:
            world.tell(PLACE, happening("raised" if word[0] == "+" else "cleared", s, code), at(s))
    return [
        f"{number}:{name}@{(when - START).total_seconds():g}"
        for number, story_ in enumerate(world.book.stories)
        for name, when in story_.steps
    ]


TABLES = json.loads((VECTORS / "rules.json").read_text("utf-8"))["rules"]
COURSES = json.loads((VECTORS / "courses.json").read_text("utf-8"))["courses"]


@pytest.mark.parametrize("case", COURSES, ids=lambda case: case["name"])
def test_courses(case: dict[str, Any]) -> None:
    incidents = enumerate(case["steps"].split("|"))
    wanted = [f"{number}:{step}" for number, part in incidents for step in part.split()]
    assert play(case["story"], **case["figures"]) == wanted


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_by_its_table(rule: Rule) -> None:
    cases = TABLES[rule.name]
    assert len(cases) >= 2
    for case in cases:
        assert rule.applies(case["code"])
        incidents = enumerate(case["steps"].split("|"))
        wanted = [f"{number}:{step}" for number, part in incidents for step in part.split()]
        assert play(case["story"], case["code"]) == wanted, case


def test_every_code_has_a_rule_that_opens_and_clears_it() -> None:
    for code, fault in FAULTS.items():
        world = replay()
        world.tell(PLACE, happening("raised", 0, code), at(0))
        (known,) = world.book.incidents
        assert known.severity is fault.severity
        found = Rules.of(RULES, HOLD_S).for_code(code)
        assert found is not None
        assert found[0].name == known.rule


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_carries_owner_action_and_article(rule: Rule) -> None:
    articles = {fault.article for fault in FAULTS.values()}
    assert rule.owner in ("helpdesk", "technical", "service")
    assert rule.article in articles
    texts = rule.action
    assert len({texts.lv, texts.en, texts.ru}) == 3
    assert any(rule.applies(code) for code in FAULTS)


def test_a_code_of_a_newer_agent_opens_nothing() -> None:
    assert play("+0", code="printer.on_fire") == []


def test_what_a_person_ended_is_not_opened_by_time_and_a_new_report_opens_anew() -> None:
    world = replay()
    world.tell(PLACE, happening("raised", 0), at(0))
    book = world.book
    book._unlist(book.incidents[0])
    book.incidents[0].open = False
    world.tick(at(500))
    assert len(book.incidents) == 1
    world.tell(PLACE, happening("raised", 600), at(600))
    assert [known.open for known in book.incidents] == [False, True]


def test_an_incident_from_before_it_was_watched_goes_on() -> None:
    spot = Spot(PLACE, "device", "printer", PRINTER)
    known = Known(
        id=1, spot=spot, rule="printer", severity=FAULTS[PRINTER].severity, since=at(0), opened_at=at(1)
    )
    assert Watch.of(spot, known).up_at == at(1)
    assert Watch.of(spot, None).up_at is None


@pytest.mark.parametrize(
    "figures",
    [
        {"need": 3, "of": 2},
        {"need": 0},
        {"hold_s": -1},
        {"flaps": 2.5},
        {"hold": 3},
        {"trading": 1},
        {"worsens": [[60, "awful"]]},
        {"worsens": [["x"]]},
        {"hold_s": True},
    ],
    ids=str,
)
def test_figures_that_are_none_are_refused(figures: dict[str, object]) -> None:
    with pytest.raises(PolicyRefused) as refused:
        replay(**figures)
    assert refused.value.code == "rule.value"


steps = st.lists(st.tuples(st.booleans(), st.floats(0.1, 12), st.booleans()), max_size=40)
History = list[tuple[bool, float, bool]]


def lived(history: History, *, ticks: bool, twice: bool = False) -> Replay:
    world, s = replay(reopen_s=20, flaps=4, flap_s=30, calm_s=25), 0.0
    for raised, gap, tick in history:
        s = round(s + gap, 3)
        if ticks and tick:
            world.tick(at(s))
        for _ in range(1 + twice):
            world.tell(PLACE, happening("raised" if raised else "cleared", s), at(s))
    world.tick(at(10_000))
    return world


def ends(world: Replay) -> list[object]:
    return [
        (known, story.count, story.steps)
        for known, story in zip(world.book.incidents, world.book.stories, strict=True)
    ]


@settings(deadline=None)
@given(steps)
def test_at_most_one_is_open_and_every_raise_is_counted(history: History) -> None:
    world = lived(history, ticks=True)
    assert sum(story.count for story in world.book.stories) == sum(raised for raised, _, _ in history)
    assert len(world.book.open()) <= 1


@settings(deadline=None)
@given(steps)
def test_it_does_not_matter_when_the_ticker_looks(history: History) -> None:
    """So a backlog of thirty days gives the same incidents as the same events told one by one."""
    assert ends(lived(history, ticks=True)) == ends(lived(history, ticks=False))


@settings(deadline=None)
@given(steps)
def test_told_twice_is_told_once(history: History) -> None:
    assert ends(lived(history, ticks=True, twice=True)) == ends(lived(history, ticks=True))


@settings(deadline=None)
@given(steps)
def test_after_a_clear_and_the_hold_nothing_is_open(history: History) -> None:
    assert lived([*history, (False, 1, False)], ticks=True).book.open() == []


def test_control_without_the_memory_of_what_was_told_a_double_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    history: History = [(True, 1, False)]
    monkeypatch.setattr("collector.incidents.engine.course.is_double", lambda watch, happening: False)
    assert ends(lived(history, ticks=True, twice=True)) != ends(lived(history, ticks=True))
