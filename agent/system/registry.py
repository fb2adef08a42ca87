"""Every probe of the computer, by hand."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from agent.config import Host
from agent.system import front, network, pos, print_queue, protection, services, software
from agent.system.battery import Battery
from agent.system.command import Commands
from agent.system.cpu import Cpu
from agent.system.disk import Disk
from agent.system.disk_trend import DiskTrend
from agent.system.drift import Drift
from agent.system.memory import Memory
from agent.system.network import Network
from agent.system.probe import Plain, Probe, Recall
from agent.system.programs import Programs
from agent.system.reboot import Reboot
from agent.system.smart import Smart
from agent.system.temperature import Temperature
from agent.system.time_sync import TimeSync


def _nothing(_key: str) -> Plain:
    return None


@dataclass(frozen=True, slots=True)
class Around:
    """What probes need of the rest of the agent. `offset`: of the till's clock, see agent.system.drift; `collector`:
    its address, "" where none is known; `hours` of the shop; `reaches_collector`: whether the collector took the last
    report that it was sent."""

    state_dir: Path
    now: Callable[[], datetime]
    offset: Callable[[], tuple[float, float] | None]
    recall: Recall = _nothing
    collector: str = ""
    hours: pos.Hours | None = None
    reaches_collector: Callable[[], bool] = lambda: False
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
    """Those about something that the configuration does not name, or that the system does not have, are left out."""
    commands, now = around.commands, around.now
    disks = Disk(around.state_dir, host.disk_low_percent)
    servers = {"pos_server": host.pos_server, "main_terminal": host.main_terminal}
    queue = print_queue.probe(commands, now)
    return (
        *((services.probe(host.services, commands),) if host.services else ()),
        *((pos.Pos(host.pos_process, around.hours, now),) if host.pos_process else ()),
        Network(network.targets(around.collector, servers), around.reaches_collector),
        Battery(commands),
        *((queue,) if queue else ()),
        TimeSync(commands),
        Smart(commands),
        DiskTrend(disks.rooms, now, around.recall),
        Reboot(),
        protection.probe(commands),
        *_cash_program(host, around),
        software.probe(commands),
    )


def _cash_program(host: Host, around: Around) -> tuple[Probe, ...]:
    """iiko and Syrve run on Windows only, and are looked for there without being named."""
    if sys.platform == "win32":
        from agent.system.front_windows import roots  # noqa: PLC0415 - Windows only

        def paths() -> list[Path]:
            return [*host.pos_programs, *front.program_files(roots())]

        return Programs(around.state_dir, paths, around.now, around.recall), front.Front(roots, around.now)
    named = list(host.pos_programs)
    return (Programs(around.state_dir, lambda: named, around.now, around.recall),) if named else ()
