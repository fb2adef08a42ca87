"""Asks one device, at one port that may be asked, everything that may be read. Whether a port may be asked is
`agent.devices.discovery`'s to say: several cash drawers open on any byte."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from agent.clock import Clock
from agent.config.address import parse, reaches
from agent.config.address import product as product_of
from agent.devices.discovery import in_order
from agent.devices.interview import Answers, Interview, choose, identify, read
from agent.devices.line import line_of
from agent.ports import Port, open_port
from agent.ports.port import Telling
from protocols.device.family import Family, Serial, Way, When
from protocols.device.profile import EMPTY, Profile, Profiles
from protocols.errors import DeviceError, Garbled, NoReply, PortError, PortGone, UsageError
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


@dataclass(frozen=True, slots=True)
class Asking:
    """What is being tried at a port: the try with this number, counted from 1, of so many at most."""

    port: str
    family: str
    baud: int
    number: int
    of: int


Progress = Callable[[Asking], None]


def quiet(asking: Asking) -> None:
    """Progress that nobody wants to see."""


def probe(
    port: str,
    families: Sequence[Family],
    profiles: Mapping[str, Profiles],
    clock: Clock,
    *,
    bauds: Sequence[int] = (),
    progress: Progress = quiet,
) -> Finding:
    """The first family that the device answers, quiet questions first. `bauds`: instead of those that the
    family usually has. PortError; the most telling DeviceError where none is answered. Once a device has
    answered at one speed, whatever it said, nothing is sent to it at another."""
    if not families:
        raise UsageError("no family to ask with")
    tries = [
        (family, replace(usual, bauds=(baud,)))
        for family in in_order(_reached(port, families))
        for usual in (line_of(family),)
        for baud in bauds or _speeds(port, usual)
    ]
    failure: DeviceError = NoReply(f"nothing at {port} answers")
    spoken: int | None = None
    for number, (family, line) in enumerate(tries, 1):
        baud = line.bauds[0]
        if spoken not in (None, baud):
            continue
        progress(Asking(port, family.name, baud, number, len(tries)))
        try:
            with open_port(port, line) as opened:
                return _ask(opened, family, profiles.get(family.name, EMPTY), clock, name=port, baud=baud)
        except DeviceError as e:
            failure = _more_telling(failure, e)
            spoken = spoken if isinstance(e, NoReply | Garbled) else baud
    raise failure


def _more_telling(one: DeviceError, other: DeviceError) -> DeviceError:
    return one if isinstance(other, NoReply) and not isinstance(one, NoReply) else other


def _reached(text: str, families: Sequence[Family]) -> list[Family]:
    """Those that a port of this kind reaches, as the device there speaks them."""
    try:
        address, product = parse(text), product_of(text)
    except ValueError as e:
        raise PortGone(f"{e}", code="port.address") from e
    found = [family.on(product) for family in families if reaches(address, family.ports)]
    if not found:
        raise PortError(
            f"no family that was to be tried is reached by a port of the kind {address.way}",
            code="port.no_family",
        )
    return found


def _speeds(port: str, usual: Serial) -> tuple[int, ...]:
    return usual.bauds if parse(port).way is Way.SERIAL else usual.bauds[:1]


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
        why=(*_why(family, answers, len(asked), identity, profile), *_told(port)),
    )


def _told(port: Port) -> tuple[str, ...]:
    return port.tells() if isinstance(port, Telling) else ()


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
