"""Which families may be behind a port that was seen, and whether it may be asked. Pure: it touches no port.
A port that nobody vouches for is never written to: several cash drawers open on any byte."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from agent.devices import usb_maker
from agent.ports.discovery import Sighting
from protocols.device.exchange import Write
from protocols.device.family import Family, Way, When


class Weight(IntEnum):
    """How much a sign says. From VENDOR_ID on it identifies; what is less is a hint."""

    POSSIBLE = 0
    NAME = 1
    MAKER = 2
    VENDOR_ID = 3
    LANGUAGE = 4


@dataclass(frozen=True, slots=True)
class Reason:
    """`code`: a stable dotted string; `text`: for a person."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Candidate:
    family: Family
    weight: Weight
    reasons: tuple[Reason, ...]

    @property
    def identified(self) -> bool:
        return self.weight >= Weight.VENDOR_ID


@dataclass(frozen=True, slots=True)
class Standing:
    """What people have said of a port. `listed`: an administrator named it for being asked; `configured`: the
    device of the agent's configuration that has it; `trigger`: that device is read by its signals."""

    listed: bool = False
    configured: str = ""
    trigger: bool = False


@dataclass(frozen=True, slots=True)
class Permission:
    allowed: bool
    reason: Reason


def rank(sighting: Sighting, families: Sequence[Family]) -> tuple[Candidate, ...]:
    """The families that a port of this kind reaches, those that most speaks for first; of equals as they
    came."""
    found = [_candidate(sighting, family) for family in families if sighting.way in family.ports.ways]
    return tuple(sorted(found, key=lambda candidate: -candidate.weight))


def permission(sighting: Sighting, candidates: Sequence[Candidate], standing: Standing) -> Permission:
    """Whether anything may be written to the port."""
    for refusal in _REFUSALS:
        reason = refusal(sighting, standing)
        if reason:
            return Permission(False, reason)
    if standing.listed:
        return Permission(True, Reason("ask.listed", "an administrator listed this port for being asked"))
    for candidate in candidates:
        if candidate.identified:
            return Permission(True, Reason("ask.identified", candidate.reasons[0].text))
    return Permission(False, _unidentified(sighting))


def to_ask(candidates: Sequence[Candidate], *, listed: bool) -> list[Family]:
    """In the order in which to ask. A port that is only identified is asked as what it is identified as."""
    return in_order([c.family for c in candidates if listed or c.identified])


def in_order(families: Sequence[Family]) -> list[Family]:
    """Quiet questions first; of equals as they came."""
    return sorted(families, key=loudness)


def loudness(family: Family) -> int:
    """Bytes of the first question that a receipt printer of another family would print."""
    command = (family.commands(When.POLL) or family.read_only_commands)[0]
    first = family.codec.exchange(command, family.codec.first_sequence()).start()
    return sum(byte >= 0x20 for byte in first.data) if isinstance(first, Write) else 0


def is_of_interest(sighting: Sighting, candidates: Sequence[Candidate]) -> bool:
    """HID devices are of all kinds: those that a family or a drawer's maker names."""
    return sighting.way is not Way.HID or _drawer(sighting) is not None or any(c.weight for c in candidates)


def is_drawer(sighting: Sighting) -> bool:
    """Whether the system shows that a cash drawer is on a port that is written to in order to be read."""
    return sighting.way not in _NEVER_ASKED and _drawer(sighting) is not None


def _candidate(sighting: Sighting, family: Family) -> Candidate:
    signs = [sign for look in _SIGNS if (sign := look(sighting, family))]
    if not signs:
        text = f"{family.name} devices are found on ports of this kind; nothing else speaks for it"
        return Candidate(family, Weight.POSSIBLE, (Reason("sign.kind", text),))
    signs.sort(key=lambda sign: -sign[0])
    return Candidate(family, signs[0][0], tuple(reason for _, reason in signs))


_Sign = tuple[Weight, Reason] | None


def _language(sighting: Sighting, family: Family) -> _Sign:
    spoken = {language.upper() for language in sighting.device_id.commands} if sighting.device_id else set()
    common = sorted(spoken.intersection(family.ports.languages))
    if not common:
        return None
    text = f"its IEEE 1284 id says CMD:{common[0]}, the language of {family.name}"
    return Weight.LANGUAGE, Reason("sign.language", text)


def _vendor_id(sighting: Sighting, family: Family) -> _Sign:
    """Not where the IEEE 1284 id names other languages: office printers share makers' numbers. Not the second
    serial interface of a device: it is for something else, such as the tax link."""
    if sighting.vid is None or sighting.pid is None or usb_maker.adapter(sighting.vid):
        return None
    if (sighting.vid, sighting.pid) not in family.ports.vid_pids or _contradicted(sighting, family):
        return None
    weight = Weight.MAKER if sighting.interface else Weight.VENDOR_ID
    text = f"USB {numbers(sighting)} is a number that {family.name} devices have"
    return weight, Reason("sign.vid_pid", text)


def _maker(sighting: Sighting, family: Family) -> _Sign:
    vendors = {vid for vid, _ in family.ports.vid_pids if not usb_maker.adapter(vid)}
    if sighting.vid not in vendors or (sighting.vid, sighting.pid) in family.ports.vid_pids:
        return None
    text = f"USB vendor {sighting.vid:04x} makes {family.name} devices, among other things"
    return Weight.MAKER, Reason("sign.vendor", text)


def _name(sighting: Sighting, family: Family) -> _Sign:
    spoken = _spoken(sighting).casefold()
    word = next((name for name in family.ports.names if re.search(rf"\b{re.escape(name)}\b", spoken)), None)
    if word is None:
        return None
    text = f'it calls itself "{_spoken(sighting)}", and {word} is a name of {family.name} devices'
    return Weight.NAME, Reason("sign.name", text)


_SIGNS: tuple[Callable[[Sighting, Family], _Sign], ...] = (_language, _vendor_id, _maker, _name)


def _contradicted(sighting: Sighting, family: Family) -> bool:
    if sighting.device_id is None or not sighting.device_id.commands or not family.ports.languages:
        return False
    return _language(sighting, family) is None


def _spoken(sighting: Sighting) -> str:
    said = [sighting.maker, sighting.product]
    if sighting.device_id:
        said += [sighting.device_id.maker, sighting.device_id.model]
    return " ".join(dict.fromkeys(part for part in said if part))


def numbers(sighting: Sighting) -> str:
    return "" if sighting.vid is None or sighting.pid is None else f"{sighting.vid:04x}:{sighting.pid:04x}"


# Why a port is left alone, in the order of how much it matters

_NEVER_ASKED = {
    Way.HID: "HID devices are only looked at, never written to",
    Way.SIGNALS: "signals are only looked at",
    Way.SPOOLER: "the spooler is asked by the agent, not here",
    Way.HTTP: "a neighbour program is asked by the agent, not here",
}


def _drawer(sighting: Sighting) -> str | None:
    known = usb_maker.drawer(sighting.vid, sighting.pid) if sighting.vid is not None else None
    if known:
        return known
    spoken = _spoken(sighting).casefold()
    return next((word for word in usb_maker.DRAWER_WORDS if word in spoken), None)


def _refuse_drawer(sighting: Sighting, standing: Standing) -> Reason | None:
    named = _drawer(sighting)
    if named is None and not standing.trigger:
        return None
    why = (
        f"it is a cash drawer ({named})" if named else "the configuration reads it as a drawer by its signals"
    )
    return Reason("leave.drawer", f"{why}, and a drawer may open on any byte")


def _refuse_kind(sighting: Sighting, standing: Standing) -> Reason | None:  # noqa: ARG001 - one of a table
    text = _NEVER_ASKED.get(sighting.way)
    return Reason("leave.kind", text) if text else None


def _refuse_held(sighting: Sighting, standing: Standing) -> Reason | None:  # noqa: ARG001 - one of a table
    text = "another program has it, which is healthy while the cash program runs"
    return Reason("leave.held", text) if sighting.held else None


def _refuse_configured(sighting: Sighting, standing: Standing) -> Reason | None:  # noqa: ARG001 - one of a table
    if not standing.configured or standing.listed:
        return None
    text = (
        f"the agent reads it already, as device {standing.configured}; `plomba-agent status` says how it is"
    )
    return Reason("leave.configured", text)


_REFUSALS = (_refuse_kind, _refuse_drawer, _refuse_held, _refuse_configured)


def _unidentified(sighting: Sighting) -> Reason:
    adapter = usb_maker.adapter(sighting.vid) if sighting.vid is not None else None
    if adapter:
        text = (
            f"USB {numbers(sighting)} is a bare {adapter} adapter: anything may be behind it, also a cash drawer"
            " that opens on any byte"
        )
        return Reason("leave.adapter", text)
    return Reason("leave.unknown", "nothing says what is behind it, and a cash drawer may open on any byte")
