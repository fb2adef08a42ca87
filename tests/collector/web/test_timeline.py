"""One line of life: everything of the till, newest first, and only what changed."""

from datetime import timedelta

import pytest
from django.utils import translation

from collector.web.reading.timeline import KINDS, timeline
from tests.collector.web import world

pytestmark = pytest.mark.django_db


def test_everything_is_on_it_newest_first() -> None:
    terminal = world.whole_world()
    world.message(terminal, "backup", world.NOW, {"source": "pos", "ok": True}, "pos")
    world.message(terminal, "drill", world.NOW, {"source": "pos", "ok": False, "error": "rows differ"}, "pos")
    world.message(terminal, "job_result", world.NOW, {"job": "1", "type": "self_test", "exit": 0, "code": ""})
    found = timeline(terminal)
    assert {entry.group for entry in found} == set(KINDS)
    assert [entry.at for entry in found] == sorted((entry.at for entry in found), reverse=True)
    drill = next(entry for entry in found if entry.kind == "drill")
    assert (drill.what, drill.change, drill.note) == ("pos", "failed", "rows differ")


def test_of_states_only_the_changes_are_shown() -> None:
    terminal = world.whole_world()
    found = timeline(terminal, ["states"])
    assert len(found) == 1
    assert found[0].at == world.NOW - timedelta(minutes=7)
    assert found[0].detail is not None
    with translation.override("en"):
        assert [(str(word), value) for word, value in found[0].detail["flags"]] == [("Paper out", True)]  # type: ignore[attr-defined]


def test_it_pages_backwards_without_a_gap() -> None:
    terminal = world.till()
    for number in range(25):
        at = world.NOW - timedelta(minutes=number)
        world.message(terminal, "fact", at, {"name": f"fact.{number}"})
    seen, before = [], None
    while page := timeline(terminal, before=before, limit=10):
        seen += [entry.what for entry in page]
        before = page[-1].at
    assert seen == [f"fact.{number}" for number in range(25)]


def test_another_till_is_not_on_it() -> None:
    world.whole_world()
    assert timeline(world.till()) == []
