"""The words of requests: what happened, what was refused, how a mail came to wait. Decides nothing."""

from typing import TYPE_CHECKING

from django.utils.translation import get_language, gettext_lazy, pgettext_lazy
from django.utils.translation import gettext as _

from collector.requests import catalogue
from collector.requests.models import Request
from collector.web.words import Sign
from protocols.errors import PlombaError

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

KINDS: dict[str, Sign] = {
    "opened": Sign("suppressed", "inbox", gettext_lazy("Request made")),
    "said": Sign("contact", "message", gettext_lazy("Message")),
    "noted": Sign("contact", "note", gettext_lazy("Note for the staff")),
    "assigned": Sign("suppressed", "user-check", gettext_lazy("Somebody has it")),
    "queued": Sign("suppressed", "list", gettext_lazy("Given to a queue")),
    "started": Sign("suppressed", "tool", gettext_lazy("Work began")),
    "pending": Sign("contact", "clock-pause", gettext_lazy("Waits")),
    "woken": Sign("attention", "bell", gettext_lazy("The wait is over")),
    "visit": Sign("suppressed", "calendar-event", gettext_lazy("Visit agreed")),
    "resolved": Sign("ok", "check", gettext_lazy("Solved")),
    "reopened": Sign("fault", "refresh", gettext_lazy("Opened again")),
    "closed": Sign("retired", "checks", gettext_lazy("Closed")),
    "cancelled": Sign("retired", "x", gettext_lazy("Cancelled")),
    "merged": Sign("retired", "arrow-merge", gettext_lazy("Merged with another")),
    "prioritised": Sign("suppressed", "flag", gettext_lazy("Priority changed")),
    "approval_asked": Sign("attention", "help", gettext_lazy("Agreement asked for")),
    "approved": Sign("ok", "checks", gettext_lazy("Agreed")),
    "declined": Sign("fault", "x", gettext_lazy("Declined")),
    "step_done": Sign("ok", "check", gettext_lazy("Step done")),
    "rated": Sign("ok", "mood-smile", gettext_lazy("Rated")),
    "linked": Sign("suppressed", "arrow-merge", gettext_lazy("Linked")),
    "undelivered": Sign("fault", "alert-triangle", gettext_lazy("A mail could not be delivered")),
}

QUEUES: "dict[str, Lazy]" = {
    "helpdesk": gettext_lazy("HelpDesk"),
    "technical": gettext_lazy("Technical"),
    "administration": gettext_lazy("Service administration"),
}

SOURCES: "dict[str, Lazy]" = {
    "monitoring": pgettext_lazy("source", "Plomba"),
    "person": pgettext_lazy("source", "Staff"),
    "portal": pgettext_lazy("source", "Portal"),
    "mail": pgettext_lazy("source", "Mail"),
    "phone": pgettext_lazy("source", "Telephone"),
    "label": pgettext_lazy("source", "Label on the till"),
}

PRIORITIES: "dict[int, Lazy]" = {
    1: pgettext_lazy("priority", "Critical (blocking)"),
    2: pgettext_lazy("priority", "High"),
    3: pgettext_lazy("priority", "Medium"),
    4: pgettext_lazy("priority", "Low"),
}

FATES: dict[str, Sign] = {
    "opened": Sign("ok", "inbox", gettext_lazy("Became a request")),
    "added": Sign("ok", "message", gettext_lazy("Added to its request")),
    "bounce": Sign("attention", "alert-triangle", gettext_lazy("Tells that a mail was not delivered")),
    "loop": Sign("retired", "refresh", gettext_lazy("From a machine or a loop: not answered")),
    "held": Sign("attention", "help", gettext_lazy("Waits: a person must say what it is")),
    "unreadable": Sign("fault", "mail", gettext_lazy("Cannot be read")),
    "failed": Sign("fault", "alert-octagon", gettext_lazy("Could not be worked on")),
    "settled": Sign("ok", "checks", gettext_lazy("Settled by a person")),
}

WHY: "dict[str, Lazy]" = {
    "no_sender": gettext_lazy("It names no sender."),
    "defect": gettext_lazy("A defect of Plomba; its log says more."),
    "unknown_sender": gettext_lazy("Nobody with this address is known."),
    "several_customers": gettext_lazy("The sender is a contact of several customers."),
    "rate": gettext_lazy("The sender writes more often than is allowed in an hour."),
    "too_large": gettext_lazy("The mail is too large; it lies whole in the mailbox."),
    "auto_submitted": gettext_lazy("It says that a machine wrote it."),
    "precedence": gettext_lazy("It says that it is a mass mail."),
    "list": gettext_lazy("It comes from a mailing list."),
    "auto_reply": gettext_lazy("It is an automatic reply."),
    "bounce": gettext_lazy("It tells that a mail was not delivered."),
    "own": gettext_lazy("It is our own mail that came back."),
    "known_id": gettext_lazy("The same mail came before."),
    "stranger": gettext_lazy("The sender is no contact of the customer: it stands in the work log."),
}


def refusal(e: PlombaError) -> str:
    """Why it was refused, in the reader's language; the room's own words where there is no translation."""
    said = {
        "incident.state": _(
            "The request has changed meanwhile; this is not possible any more. Here is how it is now."
        ),
        "request.text_missing": _("Write in a few words what you mean, then try again."),
        "request.time_missing": _("Say until when. The moment must be to come."),
        "request.not_open": _("The request is not open any more."),
        "request.approval_open": _("First the open question must be answered."),
        "request.approval_done": _("This question is answered already, or was withdrawn."),
        "request.steps_open": _("Some steps are not done yet. Do them first, or cancel the request."),
        "request.step_done": _("This step is done already."),
        "request.step_early": _("An earlier step is not done yet."),
        "request.step_foreign": _("This step is done by the service company."),
        "request.not_allowed": _("You may not agree to paid work. Ask who signed the contract."),
        "request.not_solved": _("Only what is solved can be rated, with one to five stars."),
        "request.incident_there": _("The request is linked to an open incident already."),
        "request.merge": _("It can only be merged with another open request of the same customer."),
        "request.incident_foreign": _("This incident is of another customer."),
        "request.files": _("At most 10 files of 10 MB each."),
        "request.place_missing": _("Say which till or shop it is about."),
        "request.place_foreign": _("This place is another customer's."),
        "request.amount": _("This is not an amount of money. An example: 120,50"),
        "request.not_a_worker": _("Only technicians and managers work on requests. Choose another person."),
        "request.not_a_manager": _("A manager answers this question."),
        "request.answers": _("Some fields are not filled in rightly."),
    }
    return said.get(e.code, str(e))


def step_words(found: Request) -> dict[str, str]:
    """Name of a step -> what it is, in the reader's language."""
    kind = catalogue.pinned(found.definition)
    return {step.name: step.words.say(get_language()) for step in kind.steps}
