"""All software that the system's own package list names, once a day. It reads the list and changes nothing."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.system.command import Commands
from agent.system.probe import Item, Listing, Measured, NotKnown

EVERY_S = 86400.0
_FORMAT = "${db:Status-Abbrev}\t${Package}\t${Version}\n"
_TIMEOUT_S = 30.0
Look = Callable[[], Sequence[Item]]


def dpkg(text: str) -> list[Item]:
    """The answer of `dpkg-query -W` in the format above; the second letter of the state is "i" for what is really
    installed (dpkg-query(1), "db:Status-Abbrev")."""
    rows = (line.split("\t") for line in text.splitlines())
    return [Item(row[1], row[2]) for row in rows if len(row) == 3 and row[0][1:2] == "i"]


def _look(commands: Commands) -> Look:
    if sys.platform == "win32":
        from agent.system.software_windows import look  # noqa: PLC0415 - Windows only

        return look

    def ask() -> Sequence[Item]:
        return dpkg(commands.run("dpkg-query", "-W", f"-f={_FORMAT}", timeout_s=_TIMEOUT_S).good)

    return ask


@dataclass(frozen=True, slots=True)
class Software:
    look: Look
    name: str = "software"
    every_s: float = EVERY_S

    def measure(self) -> Measured:
        items = tuple(self.look())
        if not items:
            raise NotKnown("the system's list of software is empty")
        return Measured({"software_items": float(len(items))}, lists=(Listing("software", items),))


def probe(commands: Commands) -> Software:
    return Software(_look(commands))
