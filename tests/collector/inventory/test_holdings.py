"""What a terminal says of its own computer: the newest of each stays, and what changed is told."""

from datetime import timedelta

import pytest

from collector.inventory import holdings
from collector.inventory.holding_models import Finding, Holding
from collector.inventory.holdings import differences
from collector.inventory.models import Terminal
from protocols.wire import v1
from tests.collector.web.world import NOW, till

pytestmark = pytest.mark.django_db
TILL = v1.Subject(kind=v1.SubjectKind.TERMINAL)


@pytest.fixture
def terminal() -> Terminal:
    return till()


def say(terminal: Terminal, message: v1.Fact | v1.Inventory, epoch: int = 1) -> None:
    holdings.record(terminal.pk, epoch, message, NOW)


def software(seq: int, *items: tuple[str, str], what: str = "software") -> v1.Inventory:
    found = tuple(v1.InventoryItem(name=name, version=version) for name, version in items)
    return v1.Inventory(seq=seq, at=NOW + timedelta(seconds=seq), what=what, items=found)


def fact(seq: int, name: str, subject: v1.Subject = TILL, **detail: v1.Scalar) -> v1.Fact:
    return v1.Fact(seq=seq, at=NOW + timedelta(seconds=seq), subject=subject, name=name, detail=detail)


def test_the_newest_list_stays_with_what_changed(terminal: Terminal) -> None:
    say(terminal, software(1, ("cups", "2.4"), ("old", "1")))
    assert Holding.objects.get().changes == {}
    say(terminal, software(5, ("cups", "2.5"), ("pos", "9.2")))
    say(terminal, software(3, ("cups", "2.3")))  # older, and later on the way
    say(terminal, software(9, ("x", "1"), what="programs"))
    kept = Holding.objects.get(what="software")
    assert (kept.seq, kept.items) == (5, [["cups", "2.5", "", ""], ["pos", "9.2", "", ""]])
    assert kept.changes == {
        "changed": [["cups", "2.4", "2.5"]],
        "new": [["pos", "9.2"]],
        "gone": [["old", "1"]],
    }
    assert Holding.objects.count() == 2


def test_a_new_epoch_is_newer_whatever_its_numbers(terminal: Terminal) -> None:
    say(terminal, software(50, ("cups", "2.4")))
    say(terminal, software(1, ("cups", "2.5")), epoch=2)
    say(terminal, software(60, ("cups", "2.4")), epoch=1)
    assert Holding.objects.get().items == [["cups", "2.5", "", ""]]


def test_findings_are_the_newest_facts_about_the_computer_itself(terminal: Terminal) -> None:
    device = v1.Subject(kind=v1.SubjectKind.DEVICE, id="printer")
    say(terminal, fact(2, "host.network", line="line_down"))
    say(terminal, fact(1, "host.network", line="ok"))
    say(terminal, fact(3, "host.network", device, line="ok"))
    say(terminal, fact(4, "drawer.opened"))
    say(terminal, fact(5, "pos.front", installed=True))
    found = {finding.name: finding.detail for finding in Finding.objects.all()}
    assert found == {"host.network": {"line": "line_down"}, "pos.front": {"installed": True}}
    say(terminal, fact(6, "host.network", line="ok"))
    assert Finding.objects.get(name="host.network").detail == {"line": "ok"}


A, B = ["a", "1", "", ""], ["a", "2", "", ""]


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ([], [], {}),
        ([A], [A], {}),
        ([A], [["a", "1", "another vendor", ""]], {}),
        ([A], [B], {"changed": [["a", "1", "2"]]}),
        ([A], [["a", "1", "", "f" * 64]], {"changed": [["a", "1", "1"]]}),
        ([A], [A, B], {"new": [["a", "2"]]}),
        ([A, B], [["a", "3", "", ""]], {"gone": [["a", "1"], ["a", "2"]], "new": [["a", "3"]]}),
    ],
)
def test_two_lists_differ(before: list[list[str]], now: list[list[str]], told: dict[str, object]) -> None:
    assert differences(before, now) == told


def test_very_many_changes_are_counted() -> None:
    many = [[f"n{i:04}", "1", "", ""] for i in range(500)]
    told = differences([], many)
    assert len(told["new"]) == 200  # type: ignore[arg-type] # it is a list
    assert told["left_off"] == 300
