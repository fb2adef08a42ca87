"""Whether the cash program is running. It is found by the name of its program and is never touched."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, time
from pathlib import PurePosixPath, PureWindowsPath

import psutil

from agent.system.probe import Measured, NotKnown, count

CODE = "host.pos_not_running"
EVERY_S = 60.0
_INTERPRETERS = ("mono", "wine", "java", "dotnet", "python")
Hours = tuple[time, time]


def open_now(hours: Hours | None, now: time) -> bool:
    """Hours that end before they begin go over midnight; without hours it is always open."""
    if hours is None:
        return True
    first, last = hours
    return first <= now < last if first <= last else now >= first or now < last


def judge(program: str, running: int, *, wanted: bool) -> Measured:
    """`running`: how many of it run. A till that is not `wanted` now, for the shop is closed, tells nothing."""
    values = {"pos_processes": float(running)}
    if running:
        return Measured(values, (count(CODE, 0, f"{program} is running"),))
    if not wanted:
        return Measured(values, (count(CODE, None, ""),))
    return Measured(values, (count(CODE, 1, f"{program} is not running"),))


def is_program(wanted: str, name: str, command: list[str]) -> bool:
    """By its own name, or as what an interpreter (mono, wine, java) was started with. Case does not count:
    Windows does not count it either."""
    last = [PureWindowsPath(PurePosixPath(part).name).name for part in command[:3]]
    return wanted.casefold() in (part.casefold() for part in (name, *last))


Table = Callable[[], Iterator[tuple[int, str, list[str]]]]


def processes() -> Iterator[tuple[int, str, list[str]]]:
    """Number and name of each process, and of interpreters the command line as far as it may be read. A process that
    ends meanwhile is passed by. NotKnown where not one says its name: then nobody can say what does not run."""
    nameless = True
    for process in psutil.process_iter():
        try:
            name = process.name()
        except (psutil.Error, OSError):
            continue
        nameless = False
        interpreter = name.casefold().startswith(_INTERPRETERS)
        yield process.pid, name, _command(process) if interpreter else []
    if nameless:
        raise NotKnown("the system does not say which programs run")


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.Error, OSError):
        return []


@dataclass(slots=True)
class Pos:
    """All processes are gone through only when the one that was found is gone."""

    program: str
    hours: Hours | None
    now: Callable[[], datetime]
    table: Table = processes
    name: str = "pos"
    every_s: float = EVERY_S
    _seen: list[psutil.Process] = field(default_factory=list)

    def measure(self) -> Measured:
        self._seen = [process for process in self._seen if _alive(process)]
        if not self._seen:
            self._seen = list(self._search())
        wanted = open_now(self.hours, self.now().astimezone().time())
        return judge(self.program, len(self._seen), wanted=wanted)

    def _search(self) -> Iterator[psutil.Process]:
        for pid, name, command in self.table():
            if is_program(self.program, name, command):
                try:
                    yield psutil.Process(pid)
                except psutil.Error:
                    continue  # it ended meanwhile


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
