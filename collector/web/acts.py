"""What a person can do to an incident, by the name in addresses. The rules are in collector.incidents."""

from django.http import Http404
from django.utils.translation import gettext as _

from collector.core.models import Role, User
from collector.incidents import actions
from protocols.errors import PlombaError

ACTS = ("acknowledge", "assign", "note", "resolve", "reopen")


class NotAWorker(PlombaError):
    """The chosen person may not work on incidents."""

    code = "incident.not_allowed"


def act(by: User, pk: int, name: str, *, note: str = "", assignee: int | None = None) -> None:
    """Http404 for an act that does not exist; PlombaError where the incident does not allow it now."""
    match name:
        case "acknowledge":
            actions.acknowledge(pk, by)
        case "assign":
            actions.assign(pk, by, _worker(assignee))
        case "note":
            actions.note(pk, by, note)
        case "resolve":
            actions.resolve(pk, by, note)
        case "reopen":
            actions.reopen(pk, by, note)
        case _:
            raise Http404


def refusal(e: PlombaError) -> str:
    """Why it was refused, in the reader's language; the room's own words where there is no translation."""
    said = {
        "incident.not_allowed": _("Only technicians and managers work on incidents. Choose another person."),
        "incident.state": _(
            "The incident has changed meanwhile; this is not possible any more. Here is how it is now."
        ),
        "incident.note_missing": _("Write in a few words what was done, then try again."),
        "incident.note_too_long": _("The note is too long. Shorten it, then try again."),
    }
    return said.get(e.code, str(e))


def _worker(pk: int | None) -> User:
    found = User.objects.filter(pk=pk or 0, is_active=True, role__in=(Role.TECHNICIAN, Role.MANAGER)).first()
    if found is None:
        raise NotAWorker("incidents can be given to technicians and managers only")
    return found
