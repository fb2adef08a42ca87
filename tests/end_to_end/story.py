"""The story that the demo plays and the tests check: a printer runs out of paper, and an incident stands."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from tests.end_to_end.stage import Stage, until


@dataclass(frozen=True, slots=True)
class Step:
    """`play` makes it happen, `check` returns when the collector shows it or fails."""

    title: str
    play: Callable[[], object]
    check: Callable[[], object]


def steps(stage: Stage) -> list[Step]:
    """Paper near end, paper out, cover open, drawer left open, all well again, a backup and its drill."""
    made = Proof(stage)
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
        Step("The till's database is backed up", made.backup, made.check_backup),
        Step("The backup is restored and compared", made.drill, made.check_drill),
    ]


def _fault(stage: Stage, title: str, fault: str, code: str) -> Step:
    def play() -> None:
        assert stage.printer
        stage.printer.fault(**{fault: True})

    return Step(title, play, lambda: stage.wait_open(code))


def _all_well(stage: Stage) -> None:
    assert stage.printer
    stage.printer.reset()


class Proof:
    """One backup by hand, its drill, and what the collector lists of them."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._snapshot = ""

    def backup(self) -> None:
        answer = json.loads(self._stage.agent_command("backup", "--name", "pos", "--json"))
        self._snapshot = answer["snapshot"]

    def drill(self) -> None:
        key = str(self._stage.home / "recovery" / "recovery.key")
        self._stage.agent_command("drill", "--name", "pos", "--recovery-key", key, "--json")

    def check_backup(self) -> None:
        self._listed("snapshots", "digest")

    def check_drill(self) -> None:
        self._listed("drills", "snapshot")

    def _listed(self, what: str, name: str) -> None:
        def found() -> bool | None:
            rows = self._stage.api.get(f"/backups/{what}")["items"]
            return True if any(row["ok"] and row[name] == self._snapshot for row in rows) else None

        until(found, f"the collector lists {self._snapshot} under {what}", timeout_s=20)
