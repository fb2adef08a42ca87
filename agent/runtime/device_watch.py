"""Looks at one device: polls it, has the reading judged, and tells its state when something in it changed."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from agent.clock import Clock
from agent.config import Device
from agent.devices.poller import Poller
from agent.devices.reading import Reading
from agent.health import Derived, Drawer, HostClock, LongView, Observation, Seen, observe_device
from agent.health.drawer import LOOKS_S
from agent.runtime import device_report
from agent.runtime.judging import Judging
from agent.runtime.outgoing import Outgoing
from agent.runtime.status import DEVICE
from agent.spool import Json
from protocols.wire import v1
from protocols.wire.v1 import Contact

STATE_S = 300.0
"""A state that does not change is told this often."""
KNOWN, LONG, DRAWER = "known.", "long.", "drawer."
"""Keys of the spool's state, before the id of the device."""
_ROUNDS = 1.5


def _as_planned(after_s: float) -> None:
    """Nobody can call sooner."""


class DeviceWatch:
    """`poll` is called by one thread at a time; SpoolError comes out of it when nothing can be stored.
    `host`: the till's clock against the collector's; None while that is not known. `soon`: have `poll` called
    after so many seconds, whatever `delay_s` said. `sees_kicks`: something tells every kick by `kicked`."""

    def __init__(
        self,
        device: Device,
        poller: Poller,
        judging: Judging,
        outgoing: Outgoing,
        clock: Clock,
        *,
        host: Callable[[], HostClock | None] = lambda: None,
        soon: Callable[[float], None] = _as_planned,
        sees_kicks: bool = False,
    ) -> None:
        self._device = device
        self._subject = v1.Subject(kind=v1.SubjectKind.DEVICE, id=device.id)
        self._poller = poller
        self._judging = judging
        self._outgoing = outgoing
        self._clock = clock
        self._host = host
        self._soon = soon
        self._told: tuple[object, ...] = ()
        self._told_s = 0.0
        self._long = LongView()
        self._drawer = Drawer(_polarity(device), sees_kicks=sees_kicks)
        self._kicks: deque[float] = deque(maxlen=1000)
        self._facts: list[v1.Fact] = []
        self._sampled_s = clock.monotonic()
        self._stored: dict[str, Json] = {}
        self.device = device
        self.looked: tuple[float, Reading] | None = None
        """When the last look began (monotonic seconds), and what it saw. Any thread may read it."""
        self._acts: deque[Callable[[], None]] = deque()

    def restore(self, kept: Mapping[str, Json]) -> None:
        """What an earlier run stored, under its keys of the spool's state. What cannot be read is begun
        anew."""
        long, drawer = kept.get(LONG + self._device.id), kept.get(DRAWER + self._device.id)
        if isinstance(drawer, Mapping):
            self._drawer.restore(drawer)
        if not isinstance(long, Mapping):
            return
        try:
            self._long.restore(long)
        except ValueError:
            self._long = LongView()

    def delay_s(self) -> float:
        if self._kicks:
            return LOOKS_S[0]
        wanted_s = self._drawer.wants_look_s(self._clock.monotonic())
        usual_s = self._poller.next_delay_s
        return usual_s if wanted_s is None else min(usual_s, wanted_s)

    def kicked(self, at: datetime, at_s: float) -> None:  # noqa: ARG002 - the look after it has a time of its own
        """A drawer kick went to the device, at this wall time and these monotonic seconds. Any thread may
        call."""
        self._kicks.append(at_s)
        self._soon(LOOKS_S[0])

    def before_next_look(self, act: Callable[[], None]) -> None:
        """`act` is called once by the thread that polls, just before it does; it must not raise. Any thread may
        call."""
        self._acts.append(act)

    def poll(self) -> None:
        while self._acts:
            self._acts.popleft()()
        began_s = self._clock.monotonic()
        reading = self._poller.poll()
        self._take_kicks(began_s)
        derived = Derived()
        reading = self._look_at_drawer(reading, derived)
        self.looked = began_s, reading
        if reading.contact is Contact.OK and reading.reason == "":
            self._derive(reading, derived)
        observations = observe_device(
            reading.contact,
            reading.state,
            garbled=reading.garbled,
            identity_changed=reading.identity_changed,
        )
        self._tell(reading, {**observations, **derived.observations}, derived)

    def _take_kicks(self, began_s: float) -> None:
        """A kick during the poll came after its questions, maybe: it waits for the next."""
        while self._kicks and self._kicks[0] <= began_s:
            self._drawer.kicked(self._kicks.popleft())

    def _look_at_drawer(self, reading: Reading, derived: Derived) -> Reading:
        state, at_s = reading.state, self._clock.monotonic()
        told = state.drawer_open if state.drawer_sensor_high is None else None
        view = self._drawer.look(state.drawer_sensor_high, told, at_s, reading.at)
        derived.observations["drawer.stuck"] = view.stuck
        if view.stuck:
            derived.reasons["drawer.stuck"] = "it was kicked, and every look at it saw it shut"
        derived.facts += [(fact.name, fact.detail) for fact in view.facts]
        if view.open is state.drawer_open:
            return reading
        return replace(reading, state=replace(state, drawer_open=view.open))

    def _derive(self, reading: Reading, derived: Derived) -> None:
        self._long.of(self._poller.known.serial)
        seen = Seen(
            state=reading.state,
            at=reading.at.astimezone().replace(tzinfo=None),
            offset_s=reading.clock_offset_s,
            drift_limit_s=self._device.clock_drift_s,
            host=self._host(),
            counters=reading.counters,
        )
        found = self._long.look(seen)
        derived.observations |= found.observations
        derived.reasons |= found.reasons
        derived.facts += found.facts
        derived.figures |= {**reading.counters, **found.figures}

    def _tell(self, reading: Reading, observations: Mapping[str, Observation], derived: Derived) -> None:
        """Facts that could not be stored wait for the next time; what was judged is judged anew then."""
        looks = device_report.looks(reading)
        due = looks != self._told or self._clock.monotonic() - self._told_s >= STATE_S
        subject = self._subject
        self._facts += [
            v1.Fact(seq=1, at=reading.at, subject=subject, name=name, detail=detail)
            for name, detail in derived.facts
        ]
        beside: list[v1.AnyMessage] = [*([device_report.message(reading)] if due else []), *self._facts]
        kept = self._kept(reading, derived)
        self._judging.hear(
            observations,
            reading.at,
            reason=reading.reason[:400],
            reasons=derived.reasons,
            beside=beside,
            state=kept,
        )
        self._facts.clear()
        if due:
            self._told, self._told_s = looks, self._clock.monotonic()
        self._outgoing.later(self._samples(reading, subject, derived.figures), kept)

    def _samples(
        self, reading: Reading, subject: v1.Subject, figures: Mapping[str, float]
    ) -> list[v1.Sample]:
        """Once for each round of the questions that are asked seldom; by the clock where there are none."""
        now_s = self._clock.monotonic()
        if not reading.slow and now_s - self._sampled_s < _ROUNDS * self._device.slow_s:
            return []
        self._sampled_s = now_s
        kicks = {"drawer_kicks": float(self._drawer.kicks)} if self._drawer.kicks else {}
        values = {name[:80]: float(value) for name, value in [*figures.items(), *kicks.items()][:64]}
        return [v1.Sample(seq=1, at=reading.at, subject=subject, values=values)] if values else []

    def _kept(self, reading: Reading, derived: Derived) -> dict[str, Json]:
        """Who the poller takes the device for is what is known, not what one reading said: a doubtful answer
        must not make a swapped device the known one."""
        name = reading.device
        unknown = {
            code: why for code, why in derived.reasons.items() if derived.observations.get(code) is None
        }
        now: dict[str, Json] = {
            KNOWN + name: dict(self._poller.known.as_dict()),
            LONG + name: self._long.export(),
            DRAWER + name: self._drawer.export(),
        }
        changed = {key: value for key, value in now.items() if self._stored.get(key) != value}
        self._stored.update(changed)
        return {DEVICE + name: device_report.kept(reading, unknown), **changed}


def _polarity(device: Device) -> bool | None:
    return None if device.drawer_open_when is None else device.drawer_open_when == "high"
