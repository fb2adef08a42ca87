"""What a job may ask of the running agent: a look at a device now, one pulse on its drawer, a fresh beginning. Devices
are asked by the threads that poll them, never beside them."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING

from agent.clock import Clock
from agent.config.address import product
from agent.devices import profile_store
from agent.runtime.device_watch import DeviceWatch
from protocols.device.registry import FAMILIES
from protocols.errors import JobError, PlombaError
from protocols.status.model import Identity

if TYPE_CHECKING:
    from agent.jobs.work import Seen
    from agent.runtime.drawer_pulse import Pulsed

LOOK_S, LOOK_AGAIN_S, ASK_AGAIN = 30.0, 0.1, 10
PULSES_S = 10.0
"""The coil of a drawer is not made for more."""

log = logging.getLogger(__name__)


class _Once:
    """An act that another thread does once, or never if it was withdrawn before it began."""

    def __init__(self, act: "Callable[[], Pulsed]") -> None:
        self._act = act
        self._lock = Lock()
        self._taken = False
        self._found: Pulsed | PlombaError | None = None
        self.ended = Event()

    def __call__(self) -> None:
        if not self.withdraw():
            return
        try:
            self._found = self._act()
        except PlombaError as e:
            self._found = e
        except Exception as e:  # the poller's thread must go on, and who waits must be told
            log.exception("an act at a device met a bug")
            self._found = JobError(f"it met a bug: {type(e).__name__}", code="job.pulse_unknown")
        finally:
            self.ended.set()

    def withdraw(self) -> bool:
        """Whether it had not begun. From now on it does not."""
        with self._lock:
            taken, self._taken = self._taken, True
        return not taken

    def result(self) -> "Pulsed":
        if isinstance(self._found, PlombaError):
            raise self._found
        if self._found is None:
            raise JobError("it did not end", code="job.pulse_unknown")
        return self._found


class RunningTill:
    """The Till of agent.jobs. `soon`: have this device polled after so many seconds."""

    def __init__(
        self,
        watches: Mapping[str, DeviceWatch],
        clock: Clock,
        soon: Callable[[str, float], None],
        begin_anew: Callable[[], None],
        profiles_dir: Path | None = None,
    ) -> None:
        self._profiles_dir = profiles_dir
        self._pulsed_s: dict[str, float] = {}
        self._watches = watches
        self._clock = clock
        self._soon = soon
        self.begin_anew = begin_anew

    def devices(self) -> tuple[str, ...]:
        return tuple(self._watches)

    def seen(self, device: str) -> "Seen | None":
        from agent.jobs.work import Seen  # noqa: PLC0415 - see above

        watch = self._watches[device]
        if watch.looked is None:
            return None
        last = watch.looked[1]
        return Seen(device, watch.device.family, last.at, last.contact, last.reason, last.state)

    def pulse(self, device: str, what: str, stop: Event) -> "Pulsed":
        """See agent.jobs.work. An act that has not begun when nobody waits for it any more is not done."""
        watch = self._watches[device]
        once = _Once(self._prepared(watch, what))
        now_s = self._clock.monotonic()
        if now_s - self._pulsed_s.get(device, -PULSES_S) < PULSES_S:
            raise JobError(
                "the drawer was tested just now; wait a little", code="job.too_soon", retriable=True
            )
        watch.before_next_look(once)
        self._pulsed_s[device] = now_s
        tries = 0
        while not self._clock.wait(once.ended, LOOK_AGAIN_S):
            if tries % ASK_AGAIN == 0:
                self._soon(device, 0.0)
            tries += 1
            gone = stop.is_set() or self._clock.monotonic() - now_s >= LOOK_S
            if gone and once.withdraw():
                raise JobError("nobody came to the device in time", code="job.not_looked", retriable=True)
        watch.kicked(self._clock.now(), self._clock.monotonic())
        return once.result()

    def look(self, device: str, stop: Event) -> "Seen | None":
        """What was read by a look that began after this call."""
        watch, asked_s = self._watches[device], self._clock.monotonic()
        tries = 0
        while watch.looked is None or watch.looked[0] < asked_s:
            if tries % ASK_AGAIN == 0:  # a look that ran just now has planned the next one over the wish
                self._soon(device, 0.0)
            tries += 1
            if self._clock.wait(stop, LOOK_AGAIN_S) or self._clock.monotonic() - asked_s >= LOOK_S:
                return None
        return self.seen(device)

    def _prepared(self, watch: DeviceWatch, what: str) -> "Callable[[], Pulsed]":
        from agent.runtime.drawer_pulse import Pulse, wanted  # noqa: PLC0415 - rarely wanted

        device, test = watch.device, wanted(watch.device, what)
        known = Identity() if watch.looked is None else watch.looked[1].identity
        profiles = profile_store.load(self._profiles_dir)[device.family]
        pulse = Pulse(device, FAMILIES[device.family].on(product(device.port)), profiles, known, self._clock)
        return lambda: pulse.give(test)
