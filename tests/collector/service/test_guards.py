"""What a change needs before each step, one case a line, and that the good case needs nothing more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from collector.service import guards
from collector.service.flow import CHANGES, Kind
from collector.service.guards import Certified, Change, Evidence, Policy, Span, Till

NOW = datetime(2026, 11, 26, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
TILL = Till("t1", "Kase 1", NOW - 2 * HOUR, NOW - 3 * HOUR, "RK7 1.0.6", "RK7 1.0.6")
LISTED = Certified("RKEEPER7", "1.0.0.7", "R")
GOOD = Change(
    kind=Kind.NORMAL,
    requester=1,
    touches_programme=True,
    product="RKeeper7",
    modification="r",
    version="1.0.0.7",
    outage=True,
    assignee=2,
    start=NOW - HOUR / 2,
    end=NOW + HOUR,
    reason="The authority registered a new version",
    back_out="Restore the set of tonight",
    test_plan="One receipt in training at the office",
    risk="medium",
    approved_by=(3,),
    review="Went well",
)
EVIDENCE = Evidence(now=NOW, tills=(TILL,), certified=(LISTED,))
AROUND = Span("Christmas", NOW - 24 * HOUR, NOW + 24 * HOUR)


def codes(stimulus: str, change: Change = GOOD, evidence: Evidence = EVIDENCE) -> list[str]:
    return sorted({one.code.removeprefix("change.") for one in guards.refusals(stimulus, change, evidence)})


@pytest.mark.parametrize("stimulus", sorted(guards.GUARDS))
def test_a_change_that_has_everything_is_let_through(stimulus: str) -> None:
    assert codes(stimulus) == []


def test_only_steps_of_the_tables_are_guarded() -> None:
    assert set(guards.GUARDS) <= {name for table in CHANGES.values() for name in table.stimuli}


CASES: list[tuple[str, dict[str, object], dict[str, object], list[str]]] = [
    ("validate", {"reason": " "}, {"tills": ()}, ["no_reason", "no_terminals"]),
    ("assign", {"assignee": None}, {}, ["no_assignee"]),
    ("assign", {"kind": Kind.STANDARD}, {}, ["not_preapproved"]),
    ("assign", {"kind": Kind.STANDARD, "preapproved": True}, {}, ["not_preapproved"]),
    ("assign", {"kind": Kind.STANDARD, "preapproved": True, "touches_programme": False}, {}, []),
    ("plan", {"start": None}, {}, ["no_window"]),
    ("plan", {"end": NOW - HOUR}, {}, ["no_window"]),
    ("plan", {"start": NOW - 3 * HOUR, "end": NOW - HOUR}, {}, ["window_over"]),
    ("plan", {"back_out": "", "test_plan": ""}, {}, ["no_back_out", "no_test_plan"]),
    ("plan", {"kind": Kind.EMERGENCY, "test_plan": ""}, {}, []),
    ("plan", {"version": "1.0.0.8"}, {}, ["not_certified"]),
    ("plan", {"modification": "B"}, {}, ["not_certified"]),
    ("plan", {"version": ""}, {}, ["no_version"]),
    ("plan", {"version": "1.0.0.8", "touches_programme": False}, {}, []),
    ("plan", {}, {"freezes": (AROUND,)}, ["frozen"]),
    ("plan", {"kind": Kind.EMERGENCY}, {"freezes": (AROUND,)}, []),
    ("plan", {}, {"others": (AROUND,)}, ["overlaps"]),
    ("plan", {}, {"trading": (AROUND,)}, ["shop_open"]),
    ("plan", {"opening_reason": "the shop asked for it"}, {"trading": (AROUND,)}, []),
    ("plan", {"outage": False}, {"trading": (AROUND,)}, []),
    ("approve", {"approved_by": (1,)}, {}, ["approvals_missing"]),
    ("approve", {"risk": "high"}, {}, ["approvals_missing"]),
    ("approve", {"risk": "high", "approved_by": (3, 4)}, {}, []),
    ("approve", {"risk": ""}, {}, ["approvals_missing"]),
    ("implement", {"version": "1.0.0.8"}, {}, ["not_certified"]),
    ("implement", {"version": "1.0.0.8", "kind": Kind.EMERGENCY, "waiver": "dead"}, {}, ["not_certified"]),
    ("implement", {"approved_by": ()}, {}, ["approvals_missing"]),
    ("implement", {"start": NOW + HOUR / 2}, {}, ["too_early"]),
    ("implement", {"start": NOW + HOUR / 6}, {}, []),
    ("implement", {"start": NOW - 3 * HOUR, "end": NOW - HOUR}, {}, ["window_over"]),
    ("implement", {}, {"tills": (replace(TILL, backup_at=NOW - 25 * HOUR),)}, ["backup_too_old"]),
    ("implement", {}, {"tills": (replace(TILL, backup_at=None),)}, ["backup_too_old"]),
    ("implement", {}, {"tills": (replace(TILL, proven_at=None),)}, ["restore_not_proven"]),
    ("implement", {}, {"tills": (replace(TILL, proven_version="RK7 1.0.5"),)}, ["restore_other_version"]),
    ("implement", {}, {"tills": (replace(TILL, proven_version=""),)}, ["version_unknown"]),
    ("implement", {"touches_programme": False}, {"tills": (replace(TILL, proven_version=""),)}, []),
    ("implement", {"touches_programme": False, "outage": False}, {"tills": (Till("t", "K"),)}, []),
    (
        "implement",
        {"kind": Kind.EMERGENCY},
        {"tills": (Till("t", "K"),)},
        ["backup_too_old", "restore_not_proven"],
    ),
    ("implement", {"kind": Kind.EMERGENCY, "waiver": "the disk is dead"}, {"tills": (Till("t", "K"),)}, []),
    (
        "implement",
        {"waiver": "in a hurry"},
        {"tills": (Till("t", "K"),)},
        ["backup_too_old", "restore_not_proven"],
    ),
    ("implement", {}, {"tills": ()}, ["no_terminals"]),
    ("implement", {}, {"certified": (replace(LISTED, withdrawn_at=NOW - HOUR),)}, ["certificate_withdrawn"]),
    ("implement", {}, {"certified": (replace(LISTED, since=NOW + HOUR),)}, ["not_certified"]),
    ("back_out", {"review": ""}, {}, ["no_review"]),
    ("close", {"open_tasks": 2, "review": ""}, {}, ["no_review", "tasks_open"]),
]


@pytest.mark.parametrize(("stimulus", "change", "evidence", "refused"), CASES)
def test_what_is_missing_is_named(
    stimulus: str, change: dict[str, object], evidence: dict[str, object], refused: list[str]
) -> None:
    assert codes(stimulus, replace(GOOD, **change), replace(EVIDENCE, **evidence)) == refused  # type: ignore[arg-type]


def test_every_till_that_lacks_a_backup_is_named() -> None:
    tills = (TILL, Till("t2", "Kase 2"), Till("t3", "Kase 3"))
    found = guards.refusals("implement", GOOD, replace(EVIDENCE, tills=tills))
    assert {one.detail for one in found if one.code == "change.backup_too_old"} == {"Kase 2", "Kase 3"}


def test_how_old_a_backup_may_be_is_the_companys_to_say() -> None:
    old = replace(EVIDENCE, tills=(replace(TILL, backup_at=NOW - 5 * HOUR),))
    assert guards.refusals("implement", GOOD, old, Policy(backup_hours=6)) == []
    assert [one.code for one in guards.refusals("implement", GOOD, old, Policy(backup_hours=4))] == [
        "change.backup_too_old"
    ]
