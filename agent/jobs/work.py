"""What one type of job is: how it is described, tried and done, what it may reach, and what it says when it ends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from threading import Event
from typing import Generic, Protocol, TypeVar

from agent.clock import Clock
from agent.config import Config
from protocols.status.model import DeviceState
from protocols.wire.job import Part, SignedJob, SignedOperators
from protocols.wire.v1 import Contact

Scalar = bool | int | float | str | None
P = TypeVar("P", bound=Part)


class Exit(IntEnum):
    """As of a command of the agent."""

    DONE = 0
    FAILED = 1
    WRONG = 2
    REFUSED = 3
    LATER = 75


@dataclass(frozen=True, slots=True)
class Outcome:
    """`code` is a stable dotted string, "" where it is done. `output` is for people, `evidence` for machines; both
    are masked and cut by who calls."""

    exit: Exit = Exit.DONE
    code: str = ""
    output: str = ""
    evidence: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """The last look at one device of the till."""

    device: str
    family: str
    at: datetime
    contact: Contact
    reason: str
    state: DeviceState


class Pulse(Protocol):
    """What one pulse on a drawer did: levels of the sensor, and whether it is open. None: not known; `problem` may say
    why."""

    @property
    def sensor_before(self) -> bool | None: ...

    @property
    def sensor_after(self) -> bool | None: ...

    @property
    def open_after(self) -> bool | None: ...

    @property
    def problem(self) -> str: ...


class Till(Protocol):
    """What a job may ask of the running agent. Any thread may call."""

    def devices(self) -> tuple[str, ...]:
        """The names of those in the configuration."""

    def seen(self, device: str) -> Seen | None:
        """None where it was not looked at yet."""

    def look(self, device: str, stop: Event) -> Seen | None:
        """Have the device asked now, as the poller asks it, and wait for what it says; None where nobody looked
        within half a minute, or `stop` was set."""

    def pulse(self, device: str, what: str, stop: Event) -> Pulse:
        """One pulse on the drawer, if the state read just before allows it. A PlombaError means that nothing was
        written, but job.pulse_unknown: then nobody knows. Never repeat it."""

    def begin_anew(self) -> None:
        """The agent ends cleanly in a moment, and the service manager starts it again."""


@dataclass(frozen=True, slots=True)
class Context(Generic[P]):
    """`stop` is set when the job must come to an end. `agent`: the arguments that start this program as a child.
    `ends_s`: a child does not run for longer. `heavy`: it gives way to the till's own programs. `signed` and
    `operators`: on whose word it is done, as they came."""

    parameters: P
    config: Config
    config_file: Path
    clock: Clock
    stop: Event
    till: Till
    agent: tuple[str, ...]
    ends_s: float
    heavy: bool
    signed: SignedJob
    operators: SignedOperators


class Work(Protocol[P]):
    """One file per type, listed in `registry`. `dry_run` says what `run` would do and whether it could, and changes
    nothing. Both end within `ends_s`, or soon after `stop`. What goes wrong is an Outcome, or a PlombaError."""

    def describe(self, parameters: P) -> str:
        """In a few words, for the log."""

    def dry_run(self, context: Context[P]) -> Outcome: ...

    def run(self, context: Context[P]) -> Outcome: ...


Mask = Callable[[str], str]
