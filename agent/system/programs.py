"""The files of the cash program: their versions, whether they changed, and whether they are certified."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from agent.system import certified, program, versions
from agent.system.probe import KEPT, Condition, Item, Listing, Measured, NotKnown, Recall, count
from agent.system.program import Program

EVERY_S = 3600.0
_READ_ANEW = 24
"""Looks after which a file is read although its size and times are as before."""
_Stamp = tuple[int, int, int]


@dataclass(slots=True)
class Programs:
    """`paths` finds the files anew each time. A file whose size and times have not changed is read once a day."""

    state_dir: Path
    paths: Callable[[], Sequence[Path]]
    now: Callable[[], datetime]
    recall: Recall
    name: str = "programs"
    every_s: float = EVERY_S
    _known: dict[str, versions.Seen] | None = None
    _read: dict[Path, tuple[_Stamp, Program]] = field(default_factory=dict)
    _looks: int = 0

    def measure(self) -> Measured:
        if self._known is None:
            self._known = versions.restore(self.recall(KEPT + self.name))
        found = self._programs()
        before, self._known = self._known, versions.look(self._known, found, self.now())
        return Measured(
            conditions=(versions.judge(self._known, found), self._certified(found)),
            lists=(Listing("programs", tuple(_item(one) for one in found)),) if found else (),
            keep=versions.export(self._known) if self._known != before else None,
        )

    def _programs(self) -> list[Program]:
        if self._looks % _READ_ANEW == 0:
            self._read.clear()
        self._looks += 1
        return [self._one(path) for path in dict.fromkeys(self.paths())]

    def _one(self, path: Path) -> Program:
        try:
            stat = path.stat()
        except OSError as e:
            return Program(path.name, str(path), problem=e.strerror or type(e).__name__)
        stamp = stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
        last = self._read.get(path)
        if last is None or last[0] != stamp:
            self._read[path] = last = stamp, program.read(path)
        return last[1]

    def _certified(self, found: Sequence[Program]) -> Condition:
        try:
            return certified.judge(certified.read(self.state_dir), found)
        except NotKnown as e:
            return count(certified.CODE, None, str(e))


def _item(one: Program) -> Item:
    return Item(one.name, one.version, sha256=one.sha256)
