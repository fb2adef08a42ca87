"""The first and the last words of a run: hello, how the last run ended, and that this one stopped
properly."""

import os
import platform
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from agent.config import Config
from agent.spool import Class, Gap, Json, Spool
from agent.system import machine
from agent.system.boot import Boot, Ending, LastRun, ending
from protocols.wire import v1

RUN, STUCK = "run", "stuck"
STUCK_FILE = "stuck.json"
UNCLEAN = "host.unclean_shutdown"
FLUSHED = "flushed"
"""When the figures that waited in memory were last written."""
UNCLEAN_S = 3600.0
"""An unclean shutdown is told for so long; then the computer has been running well again."""
_TERMINAL = v1.Subject(kind=v1.SubjectKind.TERMINAL)


@dataclass(frozen=True, slots=True)
class Opening:
    """`state` marks this run as not stopped yet; it is stored in one transaction with the messages."""

    ended: Ending
    messages: tuple[v1.AnyMessage, ...]
    state: dict[str, Json]

    @property
    def observations(self) -> dict[str, bool | None]:
        """A crash of the agent alone says nothing about how the computer was shut down."""
        known = {Ending.UNCLEAN_SHUTDOWN: True, Ending.CLEAN: False}
        return {UNCLEAN: known.get(self.ended)}

    @property
    def reason(self) -> str:
        return (
            "the computer went down without stopping its services"
            if self.ended is Ending.UNCLEAN_SHUTDOWN
            else ""
        )


def begin(spool: Spool, config: Config, boot: Boot, version: str, now: datetime) -> Opening:
    """Hello, and how the last run ended."""
    ended = ending(_last_run(spool), boot)
    messages: list[v1.AnyMessage] = [_hello(config, boot, version, now, ended)]
    if ended is Ending.CRASHED:
        messages.append(v1.Fact(seq=1, at=now, subject=_TERMINAL, name="agent.crashed"))
    state: dict[str, Json] = {RUN: _run(boot, clean=False)}
    left = _left(config.agent.state_dir)
    if left and left.at.isoformat() != spool.read_state(STUCK):
        messages.append(left)
        state[STUCK] = left.at.isoformat()
    return Opening(ended, tuple(messages), state)


def figures_lost(spool: Spool, ended: Ending, now: datetime) -> Gap | None:
    """What waited in memory when the last run ended without a word; nobody knows how many."""
    flushed = spool.read_state(FLUSHED)
    if ended in (Ending.FIRST, Ending.CLEAN) or not isinstance(flushed, str):
        return None
    return Gap(Class.SAMPLE, 0, flushed, now.isoformat())


def end(spool: Spool, boot: Boot, now: datetime, reason: str) -> None:
    """The clean stop. After this the next start finds nothing wrong."""
    stopped = v1.Fact(seq=1, at=now, subject=_TERMINAL, name="agent.stopped", detail={"reason": reason})
    spool.put_all([stopped], {RUN: _run(boot, clean=True)})


def leave(state_dir: Path, name: str, busy_s: float, now: datetime) -> None:
    """For the next run: which job did not come back, so that this one ends. Not in the spool, for the job may hold what
    that needs. OSError where it cannot be written."""
    detail: v1.Detail = {"job": name[:400], "busy_s": round(busy_s, 1)}
    fact = v1.Fact(seq=1, at=now, subject=_TERMINAL, name="agent.stuck", detail=detail)
    with (state_dir / STUCK_FILE).open("w", encoding="utf-8") as note:
        note.write(fact.model_dump_json())
        note.flush()
        os.fsync(note.fileno())


def _left(state_dir: Path) -> v1.Fact | None:
    """It stays until it is written over; that it was told stands in the spool."""
    try:
        return v1.Fact.model_validate_json((state_dir / STUCK_FILE).read_bytes())
    except (OSError, ValidationError):  # there is none, or the power went while it was written
        return None


def _hello(config: Config, boot: Boot, version: str, now: datetime, ended: Ending) -> v1.Hello:
    return v1.Hello(
        seq=1,
        at=now,
        agent=version,
        hostname=platform.node() or "?",
        os=f"{platform.system()} {platform.release()}"[:400],
        boot_at=boot.at,
        clean=None if ended is Ending.FIRST else ended is Ending.CLEAN,
        devices=tuple(v1.DeviceInfo(id=d.id, family=d.family, port=d.port) for d in config.devices),
        backups=tuple(b.name for b in config.backups),
        machine=machine.read(config.agent.state_dir),
    )


def run_of(boot: Boot) -> v1.Run:
    """Who speaks in this run."""
    return v1.Run(hostname=platform.node() or "?", boot_at=boot.at)


def _run(boot: Boot, *, clean: bool) -> Json:
    return {"boot_at": boot.at.isoformat(), "boot_id": boot.id, "clean": clean}


def _last_run(spool: Spool) -> LastRun | None:
    kept = spool.read_state(RUN)
    if not isinstance(kept, dict):
        return None
    return LastRun(
        boot_at=datetime.fromisoformat(str(kept["boot_at"])),
        boot_id=str(kept["boot_id"]),
        clean=kept["clean"] is True,
    )
