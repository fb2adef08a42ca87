"""Reads a device behind a tap: asks between the commands of the cash program, and where there is no gap, goes
by what the cash program's own questions told. The only place that connects to a tap again, and starts one
that has gone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from agent.clock import Clock
from agent.config.model import Device
from agent.devices.backoff import Jitter, uniform
from agent.devices.conversation import Heard
from agent.devices.interview import choose
from agent.devices.line import line_of
from agent.devices.overhearing import Ear
from agent.devices.poller import Poller
from agent.devices.reading import Reading
from agent.ports import tap_start
from agent.ports.tap_client import TapClient
from agent.ports.tap_port import TapPort
from agent.ports.tap_start import TapPlan
from protocols.device.family import Family
from protocols.device.profile import Profiles
from protocols.errors import PortHeld, UsageError
from protocols.status.model import Identity
from protocols.wire.v1 import Contact


def plan_of(device: Device, family: Family, state_dir: Path) -> TapPlan:
    """UsageError for a device that is not tapped."""
    if device.tap_link is None:
        raise UsageError(f"device {device.id} is not tapped")
    line = line_of(family, device.baud, device.parity)
    control = tap_start.control_of(state_dir, device.id)
    return TapPlan(device.port, device.tap_link, control, line.bauds[0], line.parity)


def _to_nobody(*_: object) -> None:
    """Until somebody listens."""


class TappedPoller(Poller):
    """`kicked` is told every drawer kick of the cash program (wall time, monotonic seconds), `stir` that the
    device told something which a look would make sure of; both by another thread. See `listen`."""

    def __init__(
        self,
        device: Device,
        family: Family,
        profiles: Profiles,
        clock: Clock,
        state_dir: Path,
        *,
        known: Identity | None = None,
        last_good_at: datetime | None = None,
        jitter: Jitter = uniform,
    ) -> None:
        super().__init__(
            device, family, profiles, clock, known=known, last_good_at=last_good_at, jitter=jitter
        )
        if family.overhear is None:
            raise UsageError(f"family {family.name} cannot be overheard")
        self._overhear = family.overhear
        self._family = family
        self._profiles = profiles
        self._plan_of_tap = plan_of(device, family, state_dir)
        self._client: TapClient | None = None
        self._heard_s: float | None = None
        self.listen(_to_nobody, _to_nobody)

    def listen(self, kicked: Callable[[datetime, float], None], stir: Callable[[], None]) -> None:
        """Before the first `poll`."""
        profile = choose(self._profiles, self.known, self._device.model)
        self._ear = Ear(self._family, profile, self._clock, kicked, stir)

    def poll(self) -> Reading:
        """What was only overheard is as old as it is."""
        self._heard_s = None
        reading = super().poll()
        if reading.contact is Contact.IN_USE:
            self.next_delay_s = (
                self._device.poll_s
            )  # a gap may come at any moment, and looking disturbs nobody
        if self._heard_s is None:
            return reading
        age = timedelta(seconds=max(self._clock.monotonic() - self._heard_s, 0.0))
        self._last_good_at = reading.at - age
        return replace(reading, last_good_at=self._last_good_at)

    def close(self) -> None:
        """The tap goes on."""
        if self._client:
            self._client.close()

    def _ask(self) -> Heard:
        client = self._connected()
        try:
            with TapPort(client) as port:
                return self._talk.hold(port)
        except PortHeld:
            heard = self._overheard()
            if heard is None:
                raise
            return heard

    def _connected(self) -> TapClient:
        """PortHeld, PortGone."""
        if self._client and self._client.alive:
            return self._client
        seen = (0, 0)
        if self._client:
            seen = self._client.seen
            self._client.close()
            self._client = None
        tap_start.ensure(self._plan_of_tap)
        self._client = TapClient(
            self._plan_of_tap.control, self._overhear(), self._ear.hear, self._clock, seen
        )
        return self._client

    def _overheard(self) -> Heard | None:
        told = self._ear.told(self._clock.monotonic(), self._device.poll_s)
        if told is None:
            return None
        replies, self._heard_s = told
        profile = choose(self._profiles, self.known, self._device.model)
        return Heard(
            state=self._family.read_state(replies, profile),
            identity=self.known,
            identified=False,
            profile=profile.name,
            round_trip_s=None,
            clock_offset_s=None,
        )
