"""Why something could not be done to backups, in the language of the reader. Decides nothing."""

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from protocols.errors import RepositoryRefused

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

_FASTER = _("Somebody else was faster. Look at the page anew.")
REFUSALS: "dict[str, Lazy]" = {
    "backup.no_reason": _("Say why: it is read when somebody asks later."),
    "backup.no_source": _("This till has no such backup here."),
    "backup.no_hold": _FASTER,
    "backup.no_act": _("This cannot be done to a hold."),
    "backup.no_erasure": _FASTER,
    "backup.erasure_column": _("Write the column as TABLE.COLUMN, in letters, digits and underscores."),
    "backup.erasure_values": _("Write at least one value, one a line, and no more than the list can hold."),
}


def refusal(e: RepositoryRefused) -> str:
    """What the room said where there is no translation."""
    known = REFUSALS.get(e.code)
    return str(e) if known is None else str(known)
