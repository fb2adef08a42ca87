"""The words, icons and colours of the service desk: changes, visits, problems, the rota, and why something is
refused."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from collector.service.changes import ChangeRefused
from collector.service.guards import Refusal
from collector.web.words import Sign
from protocols.errors import PlombaError

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

Moment = Callable[[datetime], str]

CHANGE_STATES: dict[str, Sign] = {
    "new": Sign("attention", "bell", pgettext_lazy("change", "New")),
    "validated": Sign("suppressed", "check", pgettext_lazy("change", "Validated")),
    "rejected": Sign("retired", "x", pgettext_lazy("change", "Rejected")),
    "assigned": Sign("suppressed", "user-check", pgettext_lazy("change", "Assigned")),
    "planned": Sign("attention", "calendar-event", pgettext_lazy("change", "Planned, waits for approval")),
    "approved": Sign("suppressed", "checks", pgettext_lazy("change", "Approved")),
    "not_approved": Sign("fault", "x", pgettext_lazy("change", "Not approved")),
    "implemented": Sign("ok", "tool", pgettext_lazy("change", "Done")),
    "monitored": Sign("attention", "eye", pgettext_lazy("change", "Watched")),
    "closed": Sign("retired", "checks", pgettext_lazy("change", "Closed")),
    "cancelled": Sign("retired", "x", pgettext_lazy("change", "Cancelled")),
}
VISIT_STATES: dict[str, Sign] = {
    "planned": Sign("attention", "calendar-event", pgettext_lazy("visit", "Planned")),
    "confirmed": Sign("suppressed", "user-check", pgettext_lazy("visit", "Confirmed")),
    "on_way": Sign("suppressed", "car", pgettext_lazy("visit", "On the way")),
    "on_site": Sign("suppressed", "tool", pgettext_lazy("visit", "On the spot")),
    "done": Sign("ok", "circle-check", pgettext_lazy("visit", "Done")),
    "failed": Sign("fault", "alert-triangle", pgettext_lazy("visit", "Came to nothing")),
    "cancelled": Sign("retired", "x", pgettext_lazy("visit", "Called off")),
}
PROBLEM_STATES: dict[str, Sign] = {
    "new": Sign("attention", "bell", pgettext_lazy("problem", "New")),
    "assigned": Sign("suppressed", "user-check", pgettext_lazy("problem", "In work")),
    "resolved": Sign("ok", "check", pgettext_lazy("problem", "Resolved")),
    "closed": Sign("retired", "checks", pgettext_lazy("problem", "Closed")),
    "proposed": Sign("attention", "bulb", pgettext_lazy("problem", "Proposed")),
    "accepted": Sign("ok", "check", pgettext_lazy("problem", "Accepted")),
    "dismissed": Sign("retired", "x", pgettext_lazy("problem", "Dismissed")),
}
RISKS: dict[str, Sign] = {
    "low": Sign("ok", "shield-check", pgettext_lazy("risk", "Low risk")),
    "medium": Sign("attention", "alert-triangle", pgettext_lazy("risk", "Medium risk")),
    "high": Sign("fault", "alert-octagon", pgettext_lazy("risk", "High risk")),
}
SWAP_STATES: dict[str, Sign] = {
    "asked": Sign("attention", "help", pgettext_lazy("swap", "Asked")),
    "accepted": Sign("ok", "check", pgettext_lazy("swap", "Accepted")),
    "declined": Sign("retired", "x", pgettext_lazy("swap", "Declined")),
    "withdrawn": Sign("retired", "x", pgettext_lazy("swap", "Withdrawn")),
}
TABLES: dict[str, dict[str, Sign]] = {
    "change": CHANGE_STATES,
    "visit": VISIT_STATES,
    "problem": PROBLEM_STATES,
    "risk": RISKS,
    "swap": SWAP_STATES,
}

KINDS: "dict[str, Lazy]" = {
    "standard": pgettext_lazy("change", "Standard"),
    "normal": pgettext_lazy("change", "Normal"),
    "emergency": pgettext_lazy("change", "Emergency"),
}
CATEGORIES: "dict[str, Lazy]" = {
    "agent_update": gettext_lazy("Update of the agent"),
    "plugin_config": gettext_lazy("Configuration of a plug-in"),
    "spooler_fix": gettext_lazy("Print spooler put right"),
    "version_rollout": gettext_lazy("New certified version"),
    "server_update": gettext_lazy("Update of the server"),
    "device_replacement": gettext_lazy("Replacement of a fiscal device"),
    "address_move": gettext_lazy("Move to another address"),
    "restore": gettext_lazy("Restore from a backup"),
    "terminal_replacement": gettext_lazy("Replacement of a till"),
    "other": gettext_lazy("Other work"),
}
TASKS: "dict[str, Lazy]" = {
    "version_backup": gettext_lazy("Backup of the new version"),
    "passport_entry": gettext_lazy("Entry in the technical passport"),
    "eds_submission": gettext_lazy("Submission in the EDS"),
    "seals": gettext_lazy("Seals written down"),
}
STEPS: "dict[str, Lazy]" = {
    "asked": pgettext_lazy("step", "Asked for"),
    "validate": pgettext_lazy("step", "Validated"),
    "reject": pgettext_lazy("step", "Rejected"),
    "reopen": pgettext_lazy("step", "Opened again"),
    "assign": pgettext_lazy("step", "Assigned"),
    "plan": pgettext_lazy("step", "Planned"),
    "approve": pgettext_lazy("step", "Approved"),
    "refuse": pgettext_lazy("step", "Not approved"),
    "implement": pgettext_lazy("step", "Work done"),
    "back_out": pgettext_lazy("step", "Backed out"),
    "monitor": pgettext_lazy("step", "Watched"),
    "close": pgettext_lazy("step", "Closed"),
    "cancel": pgettext_lazy("step", "Called off"),
    "task": pgettext_lazy("step", "Task"),
    "confirm": pgettext_lazy("step", "Confirmed by the customer"),
    "leave": pgettext_lazy("step", "On the way"),
    "arrive": pgettext_lazy("step", "Arrived"),
    "finish": pgettext_lazy("step", "Done, with proof"),
    "fail": pgettext_lazy("step", "Came to nothing"),
    "move": pgettext_lazy("step", "Another time"),
    "raise": pgettext_lazy("step", "Raised"),
    "resolve": pgettext_lazy("step", "Resolved"),
    "write": pgettext_lazy("step", "Described"),
    "known": pgettext_lazy("step", "Known error"),
    "unknown": pgettext_lazy("step", "No known error any more"),
}
ACTS: "dict[str, Lazy]" = {
    "validate": pgettext_lazy("act", "Validate"),
    "reject": pgettext_lazy("act", "Reject"),
    "reopen": pgettext_lazy("act", "Open again"),
    "assign": pgettext_lazy("act", "Assign"),
    "plan": pgettext_lazy("act", "Plan"),
    "approve": pgettext_lazy("act", "Approve"),
    "refuse": pgettext_lazy("act", "Do not approve"),
    "implement": pgettext_lazy("act", "Work is done"),
    "back_out": pgettext_lazy("act", "Backed out"),
    "monitor": pgettext_lazy("act", "Watch"),
    "close": pgettext_lazy("act", "Close"),
    "cancel": pgettext_lazy("act", "Call off"),
    "confirm": pgettext_lazy("act", "Customer agreed"),
    "leave": pgettext_lazy("act", "I am on my way"),
    "arrive": pgettext_lazy("act", "I have arrived"),
    "fail": pgettext_lazy("act", "Came to nothing"),
    "move": pgettext_lazy("act", "Another time"),
    "resolve": pgettext_lazy("act", "Resolve"),
    "accept": pgettext_lazy("act", "Accept"),
    "decline": pgettext_lazy("act", "Decline"),
    "withdraw": pgettext_lazy("act", "Withdraw"),
}
RISK_REASONS: "dict[str, Lazy]" = {
    "history": gettext_lazy("Of such changes this share went wrong, %"),
    "tills": gettext_lazy("Tills"),
    "sites": gettext_lazy("Shops"),
    "outage": gettext_lazy("The till is out of use meanwhile"),
    "programme": gettext_lazy("The registered programme is touched"),
    "shop_open": gettext_lazy("The shop is open meanwhile"),
    "no_back_out": gettext_lazy("Nobody has said how to undo it"),
    "untested": gettext_lazy("Nobody has said how it is tested"),
    "incidents": gettext_lazy("Incidents of these tills in 30 days"),
    "stale_backups": gettext_lazy("Tills without a young, proven backup"),
}
TRIGGERS: "dict[str, Lazy]" = {
    "reaction": gettext_lazy("of the time to react are used, %"),
    "solution": gettext_lazy("of the time to solve are used, %"),
    "silence": gettext_lazy("minutes nobody did anything"),
    "nobody": gettext_lazy("minutes nobody has it"),
}
TARGETS: "dict[str, Lazy]" = {
    "assignee": gettext_lazy("Who works on it"),
    "on_call": gettext_lazy("Who is on call"),
    "second_on_call": gettext_lazy("The second on call"),
    "lead": gettext_lazy("Lead of the queue"),
    "managers": gettext_lazy("Managers"),
}
MATCHES: "dict[str, Lazy]" = {
    "codes": gettext_lazy("Fault codes"),
    "sources": gettext_lazy("Told by"),
    "severities": gettext_lazy("Severities"),
    "subjects": gettext_lazy("What is concerned"),
    "priorities": gettext_lazy("Priorities"),
    "customers": gettext_lazy("Customers"),
    "regions": gettext_lazy("Regions"),
}
GAPS: "dict[str, Lazy]" = {
    "away": gettext_lazy("whose turn it is is away"),
    "nobody": gettext_lazy("nobody, on purpose"),
    "empty": gettext_lazy("the rota has no people"),
}
SHIFTS: "dict[str, Lazy]" = {
    "turn": pgettext_lazy("shift", "turn"),
    "override": pgettext_lazy("shift", "instead"),
    "swap": pgettext_lazy("shift", "swapped"),
}


def refusals(e: PlombaError, moment: Moment) -> list[str]:
    """Everything that stands in the way, in the reader's language; the room's own words where there is no
    translation. `moment` writes a time."""
    if isinstance(e, ChangeRefused):
        return [said(one, moment) for one in e.missing]
    known = _known().get(e.code)
    return [known % {"detail": getattr(e, "detail", "")} if known else str(e)]


def said(one: Refusal, moment: Moment) -> str:
    text = _known().get(one.code, one.code) % {"detail": one.detail}
    return f"{text} ({moment(one.at)})" if one.at else text


def _known() -> dict[str, str]:
    return {**_changes(), **_others()}


def _changes() -> dict[str, str]:
    return {
        "change.no_reason": _("Write why the change is needed."),
        "change.no_title": _("Give the change a title."),
        "change.no_terminals": _("Choose the tills that it concerns."),
        "change.not_preapproved": _(
            "This work is not approved once for all: it cannot be a standard change. Make it a normal one."
        ),
        "change.no_assignee": _("Choose who does the work."),
        "change.no_window": _("Choose when it begins and ends."),
        "change.window_over": _("The planned time is over. Plan it anew."),
        "change.no_back_out": _("Write how it is undone if it goes wrong."),
        "change.no_test_plan": _("Write how it is seen that it went well."),
        "change.no_version": _("Name the programme and the version that it gets."),
        "change.not_certified": _(
            "Version %(detail)s is not on the certified list. A till with it may not be used; the change is"
            " refused until the version is certified."
        ),
        "change.certificate_withdrawn": _("The certificate of version %(detail)s was withdrawn."),
        "change.frozen": _("No changes are made in this time: %(detail)s. Choose another."),
        "change.overlaps": _("Another change has this time on one of these tills: %(detail)s."),
        "change.shop_open": _(
            "%(detail)s is open then, and the till would be out of use. Choose a time when it is shut, or"
            " write why it cannot wait."
        ),
        "change.approvals_missing": _("Approvals that are still missing: %(detail)s."),
        "change.too_early": _("It is not time yet: work begins when it was planned."),
        "change.backup_too_old": _(
            "%(detail)s has no backup that is young enough. Make one, then go on: nothing else brings the till"
            " back if it goes wrong."
        ),
        "change.restore_not_proven": _(
            "No backup of %(detail)s was ever restored in a drill. Run one first."
        ),
        "change.version_unknown": _(
            "Of %(detail)s it is not known which version runs, or which one the drill restored. It counts as"
            " not proven."
        ),
        "change.restore_other_version": _("The drill restored another version. %(detail)s"),
        "change.no_review": _("Write how it went."),
        "change.tasks_open": _("Tasks that must follow are still open: %(detail)s."),
        "change.category": _("There is no such kind of work."),
        "change.kind": _("This work cannot be such a change. Choose another kind."),
        "change.own": _("You asked for this change: somebody else approves it."),
        "change.voted": _("You have said so already. A new plan asks everybody anew."),
        "change.manager": _("A manager does this."),
        "change.no_note": _("Write in a few words why, or what was done."),
        "change.task_done": _("This task has changed meanwhile. Here is how it is now."),
    }


def _others() -> dict[str, str]:
    return {
        "service.state": _("It has changed meanwhile; this is not possible any more. Here is how it is now."),
        "incident.not_allowed": _("Only technicians and managers may do this."),
        "incident.state": _(
            "The incident has changed meanwhile; this is not possible any more. Here is how it is now."
        ),
        "visit.times": _("A visit ends after it begins, and lasts a day at most."),
        "visit.no_purpose": _("Write what the visit is for."),
        "visit.place": _("This till stands in another shop."),
        "visit.no_note": _("Write in a few words what was done, or why not."),
        "visit.no_time": _("Write how many minutes it took."),
        "visit.no_proof": _("Take a photograph or have the customer sign: a visit is done with proof."),
        "visit.no_signer": _("Write who signed."),
        "visit.parts": _("Write how many pieces of each part."),
        "visit.file_kind": _("Only photographs and signatures are taken."),
        "visit.file_size": _("The picture is empty or larger than 6 MB. Take a smaller one."),
        "visit.file_type": _("Only PNG and JPEG pictures are taken."),
        "visit.files": _("It has as many pictures as it can have. Remove one first."),
        "rota.not_allowed": _("Only a manager or the person concerned may change this."),
        "rota.not_a_worker": _("Choose a technician or a manager whose account is open."),
        "rota.times": _("The end must be after the beginning."),
        "rota.over": _("This time is over, or it was taken back already."),
        "rota.not_yours": _("You are not on call all of that time."),
        "rota.not_theirs": _("The other person is not on call all of that time."),
        "problem.no_title": _("Give the problem a title."),
        "problem.no_note": _("Write why it is no problem."),
        "problem.not_explained": _("Write the cause and the solution first."),
        "problem.no_workaround": _("Write the cause and a way around it first."),
        "queue.unknown": _("There is no such queue."),
    }
