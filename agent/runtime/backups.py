"""Starts each configured backup when it is due, as a process of its own, so that what a backup needs in
memory goes away with it. The process reports its result itself."""

import logging
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.backup.gentle import step_back
from agent.backup.plan import GOOD
from agent.clock import Clock
from agent.config import Backup
from agent.spool import Json, Spool
from protocols.wire import v1

STATE = "backup."
_REPORTED = {0, 1, 3, 75}
"""Exit codes after which the process has told its result itself."""
PUNCTUAL_S = 3600.0
"""A backup with a time of day is begun at that time, whatever the till does; later than this it was missed, and waits
for a quiet minute like any other."""
PATIENCE = timedelta(hours=6)
STOP_S = 1.0

_NEVER = datetime.max.replace(tzinfo=UTC)

May = Callable[[datetime, datetime, timedelta], bool]
"""Whether heavy work may begin: now, due since, and for how long it may be put off."""
ZReport = Callable[[], datetime | None]
"""When the last Z report was seen; None where none was."""
Busy = Callable[[datetime], bool]
"""Whether the till sells just now, so that a backup under way waits."""

Held = Callable[[Backup, datetime | None, datetime | None, datetime], bool]
"""Whether a backup waits for the next month's traffic: when the last good one was begun, when the last Z report was
seen, now."""

log = logging.getLogger(__name__)


def due_at(plan: Backup, last: datetime | None, now: datetime) -> datetime:
    """When the next run is due; `now` at once where there was none yet. A run that was missed because the
    till was off is due at once. `now` carries the till's zone: `at` is local time."""
    if last is None:
        return now
    if plan.every is not None:
        # A clock that was set back must not postpone the next backup for longer than one interval.
        return min(last, now) + plan.every
    if plan.at is None:
        return _NEVER
    local = min(last, now).astimezone(now.tzinfo)
    at = local.replace(hour=plan.at.hour, minute=plan.at.minute, second=0, microsecond=0)
    return at if at > local else at + timedelta(days=1)


def command(name: str, config_file: Path) -> list[str]:
    own = [sys.executable]
    if not getattr(sys, "frozen", False):
        own += ["-c", "import sys; from agent.cli import main; sys.exit(main(sys.argv[1:]))"]
    return [*own, "backup", "--name", name, "--config", str(config_file), "--paced"]


class Backups:
    """One thread calls `tick`, every few seconds. One backup runs at a time: a till has one disk."""

    def __init__(
        self,
        plans: tuple[Backup, ...],
        config_file: Path,
        spool: Spool,
        clock: Clock,
        ended: Callable[[], None],
        *,
        start: Callable[[str, Path], list[str]] = command,
        may: May = lambda _now, _since, _patience: True,
        busy: Busy = lambda _now: False,
        z_report: ZReport = lambda: None,
        held: Held = lambda _plan, _good, _z_at, _now: False,
    ) -> None:
        self._z_report, self._held = z_report, held
        self._may, self._busy = may, busy
        self._told_busy = False
        self._plans = plans
        self._config_file = config_file
        self._spool = spool
        self._clock = clock
        self._ended = ended
        self._command = start
        self._running: tuple[Backup, subprocess.Popen[bytes]] | None = None

    def tick(self) -> None:
        if self._running:
            self._look()
        now = self._clock.now().astimezone()
        if self._running:
            self._tell(self._busy(now))
            return
        for plan in self._plans:
            if self._begins(plan, self._last(plan), now):
                self._start(plan)
                return

    @property
    def busy(self) -> bool:
        return self._running is not None and self._running[1].poll() is None

    def stop(self, within_s: float = STOP_S) -> None:
        """A backup that is cut off leaves nothing that counts as one."""
        if not self._running:
            return
        process = self._running[1]
        process.terminate()
        try:
            process.wait(within_s)
        except subprocess.TimeoutExpired:
            process.kill()
        with suppress(OSError):
            if process.stdin:
                process.stdin.close()

    def _begins(self, plan: Backup, last: datetime | None, now: datetime) -> bool:
        """A till without any backup gets one at once."""
        due = due_at(plan, last, now)
        z_at = self._z_report() if plan.after else None
        if z_at and last and min(last, now) < z_at <= now:
            due = min(due, z_at)
        if due > now or self._held(plan, last_good(self._spool, plan.name), self._z_report(), now):
            return False
        if last is None or (plan.at is not None and (now - due).total_seconds() <= PUNCTUAL_S):
            return True
        return self._may(now, due, PATIENCE if plan.every is None else min(plan.every, PATIENCE))

    def _start(self, plan: Backup) -> None:
        started: Json = {"started_at": self._clock.now().isoformat()}
        self._spool.put_all(state={STATE + plan.name: started})
        process = subprocess.Popen(
            self._command(plan.name, self._config_file), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        step_back(process.pid)
        self._running = plan, process
        self._told_busy = False
        self._tell(self._busy(self._clock.now().astimezone()))

    def _tell(self, busy: bool) -> None:
        """What has changed, to the backup that runs. One that does not listen is none the worse for it."""
        if self._running is None or busy == self._told_busy:
            return
        self._told_busy = busy
        pipe = self._running[1].stdin
        with suppress(OSError):
            if pipe:
                pipe.write(b"busy\n" if busy else b"quiet\n")
                pipe.flush()

    def _look(self) -> None:
        if self._running is None or self._running[1].poll() is None:
            return
        plan, process = self._running
        self._running = None
        with suppress(OSError):
            if process.stdin:
                process.stdin.close()
        if process.returncode not in _REPORTED:
            log.error("the backup %s broke off with %d", plan.name, process.returncode)
            subject = v1.Subject(kind=v1.SubjectKind.BACKUP, id=plan.name)
            detail: v1.Detail = {"exit_code": process.returncode}
            now = self._clock.now()
            self._spool.put(v1.Fact(seq=1, at=now, subject=subject, name="backup.broke_off", detail=detail))
        self._ended()

    def _last(self, plan: Backup) -> datetime | None:
        return _time(self._spool, STATE + plan.name)


def last_good(spool: Spool, name: str) -> datetime | None:
    """When the last good backup of that name was begun."""
    return _time(spool, GOOD + name)


def _time(spool: Spool, key: str) -> datetime | None:
    kept = spool.read_state(key)
    return datetime.fromisoformat(str(kept["started_at"])) if isinstance(kept, dict) else None
