"""How a terminal or device stands, in the seven words that people see, with a reason and a "since". Pure:
the caller brings what it read. A reason is a fault code, or `contact.*`, `terminal.*`: pages put it into
words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from protocols.status.faults import Severity
from protocols.wire.v1 import Contact


class Standing(StrEnum):
    OK = "ok"
    ATTENTION = "attention"
    FAULT = "fault"
    NO_CONTACT = "no_contact"
    SUPPRESSED = "suppressed"
    MAINTENANCE = "maintenance"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Judgement:
    """`since` is None where it was never otherwise."""

    standing: Standing
    reason: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class OpenFault:
    """An open incident, as far as it counts here."""

    code: str
    severity: Severity
    since: datetime
    suppressed_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What is known of a terminal's contact with the collector. `heard_at` is None before the first
    report. `silence_cause`: what explains that it is silent, such as the line of its shop."""

    heard_at: datetime | None
    enrolled_at: datetime
    silent_after_s: float
    retired_at: datetime | None = None
    maintenance_until: datetime | None = None
    silence_cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """What is known of a device's contact with its terminal."""

    contact: Contact
    since: datetime | None
    retired_at: datetime | None = None


_WORDS = {
    Severity.CRITICAL: Standing.FAULT,
    Severity.ERROR: Standing.FAULT,
    Severity.WARNING: Standing.ATTENTION,
    Severity.INFO: Standing.OK,
}
_ORDER = (Severity.CRITICAL, Severity.ERROR, Severity.WARNING, Severity.INFO)
_LOST = {"device.no_reply", "device.port_missing", "agent.silent"}
"""Faults that say that nothing is known any more."""
_REACHED = (Contact.OK, Contact.IN_USE)


def of_terminal(presence: Presence, faults: Iterable[OpenFault], now: datetime) -> Judgement:
    """A terminal by itself; its devices are judged by `of_device`."""
    fixed = _set_aside(presence, now) or _silence(presence, now)
    return fixed or _worst(faults) or Judgement(Standing.OK)


def of_device(device: Attached, presence: Presence, faults: Iterable[OpenFault], now: datetime) -> Judgement:
    """A device of a terminal that is not in contact is not in contact itself, whatever its last state was."""
    if device.retired_at is not None:
        return Judgement(Standing.RETIRED, "device.retired", device.retired_at)
    fixed = _set_aside(presence, now) or _silence(presence, now)
    if fixed:
        return fixed
    worst = _worst(faults)
    if worst and worst.standing in (Standing.FAULT, Standing.NO_CONTACT, Standing.SUPPRESSED):
        return worst
    if device.contact not in _REACHED:
        return Judgement(Standing.NO_CONTACT, f"contact.{device.contact.value}", device.since)
    reason = "contact.in_use" if device.contact is Contact.IN_USE else ""
    return worst or Judgement(Standing.OK, reason, device.since)


def _set_aside(presence: Presence, now: datetime) -> Judgement | None:
    if presence.retired_at is not None:
        return Judgement(Standing.RETIRED, "terminal.retired", presence.retired_at)
    if presence.maintenance_until is not None and presence.maintenance_until > now:
        return Judgement(Standing.MAINTENANCE, "terminal.maintenance")
    return None


def _silence(presence: Presence, now: datetime) -> Judgement | None:
    if presence.heard_at is None:
        return Judgement(Standing.NO_CONTACT, "terminal.never_heard", presence.enrolled_at)
    if now - presence.heard_at > timedelta(seconds=presence.silent_after_s):
        if presence.silence_cause:
            return Judgement(Standing.SUPPRESSED, presence.silence_cause, presence.heard_at)
        return Judgement(Standing.NO_CONTACT, "agent.silent", presence.heard_at)
    return None


def _worst(faults: Iterable[OpenFault]) -> Judgement | None:
    """The gravest; the oldest of equals. Suppressed only where every fault is."""
    found = sorted(
        faults, key=lambda f: (bool(f.suppressed_by), f.code not in _LOST, _ORDER.index(f.severity), f.since)
    )
    if not found:
        return None
    first = found[0]
    if first.suppressed_by:
        return Judgement(Standing.SUPPRESSED, first.suppressed_by, first.since)
    if first.code in _LOST:
        return Judgement(Standing.NO_CONTACT, first.code, first.since)
    return Judgement(_WORDS[first.severity], first.code, first.since)
