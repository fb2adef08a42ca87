"""The story that the demo plays and the tests check: a printer runs out of paper, and an incident stands."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.end_to_end.stage import Stage, until


@dataclass(frozen=True, slots=True)
class Step:
    """`play` makes it happen, `check` returns when the collector shows it or fails."""

    title: str
    play: Callable[[], object]
    check: Callable[[], object]


def steps(stage: Stage) -> list[Step]:
    """Paper near end, paper out, cover open, drawer left open, all well again, a backup and its drill."""
    return [
        _fault(
            stage,
            "The paper of the receipt printer nears its end",
            "paper_near_end",
            "printer.paper_near_end",
        ),
        _fault(stage, "The paper is out", "paper_end", "printer.paper_end"),
        _fault(stage, "Somebody opens the cover", "cover_open", "printer.cover_open"),
        _fault(stage, "The cash drawer is left open", "drawer_open", "drawer.open_too_long"),
        Step(
            "New paper, cover and drawer closed: all well again",
            lambda: _all_well(stage),
            stage.wait_all_well,
        ),
        Step("The till's database is backed up", lambda: backup(stage), lambda: _proved(stage, "snapshots")),
        Step("The backup is restored and compared", lambda: drill(stage), lambda: _proved(stage, "drills")),
    ]


def _fault(stage: Stage, title: str, fault: str, code: str) -> Step:
    def play() -> None:
        assert stage.printer
        stage.printer.fault(**{fault: True})

    return Step(title, play, lambda: stage.wait_open(code))


def _all_well(stage: Stage) -> None:
    assert stage.printer
    stage.printer.reset()


def backup(stage: Stage) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(stage.agent_command("backup", "--name", "pos", "--json"))
    return answer


def drill(stage: Stage) -> dict[str, Any]:
    key = str(stage.home / "recovery" / "recovery.key")
    answer: dict[str, Any] = json.loads(
        stage.agent_command("drill", "--name", "pos", "--recovery-key", key, "--json")
    )
    return answer


def _proved(stage: Stage, what: str) -> None:
    """The collector lists a good one."""

    def found() -> bool | None:
        rows = stage.api.get(f"/backups/{what}")["items"]
        return True if any(row["ok"] for row in rows) else None

    until(found, f"the collector lists a good entry under {what}", timeout_s=20)
