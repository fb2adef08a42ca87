"""Asks one device a list of commands over an open port and keeps what came back, command by command."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from agent.clock import Clock
from agent.devices.belief import Belief
from agent.devices.runner import FLOOD, Allowance, run
from agent.ports.port import Port
from protocols.device.exchange import Frame
from protocols.device.family import Command, Family, Reply
from protocols.device.profile import Profile, Profiles
from protocols.errors import Garbled, NoReply, Rejected
from protocols.status.model import DeviceState, Identity

ASKED = 4
"""Times that a question is asked at most until two answers in a row agree: enough for one damaged answer at
first contact."""
_SILENT_IN_A_ROW = 2


@dataclass(slots=True)
class Answers:
    """Replies under the names of their commands; `unanswered` has the commands that got none though the
    device answered others, `unsettled` those whose answers did not agree. `round_trip_s` is that of the first
    answer."""

    replies: dict[str, Reply] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)
    unsettled: set[str] = field(default_factory=set)
    round_trip_s: float | None = None

    def of(self, commands: Iterable[Command]) -> list[Reply]:
        return [self.replies[c.name] for c in commands if c.name in self.replies]

    def drop(self, names: Iterable[str]) -> None:
        for name in names:
            self.replies.pop(name, None)


class Interview:
    """One device, over as many connections as it takes: sequence numbers go on from one to the next. With
    `belief` an answer that it does not believe is asked for again at once, and is no reply before it is
    believed (see there what is promised); without, every answer counts."""

    def __init__(self, family: Family, clock: Clock, belief: Belief | None = None) -> None:
        self._family = family
        self._clock = clock
        self._belief = belief
        self._sequence = family.codec.first_sequence()

    def ask(
        self,
        port: Port,
        commands: Sequence[Command],
        *,
        end_s: float | None = None,
        allowance: Allowance | None = None,
    ) -> Answers:
        """Every command once, and again where its answer is not believed. `end_s`: for a device that has just
        answered; after that monotonic time no question but the first is begun or repeated, and silence then
        only leaves the question open. Else a device that is silent at the first question, or at two in a row,
        is silent: NoReply or Garbled. A refused question is passed over. A flood ends it always: Garbled."""
        answers, silent = Answers(), 0
        for number, command in enumerate(commands):
            late = number > 0 and self._late(end_s)
            if late or (end_s is not None and silent >= _SILENT_IN_A_ROW):
                break
            try:
                self._ask(port, command, answers, end_s, allowance)
                silent = 0
            except (Rejected, NoReply, Garbled) as e:
                silent += not isinstance(e, Rejected)
                answers.unanswered.add(command.name)
                if e.code == FLOOD or (end_s is None and silent and _gives_up(answers, silent)):
                    raise
                if silent and self._family.unmarked_answers:
                    break  # a late answer would be taken for that of the next question
        return answers

    def _late(self, end_s: float | None) -> bool:
        return end_s is not None and self._clock.monotonic() >= end_s

    def _ask(
        self,
        port: Port,
        command: Command,
        answers: Answers,
        end_s: float | None,
        allowance: Allowance | None,
    ) -> None:
        for number in range(ASKED):
            if number and self._late(end_s):
                break
            reply = self._exchange(port, command, answers, allowance)
            if self._belief is None or self._belief.hears(command, reply, self._clock.monotonic()):
                answers.replies[command.name] = reply
                return
        answers.unsettled.add(command.name)

    def _exchange(self, port: Port, command: Command, answers: Answers, allowance: Allowance | None) -> Reply:
        codec, sequence = self._family.codec, self._sequence
        self._sequence = codec.next_sequence(sequence)
        began = self._clock.monotonic()
        frame = run(codec.exchange(command, sequence), port, self._clock, allowance)
        if answers.round_trip_s is None:
            answers.round_trip_s = self._clock.monotonic() - began
        return Reply(frame, Frame(sequence, command.code, data=command.data))


def _gives_up(answers: Answers, silent: int) -> bool:
    return silent >= _SILENT_IN_A_ROW or not (answers.replies or answers.unsettled)


def identify(family: Family, replies: Sequence[Reply]) -> Identity:
    """Unexpected where the replies prove another family. No reply, no identity."""
    return family.identify(replies) if replies else Identity()


def choose(profiles: Profiles, identity: Identity, model: str) -> Profile:
    """What the device says of itself goes before what a person wrote."""
    return profiles.choose(identity.model or model, identity.maker)


def read(family: Family, replies: Sequence[Reply], profile: Profile) -> tuple[DeviceState, Profile]:
    """The state, and the profile with the sensor mask where one of the replies carries it."""
    profile = sensed(family, replies, profile)
    return family.read_state(replies, profile), profile


def sensed(family: Family, replies: Sequence[Reply], profile: Profile) -> Profile:
    """The profile with the sensor mask where one of the replies carries it."""
    masks = [family.capabilities(reply) for reply in replies] if family.capabilities else []
    for mask in masks:
        profile = profile.with_sensors(mask)
    return profile
