"""Asks one device a list of commands over an open port and keeps what came back, command by command."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from agent.clock import Clock
from agent.devices.runner import run
from agent.ports.port import Port
from protocols.device.exchange import Frame
from protocols.device.family import Command, Family, Reply
from protocols.device.profile import Profile, Profiles
from protocols.errors import Garbled, NoReply, Rejected
from protocols.status.model import DeviceState, Identity

_SILENT_IN_A_ROW = 2


@dataclass(slots=True)
class Answers:
    """Replies under the names of their commands; `unanswered` has the commands that got none though the
    device answered others. `round_trip_s` is that of the first answer."""

    replies: dict[str, Reply] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)
    round_trip_s: float | None = None

    def of(self, commands: Iterable[Command]) -> list[Reply]:
        return [self.replies[c.name] for c in commands if c.name in self.replies]


class Interview:
    """One device, over as many connections as it takes: sequence numbers go on from one to the next."""

    def __init__(self, family: Family, clock: Clock) -> None:
        self._family = family
        self._clock = clock
        self._sequence = family.codec.first_sequence()

    def ask(self, port: Port, commands: Sequence[Command], *, end_s: float | None = None) -> Answers:
        """Every command once. `end_s`: for a device that has just answered; after that monotonic time no
        question but the first is begun, and silence then only leaves the question open. Else a device that is
        silent at the first question, or at two in a row, is silent: NoReply or Garbled. A refused question is
        passed over."""
        answers, silent = Answers(), 0
        for number, command in enumerate(commands):
            late = end_s is not None and number > 0 and self._clock.monotonic() >= end_s
            if late or (end_s is not None and silent >= _SILENT_IN_A_ROW):
                break
            try:
                self._ask(port, command, answers)
                silent = 0
            except (Rejected, NoReply, Garbled) as e:
                silent += not isinstance(e, Rejected)
                answers.unanswered.add(command.name)
                if end_s is None and silent and (not answers.replies or silent >= _SILENT_IN_A_ROW):
                    raise
                if silent and self._family.unmarked_answers:
                    break  # a late answer would be taken for that of the next question
        return answers

    def _ask(self, port: Port, command: Command, answers: Answers) -> None:
        codec, sequence = self._family.codec, self._sequence
        self._sequence = codec.next_sequence(sequence)
        began = self._clock.monotonic()
        frame = run(codec.exchange(command, sequence), port, self._clock)
        if answers.round_trip_s is None:
            answers.round_trip_s = self._clock.monotonic() - began
        answers.replies[command.name] = Reply(frame, Frame(sequence, command.code, data=command.data))


def identify(family: Family, replies: Sequence[Reply]) -> Identity:
    """Unexpected where the replies prove another family. No reply, no identity."""
    return family.identify(replies) if replies else Identity()


def choose(profiles: Profiles, identity: Identity, model: str) -> Profile:
    """What the device says of itself goes before what a person wrote."""
    return profiles.choose(identity.model or model, identity.maker)


def read(family: Family, replies: Sequence[Reply], profile: Profile) -> tuple[DeviceState, Profile]:
    """The state, and the profile with the sensor mask where one of the replies carries it."""
    masks = [family.capabilities(reply) for reply in replies] if family.capabilities else []
    for mask in masks:
        profile = profile.with_sensors(mask)
    return family.read_state(replies, profile), profile
