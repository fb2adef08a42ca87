"""Asks one device, at the one port that a person named, everything that may be read. Looks for no ports by
itself: several cash drawers open on any byte."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agent.clock import Clock
from agent.devices.interview import Answers, Interview, choose, identify, read
from agent.devices.line import line_of
from agent.ports import Port, open_port
from protocols.device.exchange import Write
from protocols.device.family import Family, Serial, When
from protocols.device.profile import EMPTY, Profile, Profiles
from protocols.errors import DeviceError, NoReply, UsageError
from protocols.status.faults import present
from protocols.status.model import DeviceState, Identity


@dataclass(frozen=True, slots=True)
class Finding:
    """`why`: in words, what makes it believable that this is such a device, and what is not known."""

    port: str
    family: str
    baud: int
    identity: Identity
    state: DeviceState
    profile: str
    faults: tuple[str, ...]
    round_trip_s: float | None
    why: tuple[str, ...]


def probe(
    port: str,
    families: Sequence[Family],
    profiles: Mapping[str, Profiles],
    clock: Clock,
    *,
    bauds: Sequence[int] = (),
) -> Finding:
    """The first family that the device answers. `bauds`: instead of those that the family usually has.
    PortError; the last DeviceError where none is answered. The same bytes are never sent at two speeds to a
    device that has answered."""
    if not families:
        raise UsageError("no family to ask with")
    failure: DeviceError = NoReply(f"nothing at {port} answers")
    for family in sorted(families, key=_loudness):
        usual = line_of(family)
        for baud in bauds or _speeds(port, usual):
            line = replace(usual, bauds=(baud,))
            try:
                with open_port(port, line) as opened:
                    own = profiles.get(family.name, EMPTY)
                    return _ask(opened, family, own, clock, name=port, baud=baud)
            except DeviceError as e:
                failure = e if not isinstance(e, NoReply) or isinstance(failure, NoReply) else failure
    raise failure


def _speeds(port: str, usual: Serial) -> tuple[int, ...]:
    return usual.bauds[:1] if port.startswith("socket:") else usual.bauds


def _loudness(family: Family) -> int:
    """Bytes of the first question that a receipt printer of another family would print, so that the family
    with the fewest asks first; of equals the one that the registry names first."""
    command = (family.commands(When.POLL) or family.read_only_commands)[0]
    first = family.codec.exchange(command, family.codec.first_sequence()).start()
    return sum(byte >= 0x20 for byte in first.data) if isinstance(first, Write) else 0


_PATIENCE_S = 10.0


def _ask(port: Port, family: Family, profiles: Profiles, clock: Clock, *, name: str, baud: int) -> Finding:
    interview = Interview(family, clock)
    asked = list(family.commands(When.POLL))
    answers = interview.ask(port, asked)
    offline = family.read_state(answers.of(asked), profiles.common).online is False
    if not offline:  # else some questions would be answered later, to whoever has the port then
        rest = [*family.commands(When.IDENTIFY), *family.commands(When.SLOW)]
        more = interview.ask(port, rest, end_s=clock.monotonic() + _PATIENCE_S)
        answers.replies.update(more.replies)
        asked += rest
    identity = identify(family, answers.of(family.commands(When.IDENTIFY)))
    state, profile = read(family, answers.of(family.read_only_commands), choose(profiles, identity, ""))
    return Finding(
        port=name,
        family=family.name,
        baud=baud,
        identity=identity,
        state=state,
        profile=profile.name,
        faults=tuple(present(state)),
        round_trip_s=answers.round_trip_s,
        why=_why(family, answers, len(asked), identity, profile),
    )


def _why(
    family: Family, answers: Answers, asked: int, identity: Identity, profile: Profile
) -> tuple[str, ...]:
    named = " ".join(part for part in (identity.maker, identity.model) if part)
    return (
        f"{len(answers.replies)} of {asked} questions got a valid answer of {family.name}",
        f"it calls itself {named}" if named else "it did not say who it is: the answers alone are the proof",
        f"its status bits are read by the profile {profile.name}"
        if profile.known
        else "no profile lists this model: only the bits common to all models are read, the rest is unknown",
        f"the family is known from: {family.evidence.known.value} ({family.evidence.since})",
    )
