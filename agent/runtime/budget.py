"""Decides what the agent leaves undone so that it stays within what it may cost a till. Pure: it is told what was used
and measures nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

SHED_AT, CALM_AT = 0.8, 0.5
"""Parts of a limit: work is shed before the limit is reached, and taken up again well below."""
CALM_LOOKS = 3
"""So many calm looks in a row give one step back: what was shed does not come back all at once."""
FACTORS = (1.0, 2.0, 4.0, 4.0)
"""Of each step: so many times longer between polls and samples. The last one leaves heavy work undone as well."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Of this process alone since the last look; None where the system does not tell. `cpu_percent` of one core,
    `disk_mib_per_h` written, `sent_mib_per_h` to the collector. `late_s`: by how much the job that came latest came
    late, which has no limit of its own: it is the till that is slow, or the agent that is asked for too much."""

    cpu_percent: float | None = None
    memory_mib: float | None = None
    disk_mib_per_h: float | None = None
    sent_mib_per_h: float | None = None
    late_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """In the units of `Usage`."""

    cpu_percent: float = 2.0
    memory_mib: float = 120.0
    disk_mib_per_h: float = 50.0
    sent_mib_per_h: float = 500.0


@dataclass(frozen=True, slots=True)
class Decision:
    """`factor`: polls and samples are so many times rarer. `heavy`: work that can wait is done. `worst`: the greatest
    part of a limit that is used, None where nothing is known; `reason` says of which, for people."""

    factor: float
    heavy: bool
    worst: float | None
    reason: str


class Budget:
    """`look` once for each period that was measured."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._step = 0
        self._calm = 0

    def look(self, usage: Usage) -> Decision:
        parts = self._parts(usage)
        worst = max(parts.values(), default=None)
        self._move(worst)
        return Decision(FACTORS[self._step], self._step < len(FACTORS) - 1, worst, self._words(usage, parts))

    def _parts(self, usage: Usage) -> dict[str, float]:
        used = {field.name: getattr(usage, field.name) for field in fields(Limits)}
        return {
            name: value / getattr(self._limits, name) for name, value in used.items() if value is not None
        }

    def _move(self, worst: float | None) -> None:
        """What is not known is no reason to do more, nor to do less."""
        if worst is None or CALM_AT <= worst < SHED_AT:
            self._calm = 0
        elif worst >= SHED_AT:
            self._calm = 0
            self._step = min(self._step + 1, len(FACTORS) - 1)
        else:
            self._calm += 1
            if self._calm >= CALM_LOOKS:
                self._calm = 0
                self._step = max(self._step - 1, 0)

    def _words(self, usage: Usage, parts: Mapping[str, float]) -> str:
        if not parts:
            return "what the agent uses is not known here"
        name = max(parts, key=lambda key: parts[key])
        text, unit = _NAMES[name]
        shed = f"; polls are {FACTORS[self._step]:g} times rarer" if self._step else ""
        used, limit = getattr(usage, name), getattr(self._limits, name)
        return f"{text}: {used:.1f} of {limit:g} {unit}{shed}"


_NAMES = {
    "cpu_percent": ("processor time of the agent", "% of one core"),
    "memory_mib": ("memory of the agent", "MiB"),
    "disk_mib_per_h": ("written to the disk by the agent", "MiB an hour"),
    "sent_mib_per_h": ("sent by the agent", "MiB an hour"),
}
