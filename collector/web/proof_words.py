"""What a restore drill proved, in words: short ones for the desk, and one plain sentence for the customer."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from collector.core import clock

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

WORDS: "dict[str, Lazy]" = {
    "proved": gettext_lazy("Proved: restored and compared"),
    "unproved": gettext_lazy("Not proved: no restore drill in the last week"),
    "overdue": gettext_lazy("Overdue: no good backup for more than a day"),
    "failed": gettext_lazy("The last backup failed"),
    "restore_failed": gettext_lazy("The last restore drill failed"),
}
PLACES: "dict[str, Lazy]" = {
    "collector": gettext_lazy("restored here"),
    "till": gettext_lazy("restored at the till"),
}
RUNNING, SOON, AT_TILL = "running", "soon", "at_till"
WAITS: "dict[str, Lazy]" = {
    RUNNING: gettext_lazy("It is being restored here just now"),
    SOON: gettext_lazy("Its drill here comes within the week"),
    AT_TILL: gettext_lazy("The verify key of this collector does not open it: drills are made at the till"),
    "backup.no_checker": gettext_lazy("No database server of that kind is installed here to restore into"),
    "backup.program_missing": gettext_lazy(
        "No database server of that kind is installed here to restore into"
    ),
    "drill.no_agent": gettext_lazy("plomba-agent, which makes the drill, is not installed here"),
    "drill.no_room": gettext_lazy("There is no room here to restore it"),
    "drill.too_long": gettext_lazy("The drill here took longer than is allowed, and was broken off"),
    "drill.broke_off": gettext_lazy("The drill here broke off"),
    "drill.stopped": gettext_lazy("The drill here was broken off when the collector stopped"),
}
"""Why nothing was proven here, by the code of the last try."""


def waits_word(code: str) -> str:
    return str(WAITS.get(code, _("The last drill here proved nothing either way")))


def days_ago(when: datetime) -> str:
    """By this server's time."""
    days = max(timedelta(0), clock.now() - when).days
    return ngettext("%(days)d day ago", "%(days)d days ago", days) % {"days": days} if days else _("today")


def sentence(verdict: str, proven_at: datetime | None, took: str, facts: int) -> str:
    """For the customer. `took`: how long the restore took, in words."""
    if verdict == "restore_failed":
        return _("The last trial restore failed. We know of it and work on it.")
    if proven_at is None:
        return _("No copy has been restored as a trial yet, so none counts as proved.")
    values = {"when": days_ago(proven_at), "took": took, "facts": facts}
    told = (
        _("Restored as a trial %(when)s in %(took)s: all %(facts)d counted figures were as in the till.")
        if facts
        else _("Restored as a trial %(when)s in %(took)s, and it was whole.")
    )
    return told % values
