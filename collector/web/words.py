"""The words, icons and colours of everything that has a state on screen. Colour is never alone: each has
all three. Decides nothing."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy


@dataclass(frozen=True, slots=True)
class Sign:
    """`tone` is the class that gives the colour (static/plomba/plomba.css)."""

    tone: str
    icon: str
    word: "Lazy"


STANDINGS: dict[str, Sign] = {
    "fault": Sign("fault", "alert-octagon", _("Fault")),
    "attention": Sign("attention", "alert-triangle", _("Attention")),
    "no_contact": Sign("contact", "plug-connected-x", _("No contact")),
    "suppressed": Sign("suppressed", "eye-off", _("Suppressed")),
    "maintenance": Sign("maintenance", "tool", _("Maintenance")),
    "ok": Sign("ok", "circle-check", _("OK")),
    "retired": Sign("retired", "archive", _("Retired")),
}
"""The seven states, worst first."""

SEVERITIES: dict[str, Sign] = {
    "critical": Sign("fault", "bolt", _("Critical")),
    "error": Sign("fault", "alert-octagon", _("Error")),
    "warning": Sign("attention", "alert-triangle", _("Warning")),
    "info": Sign("suppressed", "info-circle", _("Information")),
}

INCIDENT_STATES: dict[str, Sign] = {
    "new": Sign("fault", "bell", pgettext_lazy("incident", "New")),
    "assigned": Sign("suppressed", "user-check", pgettext_lazy("incident", "Assigned")),
    "in_progress": Sign("suppressed", "tool", pgettext_lazy("incident", "In progress")),
    "pending_customer": Sign("contact", "clock-pause", pgettext_lazy("incident", "Waits for the customer")),
    "pending_supplier": Sign("contact", "clock-pause", pgettext_lazy("incident", "Waits for the supplier")),
    "pending_legal": Sign("contact", "clock-pause", pgettext_lazy("incident", "Waits for the EDS")),
    "scheduled_visit": Sign("suppressed", "calendar-event", pgettext_lazy("incident", "Visit agreed")),
    "resolved": Sign("ok", "check", pgettext_lazy("incident", "Resolved")),
    "closed": Sign("retired", "checks", pgettext_lazy("incident", "Closed")),
    "cancelled": Sign("retired", "x", pgettext_lazy("incident", "Cancelled")),
    "merged": Sign("retired", "arrow-merge", pgettext_lazy("incident", "Merged")),
}

TRANSITIONS: dict[str, Sign] = {
    "opened": Sign("fault", "bell", _("Incident opened")),
    "repeated": Sign("attention", "refresh", _("Fault repeated")),
    "cleared": Sign("ok", "check", _("Fault is gone; waiting whether it stays away")),
    "reopened": Sign("fault", "refresh", _("Fault is back: incident reopened")),
    "acknowledged": Sign("suppressed", "user-check", _("Acknowledged")),
    "assigned": Sign("suppressed", "user", _("Assigned")),
    "noted": Sign("contact", "note", _("Note")),
    "resolved": Sign("ok", "check", _("Resolved")),
    "closed": Sign("retired", "checks", _("Closed")),
    "suppressed": Sign("suppressed", "eye-off", _("Not told on: it has a cause that is known")),
    "released": Sign("attention", "eye", _("Stands on its own again")),
    "escalated": Sign("fault", "trending-up", _("Graver than before")),
    "flapping": Sign("attention", "refresh-dot", _("Comes and goes")),
    "prioritised": Sign("suppressed", "flag", _("Priority changed")),
    "queued": Sign("suppressed", "list", _("Given to a queue")),
    "started": Sign("suppressed", "tool", _("Work began")),
    "pending": Sign("contact", "clock-pause", _("Waits")),
    "woken": Sign("attention", "bell", _("The wait is over")),
    "visit": Sign("suppressed", "calendar-event", _("Visit agreed")),
    "answered": Sign("contact", "message", _("Answer to the customer")),
    "merged": Sign("retired", "arrow-merge", _("Merged with another")),
    "cancelled": Sign("retired", "x", _("Cancelled")),
    "major": Sign("fault", "urgent", _("Major incident")),
    "attached": Sign("contact", "paperclip", _("File attached")),
    "worked": Sign("contact", "clock", _("Work recorded")),
    "returned": Sign("attention", "arrow-back-up", _("Given back: nobody has it")),
    "warned": Sign("attention", "alarm", _("The agreed time runs out")),
    "checked": Sign("suppressed", "checks", _("Step of the major incident")),
    "undone": Sign("contact", "arrow-back-up", _("Taken back")),
}

CONTACTS: dict[str, Sign] = {
    "ok": Sign("ok", "plug", _("Answers")),
    "in_use": Sign("ok", "plug", _("In use by the POS")),
    "no_reply": Sign("fault", "plug-connected-x", _("Does not answer")),
    "missing": Sign("fault", "plug-connected-x", _("Port is missing")),
    "denied": Sign("attention", "lock", _("Port is not allowed")),
    "mismatch": Sign("attention", "help", _("Another device answers")),
    "unknown": Sign("contact", "help", _("Not asked yet")),
}

ROLES: "dict[str, Lazy]" = {
    "manager": _("Manager"),
    "technician": _("Technician"),
    "reader": _("Read only"),
    "customer": _("Customer"),
}

UNKNOWN = Sign("contact", "help", _("Unknown"))
