"""The main job, end to end, with the real programs."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.process import BIN, run
from tests.end_to_end.stage import Stage, until
from tests.end_to_end.story import steps


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path / "world") as stage:
        yield stage.build()


@pytest.mark.timeout(240)
def test_the_story_holds_and_nothing_forbidden_is_sent(stage: Stage) -> None:
    for step in steps(stage):
        step.play()
        step.check()
    assert stage.printer
    assert stage.fiscal
    assert stage.printer.forbidden() == []
    assert stage.fiscal.forbidden() == []
    check_restore_elsewhere(stage)


def check_restore_elsewhere(stage: Stage) -> None:
    """Another machine has only a copy of the collector's folder of this till and the recovery key."""
    [folder] = (stage.home / "collector" / "backups").iterdir()
    copy = stage.home / "elsewhere"
    shutil.copytree(folder, copy)
    key = stage.home / "recovery" / "recovery.key"
    restored = stage.home / "restored.db"
    run(BIN / "plomba-agent", "restore", "--repository", copy, "--recovery-key", key, "--to", restored)
    assert restored.read_bytes() == (stage.home / "pos.db").read_bytes()


@pytest.mark.timeout(240)
def test_everything_waits_while_the_collector_is_away_and_arrives_once_in_order(stage: Stage) -> None:
    assert stage.collector
    assert stage.printer
    stage.collector.kill()
    stage.printer.fault(cover_open=True)
    wait_for_event(stage, "raised")
    stage.printer.reset()
    wait_for_event(stage, "cleared")
    stage.start_collector()
    incident = until(lambda: resolved(stage), "the incident came and went", timeout_s=60)
    assert incident["count"] == 1
    assert incident["since"] < incident["resolved_at"]
    steps = stage.api.get(f"/incidents/{incident['id']}")["transitions"]
    told = [
        step["kind"] for step in steps if step["kind"] != "queued"
    ]  # the desk gives it a queue when it looks
    assert told == ["opened", "cleared", "resolved"]


def resolved(stage: Stage) -> dict[str, Any] | None:
    rows = stage.api.get("/incidents", show="all", limit=200)["items"]
    found = [row for row in rows if row["code"] == "printer.cover_open"]
    assert len(found) <= 1
    return found[0] if found and found[0]["state"] == "resolved" else None


def wait_for_event(stage: Stage, change: str) -> None:
    """The agent has judged the change and keeps it in its spool."""

    def found() -> bool | None:
        with closing(sqlite3.connect(stage.home / "agent" / "spool.db")) as db:
            bodies = [
                json.loads(row[0]) for row in db.execute("select body from ordered where kind = 'event'")
            ]
        return True if any(body["change"] == change for body in bodies) else None

    until(found, f"an event {change} in the spool")
