"""Every probe of the computer, by hand."""

from collections.abc import Callable
from pathlib import Path

from agent.config import Host
from agent.system.cpu import Cpu
from agent.system.disk import Disk
from agent.system.drift import Drift
from agent.system.memory import Memory
from agent.system.probe import Probe
from agent.system.temperature import Temperature


def probes(
    limits: Host, state_dir: Path, offset: Callable[[], tuple[float, float] | None]
) -> tuple[Probe, ...]:
    return (
        Disk(state_dir, limits.disk_low_percent),
        Memory(limits.memory_low_percent),
        Cpu(),
        Temperature(limits.too_hot_celsius),
        Drift(offset, limits.clock_drift_s),
    )
