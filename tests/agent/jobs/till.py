"""A till around the jobs room: a real spool, a clock that stands, devices that say what the test wants, and work that
counts how often it is done."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

from agent.config import Config
from agent.config.reader import checked
from agent.jobs.registry import WORKS
from agent.jobs.runner import Runner
from agent.jobs.work import Context, Outcome, Seen, Work
from agent.masking.secret import mask
from agent.runtime.drawer_pulse import Pulsed
from agent.spool import Spool
from protocols.errors import PlombaError
from protocols.status.model import DeviceState
from protocols.wire import v1
from protocols.wire.job import Part, Type
from protocols.wire.v1 import Contact
from tests.office import NOW, Office


class Clock:
    """Stands still but for what the test turns it by."""

    def __init__(self) -> None:
        self.wall = NOW
        self.steady = 1000.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.steady

    def wait(self, event: Event, timeout_s: float) -> bool:
        return event.wait(min(timeout_s, 0.01))


@dataclass
class Devices:
    """The Till of agent.jobs. `states`: what a fresh look sees; None: nobody looks in time."""

    states: dict[str, DeviceState | None] = field(default_factory=dict)
    families: dict[str, str] = field(default_factory=dict)
    contact: Contact = Contact.OK
    begun_anew: int = 0
    pulses: list[tuple[str, str]] = field(default_factory=list)
    pulsed: Pulsed | PlombaError = field(default_factory=lambda: Pulsed(False, True, True))

    def devices(self) -> tuple[str, ...]:
        return tuple(self.states)

    def seen(self, device: str) -> Seen | None:
        state = self.states[device]
        if state is None:
            return None
        family = self.families.get(device, "datecs_isl_legacy")
        return Seen(device, family, NOW, self.contact, "", state)

    def look(self, device: str, stop: Event) -> Seen | None:
        return self.seen(device)

    def pulse(self, device: str, what: str, stop: Event) -> Pulsed:
        self.pulses.append((device, what))
        if isinstance(self.pulsed, PlombaError):
            raise self.pulsed
        return self.pulsed

    def begin_anew(self) -> None:
        self.begun_anew += 1


@dataclass
class Counted:
    """Counts what is done and what is only tried."""

    done: list[Part] = field(default_factory=list)
    tried: list[Part] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)

    def describe(self, parameters: Part) -> str:
        return "count"

    def dry_run(self, context: Context[Part]) -> Outcome:
        self.tried.append(context.parameters)
        return Outcome(output="would count")

    def run(self, context: Context[Part]) -> Outcome:
        self.done.append(context.parameters)
        return self.outcome


class Workplace:
    """One agent's jobs room over a state folder; `again` is the agent started anew over the same folder."""

    def __init__(
        self,
        folder: Path,
        office: Office,
        *,
        works: dict[Type, Work[Any]] | None = None,
        jobs: str = "",
        born_s: float = 0,
    ) -> None:
        self.folder = folder
        self.office = office
        self.clock = Clock()
        self.devices = Devices()
        self.counted = Counted()
        self.works = works or dict.fromkeys(WORKS, self.counted)
        self.offset_s: float | None = 0.0
        self.root = office.root_key
        self.more = jobs
        self.told = 0
        self.clock.wall += timedelta(seconds=born_s)
        self.start()
        self.clock.wall = NOW

    def start(self) -> None:
        self.spool = Spool(self.folder / "spool.db", self.clock, owner=True)
        self.runner = Runner(
            self.config,
            self.folder / "agent.toml",
            self.spool,
            self.clock,
            self.devices,
            terminal=self.office.terminal,
            agent=("/bin/false",),
            offset_s=lambda: self.offset_s,
            told=self._tell,
            mask=mask,
            works=self.works,
        )

    def again(self) -> None:
        self.spool.close()
        self.start()

    @property
    def config(self) -> Config:
        import tomllib  # noqa: PLC0415

        text = f'[collector]\nurl = "https://c"\n[agent]\nstate_dir = "{self.folder.as_posix()}"\n[jobs]\n'
        text += f'company_root = "{self.root}"\n{self.more}'
        return checked("test", tomllib.loads(text))

    def take(self, body: bytes) -> list[v1.JobResult]:
        """What the room tells of an offer."""
        before = len(self.results())
        self.runner.take(body)
        self.runner.wait()
        return self.results()[before:]

    def results(self) -> list[v1.JobResult]:
        rows = self.spool.next_batch(500, 1 << 20).rows
        found = [v1.MESSAGE.validate_json(row.body) for row in rows]
        return [one for one in found if isinstance(one, v1.JobResult)]

    def pass_time(self, span: timedelta) -> None:
        self.clock.wall += span
        self.clock.steady += span.total_seconds()

    def _tell(self) -> None:
        self.told += 1
