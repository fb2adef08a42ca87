"""Every probe of the computer, by hand."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, time
from pathlib import Path

from agent.config import Host
from agent.system import pos, services
from agent.system.command import Commands
from agent.system.cpu import Cpu
from agent.system.disk import Disk
from agent.system.drift import Drift
from agent.system.memory import Memory
from agent.system.probe import Plain, Probe, Recall
from agent.system.temperature import Temperature


def _nothing(_key: str) -> Plain:
    return None


@dataclass(frozen=True, slots=True)
class Around:
    """What probes need of the rest of the agent. `offset`: of the till's clock, see agent.system.drift; `collector`:
    its address, "" where none is known; `reaches_collector`: None where it was not tried lately."""

    state_dir: Path
    now: Callable[[], datetime]
    offset: Callable[[], tuple[float, float] | None]
    recall: Recall = _nothing
    collector: str = ""
    reaches_collector: Callable[[], bool | None] = lambda: None
    commands: Commands = field(default_factory=Commands)


def probes(host: Host, around: Around) -> tuple[Probe, ...]:
    return (*_quick(host, around), *_slow(host, around))


def _quick(host: Host, around: Around) -> tuple[Probe, ...]:
    return (
        Disk(around.state_dir, host.disk_low_percent),
        Memory(host.memory_low_percent),
        Cpu(),
        Temperature(host.too_hot_celsius),
        Drift(around.offset, host.clock_drift_s),
    )


def _slow(host: Host, around: Around) -> tuple[Probe, ...]:
    """Those about something that the configuration does not name are left out."""
    found: list[Probe] = []
    if host.services:
        found.append(services.probe(host.services, around.commands))
    if host.pos_process:
        found.append(pos.Pos(host.pos_process, _hours(host.pos_hours), around.now))
    return tuple(found)


def _hours(text: str) -> pos.Hours | None:
    first, _, last = text.partition("-")
    return (time.fromisoformat(first), time.fromisoformat(last)) if text else None
