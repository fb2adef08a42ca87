"""Which commands are due at one poll, and what is known of the device from this and earlier answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from agent.clock import Clock
from agent.config.model import Device
from agent.devices.belief import Belief
from agent.devices.interview import Answers, Interview, choose, identify, sensed
from agent.devices.runner import EXCHANGE_BYTES, Allowance
from agent.ports.port import Port
from protocols.device.family import Family, Reply, When
from protocols.device.profile import Profile, Profiles
from protocols.errors import Garbled
from protocols.status.model import DeviceState, Identity

WINDOW_S = 0.8
"""No further question is begun after this time; what is left is asked at the next poll."""
LIMIT_S = 3.0
"""After this time nothing goes on, whatever the device does: the cash program may want the port."""
POLL_BYTES = 4 * EXCHANGE_BYTES
_GIVES_UP = 3


@dataclass(frozen=True, slots=True)
class Heard:
    """`identified`: the identity was asked for at this poll. `slow`: the last of the questions that are asked
    seldom was answered at this poll, and `counters` has the wear counters that the answers told."""

    state: DeviceState
    identity: Identity
    identified: bool
    profile: str
    round_trip_s: float | None
    clock_offset_s: float | None
    slow: bool = False
    counters: Mapping[str, int] = field(default_factory=dict)


class Conversation:
    """`hold` asks the POLL commands, and IDENTIFY and SLOW ones when they are due; no answer counts before a
    second one agrees with it (`agent.devices.belief`). What the slow ones said is kept until contact is
    `lost`. A command left unanswered three times, while others are answered, becomes a slow one.

    A device that answers within some hundredths of a second has the port for WINDOW_S and one question; any
    other for LIMIT_S and one write, and for POLL_BYTES at most."""

    def __init__(self, device: Device, family: Family, profiles: Profiles, clock: Clock) -> None:
        self._device = device
        self._family = family
        self._profiles = profiles
        self._clock = clock
        self._belief = Belief(family, choose(profiles, Identity(), device.model))
        self._interview = Interview(family, clock, self._belief)
        self._missed: dict[str, int] = {}
        self._read: tuple[list[Reply], Profile, DeviceState] | None = None
        self.lost()

    def lost(self) -> None:
        """Contact is gone: the next device on the port may be another one."""
        self._identity = Identity()
        self._belief.forget()
        self._identifying = Answers()
        self._rare = Answers()
        self._slow_state = DeviceState()
        self._sensors: int | None = None
        self._offset_s: float | None = None
        self._due = [*self._family.commands(When.IDENTIFY), *self._family.commands(When.SLOW)]
        self._slow_at = self._clock.monotonic() + self._device.slow_s
        self._missed.clear()

    def identify_again(self) -> None:
        names = {command.name for command in self._due}
        self._due += [c for c in self._family.commands(When.IDENTIFY) if c.name not in names]

    def hold(self, port: Port) -> Heard:
        """DeviceError or PortError where the device could not be asked."""
        began = self._clock.monotonic()
        allowance = Allowance(began + LIMIT_S, POLL_BYTES)
        self._fall_due(began)
        always = [c for c in self._family.commands(When.POLL) if self._missed.get(c.name, 0) < _GIVES_UP]
        polled = self._interview.ask(port, always or self._family.commands(When.POLL), allowance=allowance)
        if polled.unsettled and not polled.replies:
            raise Garbled("its answers contradict each other", code="device.unsteady")
        slow, identified = Answers(), False
        if self._due and not self._away(polled):
            slow = self._interview.ask(port, self._due, end_s=began + WINDOW_S, allowance=allowance)
            identified = self._take(slow)
        self._count(polled)
        return self._conclude(polled, slow, identified=identified)

    def _away(self, polled: Answers) -> bool:
        """An offline device keeps some questions until it is online, and answers whoever has the port
        then."""
        profile = choose(self._profiles, self._identity, self._device.model)
        return self._family.read_state(self._ordered(polled), profile).online is False

    def _fall_due(self, now_s: float) -> None:
        if now_s < self._slow_at:
            return
        self._slow_at = now_s + self._device.slow_s
        poll = [c for c in self._family.commands(When.POLL) if self._missed.get(c.name, 0) >= _GIVES_UP]
        self._due = [*self._family.commands(When.IDENTIFY), *self._family.commands(When.SLOW), *poll]

    def _take(self, slow: Answers) -> bool:
        """Strike off what was asked; True when the last question about the identity was among it."""
        asked = slow.replies.keys() | slow.unanswered
        commands = self._family.commands(When.IDENTIFY)
        names = {c.name for c in commands}
        before = any(c.name in names for c in self._due)
        self._due = [c for c in self._due if c.name not in asked]
        self._identifying.replies.update({n: r for n, r in slow.replies.items() if n in names})
        self._rare.replies.update(slow.replies)
        if not before or any(c.name in names for c in self._due):
            return False
        self._identity = identify(self._family, self._identifying.of(commands))
        self._identifying = Answers()
        return True

    def _count(self, polled: Answers) -> None:
        for name in polled.unanswered:
            self._missed[name] = self._missed.get(name, 0) + 1
        for name in polled.replies:
            self._missed.pop(name, None)

    def _conclude(self, polled: Answers, slow: Answers, *, identified: bool) -> Heard:
        profile = self._profile(polled, slow)
        aside = self._family.read_state(self._ordered(slow), profile) if slow.replies else DeviceState()
        fresh = self._state(self._ordered(polled), profile)
        seen_at = aside.device_time or fresh.device_time
        if seen_at is not None:
            self._offset_s = _offset_s(seen_at, self._clock.now())
        still = aside if aside.device_time is None else replace(aside, device_time=None)
        self._slow_state = self._slow_state.updated(still)
        state = self._slow_state.updated(aside).updated(fresh)
        complete = bool(self._rare.replies) and not self._due
        return Heard(
            state=self._drawer(state),
            identity=self._identity,
            identified=identified,
            profile=profile.name,
            round_trip_s=polled.round_trip_s,
            clock_offset_s=self._offset_s,
            slow=complete,
            counters=self._counters(polled) if complete else {},
        )

    def _state(self, replies: list[Reply], profile: Profile) -> DeviceState:
        """Most polls say the same as the one before: it is not read again."""
        last = self._read
        if last and last[1] == profile and _say_the_same(last[0], replies):
            return last[2]
        state = self._family.read_state(replies, profile)
        self._read = replies, profile, state
        return state

    def _profile(self, polled: Answers, slow: Answers) -> Profile:
        """By which the replies are to be read. Those that contradict each other by it are dropped: they were
        believed by another, when it was not known yet who answers."""
        profile = choose(self._profiles, self._identity, self._device.model).with_sensors(self._sensors)
        profile = sensed(self._family, self._ordered(slow), profile)
        self._sensors = profile.sensors
        doubted = self._belief.read_by(profile, self._family.read_only_commands)
        polled.drop(doubted)
        slow.drop(doubted)
        return profile

    def _counters(self, polled: Answers) -> Mapping[str, int]:
        """Once for all that was asked since the last time."""
        answers = Answers({**self._rare.replies, **polled.replies})
        self._rare = Answers()
        return self._family.counters(self._ordered(answers)) if self._family.counters else {}

    def _ordered(self, answers: Answers) -> list[Reply]:
        return answers.of(self._family.read_only_commands)

    def _drawer(self, state: DeviceState) -> DeviceState:
        """The sensor's level means open or closed only after somebody has looked which."""
        when = self._device.drawer_open_when
        if when is None or state.drawer_sensor_high is None:
            return state
        return replace(state, drawer_open=state.drawer_sensor_high is (when == "high"))


def _say_the_same(before: list[Reply], now: list[Reply]) -> bool:
    """All but the number of the frame, from which nothing is read."""
    return [_content(reply) for reply in before] == [_content(reply) for reply in now]


def _content(reply: Reply) -> tuple[object, ...]:
    frame, request = reply.frame, reply.request
    asked = (request.command, request.data) if request else ()
    return frame.command, frame.error, frame.data, frame.status, *asked


def _offset_s(device_time: datetime, now: datetime) -> float:
    """The device keeps the till's local time and knows no zone."""
    return (device_time - now.astimezone().replace(tzinfo=None)).total_seconds()
