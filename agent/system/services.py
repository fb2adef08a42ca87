"""Whether the services that the configuration names are running. It starts and stops none."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from agent.system.command import Commands
from agent.system.probe import Measured, count

CODE = "host.service_down"
EVERY_S = 60.0


class Run(StrEnum):
    """`moving`: being started or reloaded; what becomes of it is not known yet. `missing`: the system knows no
    service of that name."""

    RUNNING = "running"
    DOWN = "down"
    MOVING = "moving"
    MISSING = "missing"


Look = Callable[[Sequence[str]], Mapping[str, Run]]
_SYSTEMD = {
    "active": Run.RUNNING, "inactive": Run.DOWN, "failed": Run.DOWN,
    "activating": Run.MOVING, "deactivating": Run.MOVING, "reloading": Run.MOVING, "refreshing": Run.MOVING,
}  # fmt: skip
"""ActiveState of systemd's D-Bus interface, org.freedesktop.systemd1(5)."""


def judge(found: Mapping[str, Run], named: Sequence[str]) -> Measured:
    """A service that is down is down, whatever is not known of the others."""
    states = {name: found.get(name, Run.MISSING) for name in named}
    down = [name for name, run in states.items() if run is Run.DOWN]
    unclear = [f"{name} is {_WORDS[run]}" for name, run in states.items() if run in _WORDS]
    values = {"services_down": float(len(down))}
    if down:
        return Measured(values, (count(CODE, len(down), f"not running: {', '.join(down)}"),))
    if unclear:
        return Measured(values, (count(CODE, None, "; ".join(unclear)),))
    return Measured(values, (count(CODE, 0, "all named services are running"),))


_WORDS = {Run.MISSING: "not known to the system", Run.MOVING: "just being started or stopped"}


def systemd(text: str) -> dict[str, Run]:
    """The answer of `systemctl show`: a block for each unit, in the order asked, an empty line between."""
    found: dict[str, Run] = {}
    for block in text.strip().split("\n\n"):
        told = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        run = _SYSTEMD.get(told.get("ActiveState", ""))
        if told.get("LoadState") in ("not-found", "masked", None) and run is not Run.RUNNING:
            run = Run.MISSING
        for name in told.get("Names", told.get("Id", "")).split():
            if run is not None:
                found[name] = run
    return found


def show(commands: Commands, units: Sequence[str]) -> dict[str, Run]:
    """What systemd says of its units, asked without a library for its bus."""
    what = "--property=Id,Names,LoadState,ActiveState"
    return systemd(commands.run("systemctl", "show", what, "--", *units).good)


def _look(commands: Commands) -> Look:
    if sys.platform == "win32":
        from agent.system.services_windows import look  # noqa: PLC0415 - Windows only

        return look

    def ask(named: Sequence[str]) -> Mapping[str, Run]:
        units = [name if "." in name else f"{name}.service" for name in named]
        found = show(commands, units)
        return {name: found[unit] for name, unit in zip(named, units, strict=True) if unit in found}

    return ask


@dataclass(slots=True)
class Services:
    """A service that is being started is told of as what it was before."""

    named: Sequence[str]
    look: Look
    name: str = "services"
    every_s: float = EVERY_S
    _settled: dict[str, Run] = field(default_factory=dict)

    def measure(self) -> Measured:
        found = self.look(self.named)
        for name in self.named:
            run = found.get(name, Run.MISSING)
            if run is not Run.MOVING:
                self._settled[name] = run
        fact = {name: run.value for name, run in self._settled.items()}
        return replace(judge(found, self.named), facts={"host.services": fact})


def probe(named: Sequence[str], commands: Commands) -> Services:
    return Services(named, _look(commands))
