"""What is known of a device by listening to the cash program alone. It asks nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from agent.clock import Clock
from agent.devices.belief import Belief
from protocols.device.family import Family, Reply, When
from protocols.device.overhear import Heard, Kick
from protocols.device.profile import Profile

FRESH_S = 10.0
"""What was told longer ago than this, or than two polls, says nothing of now."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question of the cash program, which is never ours to ask."""

    name: str
    when: When = When.ASK


Kicked = Callable[[datetime, float], None]


class Ear:
    """`kicked`: called with wall and monotonic time of each kick. `stir`: called when the device told
    something of itself that no second answer has confirmed yet: a good moment to ask. Any thread may call
    `hear`."""

    def __init__(
        self, family: Family, profile: Profile, clock: Clock, kicked: Kicked, stir: Callable[[], None]
    ) -> None:
        self._belief = Belief(family, profile)
        self._clock = clock
        self._kicked = kicked
        self._stir = stir
        self._lock = Lock()
        self._told: dict[str, tuple[Reply, float]] = {}
        self._news = False

    def hear(self, heard: Sequence[Heard], at_s: float) -> None:
        """`at_s`: monotonic seconds, when it went by."""
        unsure = False
        for one in heard:
            if isinstance(one, Kick):
                gone = timedelta(seconds=self._clock.monotonic() - at_s)
                self._kicked(self._clock.now() - gone, at_s)
            else:
                unsure |= not self._believed(one, at_s)
        if unsure:
            self._stir()

    def told(self, now_s: float, poll_s: float) -> tuple[Sequence[Reply], float] | None:
        """The answers of the last seconds, and when the newest came; None where there is none that was not
        given before. So a reading is never made twice of one answer."""
        oldest_s = now_s - max(FRESH_S, 2 * poll_s)
        with self._lock:
            self._told = {name: told for name, told in self._told.items() if told[1] >= oldest_s}
            news, self._news = self._news, False
            if not news or not self._told:
                return None
            return [reply for reply, _ in self._told.values()], max(at_s for _, at_s in self._told.values())

    def _believed(self, reply: Reply, at_s: float) -> bool:
        """As with our own questions, one answer is none: it takes two to the same question. Automatic status
        comes when something changes, so two are never alike: it is a reason to ask."""
        if reply.request is None or reply.frame.command is None:
            return False
        request = reply.request
        name = f"{request.command} {request.data.hex()}"
        with self._lock:
            if not self._belief.hears(_Asked(name), reply, at_s):
                return False
            self._told[name] = reply, at_s
            self._news = True
            return True
