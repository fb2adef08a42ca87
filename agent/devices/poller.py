"""Reads one device again and again: open, ask, close. It does not schedule itself and judges nothing."""

import logging
from datetime import datetime

from agent.clock import Clock
from agent.config.address import product
from agent.config.model import Device
from agent.devices.backoff import Backoff, Jitter, uniform
from agent.devices.conversation import Conversation, Heard
from agent.devices.identification import Identification
from agent.devices.line import line_of
from agent.devices.reading import Reading
from agent.ports import open_port
from protocols.device.family import Family
from protocols.device.profile import Profiles
from protocols.errors import (
    Busy,
    NoReply,
    PlombaError,
    PortDenied,
    PortGone,
    PortHeld,
    Unexpected,
    UsageError,
)
from protocols.status.model import DeviceState, Identity
from protocols.wire.v1 import Contact

CONFIRM_S = 0.5
"""A reading that differs from the one before is followed by another after this time. Not to believe the bytes,
which were asked for twice already, but because what they say may pass in a moment (a cover that is just being
shut), and a fault needs two readings."""

_CONTACT: tuple[tuple[type[PlombaError], Contact], ...] = (
    (PortHeld, Contact.IN_USE),
    (PortGone, Contact.MISSING),
    (PortDenied, Contact.DENIED),
    (NoReply, Contact.NO_REPLY),
    (Unexpected, Contact.MISMATCH),
    (Busy, Contact.OK),
)
_log = logging.getLogger(__name__)


class Poller:
    """`poll` never raises but UsageError and leaves the port closed. How long it may take: see Conversation,
    and add the opening, which a port bounds (a second for TCP). After it `next_delay_s` says when to call
    again: ever later while the device or its port cannot be had. `known` and `last_good_at` are what an
    earlier run said. Not to be called by two threads at once."""

    def __init__(
        self,
        device: Device,
        family: Family,
        profiles: Profiles,
        clock: Clock,
        *,
        known: Identity | None = None,
        last_good_at: datetime | None = None,
        jitter: Jitter = uniform,
    ) -> None:
        self._device = device
        self._clock = clock
        self._line = line_of(family, device.baud, device.parity)
        self._talk = Conversation(device, family.on(product(device.port)), profiles, clock)
        self._who = Identification(known)
        self._backoff = Backoff(device.poll_s, jitter)
        self._last: Reading | None = None
        self._last_good_at = last_good_at
        self._since: tuple[Contact, datetime] | None = None
        self.next_delay_s = 0.0

    @property
    def device(self) -> Device:
        return self._device

    @property
    def known(self) -> Identity:
        """The device that the till is known to have; hand it in as `known` after a restart."""
        return self._who.known

    def poll(self) -> Reading:
        try:
            reading = self._good(self._ask())
        except UsageError:
            raise
        except PlombaError as e:
            reading = self._bad(e)
        except Exception as e:  # noqa: BLE001 - whatever a device sends must not end the watch over the till
            _log.exception("reading %s failed", self._device.id)
            reading = self._bad(PlombaError(f"reading failed ({type(e).__name__})", code="device.internal"))
        self._plan(reading)
        self._last = reading
        return reading

    def _ask(self) -> Heard:
        """PortHeld when the cash program came in between: its answers could be among ours. That is looked for
        only when the answers change something, for looking is dear."""
        with open_port(self._device.port, self._line) as port:
            try:
                heard = self._talk.hold(port)
            except PlombaError as e:
                if not isinstance(e, UsageError | PortGone) and port.contended():
                    raise PortHeld(_CAME_BETWEEN) from e
                raise
            if self._is_news(heard) and port.contended():
                raise PortHeld(_CAME_BETWEEN)
            return heard

    def _is_news(self, heard: Heard) -> bool:
        return self._last is None or self._last.state != heard.state

    def _good(self, heard: Heard) -> Reading:
        at = self._last_good_at = self._clock.now()
        if heard.identified:
            self._who.saw(heard.identity, self._clock.monotonic())
            if self._who.doubtful:
                self._talk.identify_again()
        return Reading(
            device=self._device.id,
            at=at,
            contact=Contact.OK,
            state=heard.state,
            identity=heard.identity,
            identity_changed=self._who.changed,
            profile=heard.profile,
            round_trip_s=heard.round_trip_s,
            last_good_at=at,
            since=self._contact_since(Contact.OK, at),
            clock_offset_s=heard.clock_offset_s,
            slow=heard.slow,
            counters=heard.counters,
        )

    def _bad(self, error: PlombaError) -> Reading:
        """Nothing of an earlier answer is repeated as if it were fresh."""
        contact = next((c for kind, c in _CONTACT if isinstance(error, kind)), Contact.UNKNOWN)
        at = self._clock.now()
        if contact is Contact.OK:
            self._last_good_at = at
        else:
            self._talk.lost()
        return Reading(
            device=self._device.id,
            at=at,
            contact=contact,
            reason=str(error),
            reason_code=error.code,
            state=DeviceState(busy=True) if contact is Contact.OK else DeviceState(),
            identity=self._who.known,
            identity_changed=self._who.changed,
            last_good_at=self._last_good_at,
            since=self._contact_since(contact, at),
        )

    def _contact_since(self, contact: Contact, at: datetime) -> datetime:
        if self._since is None or self._since[0] is not contact:
            self._since = contact, at
        return self._since[1]

    def _plan(self, reading: Reading) -> None:
        if reading.contact is not Contact.OK:
            self.next_delay_s = self._backoff.failed()
            return
        self._backoff.reset()
        changed = self._last is None or not self._last.looks_like(reading)
        self.next_delay_s = min(CONFIRM_S, self._device.poll_s) if changed else self._device.poll_s


_CAME_BETWEEN = "another program opened the port while it was being read"
