"""The words of the desk: clocks, priorities, what a step of an incident's life says. Decides nothing."""

from collections.abc import Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.translation import get_language, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from collector.incidents.models import Incident, Transition
from collector.incidents.shipped import desk
from collector.incidents.sla import Clock, Standing
from collector.web import words
from collector.web.words import Sign
from protocols.status.faults import FAULTS

PRIORITIES: dict[int, Sign] = {
    1: Sign("fault", "urgent", pgettext_lazy("priority", "Critical (blocking)")),
    2: Sign("fault", "flag", pgettext_lazy("priority", "High")),
    3: Sign("attention", "flag", pgettext_lazy("priority", "Medium")),
    4: Sign("contact", "flag", pgettext_lazy("priority", "Low")),
}
IMPACTS = {
    1: _("A whole shop cannot sell"),
    2: _("One till or one function is down"),
    3: _("One person, or comfort only"),
}
URGENCIES = {
    1: _("Now: the shop is open and there is no way around"),
    2: _("Today"),
    3: _("This week"),
    4: _("When it suits"),
}
CLOCKS = {"tto": _("Reaction"), "ttr": _("Solution"), "ola": _("In this queue")}
CLOCK_STANDINGS: dict[str, Sign] = {
    "running": Sign("suppressed", "clock", pgettext_lazy("clock", "Running")),
    "closed": Sign("contact", "moon", pgettext_lazy("clock", "Outside of the agreed hours")),
    "paused": Sign("contact", "clock-pause", pgettext_lazy("clock", "Paused")),
    "held": Sign("ok", "check", pgettext_lazy("clock", "Stands: the device works again")),
    "met": Sign("ok", "check", pgettext_lazy("clock", "Kept")),
    "missed": Sign("fault", "alert-triangle", pgettext_lazy("clock", "Not kept")),
    "late": Sign("fault", "alarm", pgettext_lazy("clock", "Late")),
    "soon": Sign("attention", "alarm", pgettext_lazy("clock", "Runs out soon")),
}
WAITS = {
    "pending_customer": _("For the customer"),
    "pending_supplier": _("For a supplier (the customer's time goes on)"),
    "pending_legal": _("For the confirmation in EDS"),
}
SOURCES = {
    "monitoring": _("Plomba found it"),
    "person": _("A person of ours"),
    "portal": _("Portal"),
    "mail": _("E-mail"),
    "phone": _("Phone"),
    "label": _("QR label on the till"),
}
SOON = 75
"""Per cent of a target from which time is short."""


def title(incident: Incident) -> str:
    """What a person called it, or else the fault in the reader's language."""
    known = FAULTS.get(incident.code)
    return incident.title or (known.title(get_language() or "en") if known else incident.code)


def clock_sign(clock: Clock) -> Sign:
    match clock.standing:
        case Standing.STOPPED:
            return CLOCK_STANDINGS["missed" if clock.late else "met"]
        case Standing.HELD | Standing.PAUSED if not clock.late:
            return CLOCK_STANDINGS[clock.standing.value]
        case _ if clock.late:
            return CLOCK_STANDINGS["late"]
        case _ if not clock.working:
            return CLOCK_STANDINGS["closed"]
        case _:
            return CLOCK_STANDINGS["soon" if clock.percent >= SOON else "running"]


def resolution(code: str) -> str:
    found = next((one for one in desk().resolution if one.key == code), None)
    return found.name(get_language() or "en") if found else code


def checklist_item(key: str) -> str:
    found = next((one for one in desk().major.steps if one.key == key), None)
    return found.name(get_language() or "en") if found else key


def told(step: Transition, zone: str) -> str:
    """What the step says besides its name and its note; empty where nothing more is to be said."""
    say = _SAY.get(step.kind)
    return say(step.detail, zone) if say else ""


Detail = Mapping[str, object]


def _until(detail: Detail, zone: str) -> str:
    text = str(detail.get("until") or "")
    if not text:
        return ""
    local = datetime.fromisoformat(text).astimezone(ZoneInfo(zone))
    return str(_("until %(moment)s") % {"moment": f"{local:%d.%m.%Y %H:%M}"})


def _warned(detail: Detail, _zone: str) -> str:
    name = CLOCKS.get(str(detail.get("clock")), "")
    said = _("%(clock)s: %(percent)s %% of the time is used")
    return str(said % {"clock": name, "percent": detail.get("percent")})


def _prioritised(detail: Detail, _zone: str) -> str:
    number = detail.get("priority")
    sign = PRIORITIES.get(number) if isinstance(number, int) else None
    name = str(sign.word) if sign else "—"
    why = _("the shop opened or closed")
    return f"{name}: {why}" if detail.get("why") == "hours" else name


def _undone(detail: Detail, _zone: str) -> str:
    return str(words.TRANSITIONS.get(str(detail.get("kind")), words.UNKNOWN).word)


def _worked(detail: Detail, _zone: str) -> str:
    if "struck" in detail:
        return str(_("struck out") if detail["struck"] else _("entered again"))
    minutes = detail.get("minutes")
    if isinstance(minutes, int):
        return ngettext("%(n)s minute", "%(n)s minutes", minutes) % {"n": minutes}
    return f"×{detail['quantity']}" if detail.get("quantity") else ""


def _checked(detail: Detail, _zone: str) -> str:
    return checklist_item(str(detail.get("item", "")))


_SAY: dict[str, Callable[[Detail, str], str]] = {
    "pending": _until,
    "visit": _until,
    "warned": _warned,
    "prioritised": _prioritised,
    "undone": _undone,
    "worked": _worked,
    "attached": _worked,
    "checked": _checked,
}
