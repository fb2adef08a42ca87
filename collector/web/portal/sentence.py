"""A till in one sentence that a shop manager understands: does it work, what is wrong, what can be done. Decides
nothing: the standing comes from `reading.places`, faults from incidents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from collector.core import clock
from collector.incidents.models import Incident
from collector.inventory.models import Terminal
from protocols.status.faults import FAULTS

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

_GRAVEST = ("critical", "error", "warning", "info")

DO: "dict[str, Lazy]" = {
    "printer.cover_open": gettext_lazy("Close the cover until it clicks."),
    "printer.paper_end": gettext_lazy("Put in a new roll, the printed side outwards, and close the cover."),
    "printer.paper_near_end": gettext_lazy("Have a new roll at hand."),
    "printer.head_lever_up": gettext_lazy("Press the green lever inside the printer down."),
    "printer.offline": gettext_lazy("See whether the printer is switched on and its cable is in."),
    "printer.head_overheat": gettext_lazy("Let the printer cool for ten minutes."),
    "device.no_reply": gettext_lazy("See whether the device is switched on and its cable is in."),
    "device.port_missing": gettext_lazy("See whether the cable of the device is in at both ends."),
    "drawer.open_too_long": gettext_lazy("Close the cash drawer."),
    "fiscal.day_over_24h": gettext_lazy("Print the Z report of the day."),
    "host.on_battery": gettext_lazy("The till runs from its battery: see whether there is power."),
    "site.offline": gettext_lazy("You can go on selling; the tills send their data when the line is back."),
}
"""What somebody in the shop can safely do. For all other faults the service company does it."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """`advice`: what the shop can do; `promise`: what the service company does."""

    tone: str
    icon: str
    text: str
    advice: str = ""
    promise: str = ""


def sentence_of(till: Terminal, standing: str, open_: Sequence[Incident]) -> Sentence:
    """`open_`: incidents of this till and its shop that are not over."""
    if till.last_seen_at is None:
        return Sentence("contact", "clock", _("Is set up and has not reported yet."))
    told = sorted((one for one in open_ if one.cleared_at is None), key=_weight)
    if standing == "maintenance":
        return Sentence("maintenance", "tool", _("Is being worked on."))
    if standing == "suppressed":
        return _suppressed(told)
    if standing == "no_contact":
        return _silent(till, told)
    if standing in ("fault", "attention") and told:
        return _faulty(till, standing, told)
    heard = _("Works; heard %(time)s.") % {"time": _clock(till.last_seen_at, till)}
    return Sentence("ok", "circle-check", heard)


def _weight(one: Incident) -> tuple[int, datetime]:
    return _GRAVEST.index(one.severity), one.since


def _title(code: str) -> str:
    known = FAULTS.get(code)
    return known.title(get_language() or "en") if known else _("Something is wrong")


def _clock(when: datetime, till: Terminal) -> str:
    """The time alone where it was today, on the shop's wall."""
    zone = ZoneInfo(till.site.time_zone)
    local = when.astimezone(zone)
    today = clock.now().astimezone(zone).date()
    return local.strftime("%H:%M" if local.date() == today else "%d.%m.%Y %H:%M")


def _faulty(till: Terminal, standing: str, told: Sequence[Incident]) -> Sentence:
    worst = told[0]
    values = {"fault": _title(worst.code), "time": _clock(worst.since, till)}
    text = (
        _("%(fault)s, since %(time)s.")
        if standing == "fault"
        else _("Works, but: %(fault)s, since %(time)s.")
    ) % values
    tone, icon = ("fault", "alert-octagon") if standing == "fault" else ("attention", "alert-triangle")
    return Sentence(tone, icon, text, str(DO.get(worst.code, "")), _promise(worst))


def _promise(worst: Incident) -> str:
    if worst.state == "scheduled_visit":
        return _("A visit is agreed.")
    return _("Somebody works on it.") if worst.assignee_id else _("We know of it.")


def _silent(till: Terminal, told: Sequence[Incident]) -> Sentence:
    line = next((one for one in told if one.code == "site.offline"), None)
    if line:
        text = _("The line of the shop is down since %(time)s.") % {"time": _clock(line.since, till)}
        return Sentence("contact", "plug-connected-x", text, str(DO["site.offline"]), _promise(line))
    heard = till.last_seen_at
    text = _("Is not heard since %(time)s.") % {"time": _clock(heard, till) if heard else "—"}
    return Sentence(
        "contact", "plug-connected-x", text, _("If it is switched off, all is well. If it is on, tell us.")
    )


def _suppressed(told: Sequence[Incident]) -> Sentence:
    cause = next((one.cause for one in told if one.cause), None)
    if cause:
        text = _("Is cut off: %(cause)s.") % {"cause": _title(cause.code)}
        return Sentence("suppressed", "eye-off", text, "", _promise(cause))
    return Sentence("suppressed", "eye-off", _("Is not working just now, and that is expected."))
