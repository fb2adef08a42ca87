"""Jobs in plain words: their types, how they stand, how they ended, and why one was refused. Decides nothing."""

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from collector.web.words import Sign
from protocols.wire.job import Type

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

TYPES: "dict[Type, Lazy]" = {
    Type.READ_STATE_NOW: _("Read the state now"),
    Type.DRAWER_TEST: _("Open the drawer once, as a test"),
    Type.RUN_BACKUP: _("Make a backup"),
    Type.RUN_DRILL: _("Restore a backup and compare"),
    Type.RESTORE_FILE: _("Restore a backup into a file"),
    Type.RESTORE_OVER: _("Restore a backup over the live one"),
    Type.RESTART_SERVICE: _("Restart a service"),
    Type.CLEAR_SPOOLER: _("Clear a print queue"),
    Type.COLLECT_LOGS: _("Collect logs"),
    Type.RELOAD_CONFIGURATION: _("Read the configuration again"),
    Type.SELF_TEST: _("Test the agent itself"),
    Type.UPDATE: _("Update the agent"),
}
STATES: dict[str, Sign] = {
    "signing": Sign("attention", "user-check", _("Waits for another signature")),
    "queued": Sign("suppressed", "clock", _("Waits for the till")),
    "fetched": Sign("suppressed", "activity-heartbeat", _("The till has it")),
    "cancelled": Sign("retired", "x", pgettext_lazy("job", "Cancelled")),
    "expired": Sign("retired", "clock", pgettext_lazy("job", "Expired")),
    "done": Sign("ok", "circle-check", pgettext_lazy("job", "Done")),
    "failed": Sign("fault", "alert-octagon", pgettext_lazy("job", "Failed")),
    "refused": Sign("attention", "lock", pgettext_lazy("job", "Refused by the till")),
    "later": Sign("attention", "clock", _("Not now: sign it again later")),
}
STEPS: "dict[str, Lazy]" = {
    "signed": _("Signed"),
    "fetched": _("Fetched by the till"),
    "cancelled": pgettext_lazy("job", "Cancelled"),
    "ended": _("The till told how it ended"),
    "told_again": _("The till told about it once more"),
}
PARAMETERS: "dict[str, Lazy]" = {
    "device": _("Device"),
    "what": _("Which pin"),
    "backup": _("Backup"),
    "of": _("Till whose set it is (empty: its own)"),
    "snapshot": _("Set"),
    "service": _("Service"),
    "printer": _("Print queue"),
    "bytes_each": _("Bytes of each log"),
    "version": _("Version"),
    "sha256": _("Package"),
}
REFUSALS: "dict[str, Lazy]" = {
    "job.unknown_operator": _(
        "This key is not on the list of operators. Give its public half to whoever signs the list."
    ),
    "job.operator_not_allowed": _("This operator may not sign jobs of this kind."),
    "job.operator_not_valid": _("This operator is not valid at this time."),
    "job.signature": _("The signature does not hold."),
    "job.signatures_missing": _("A signature is missing."),
    "job.same_operator": _("You have signed it already. Another operator must sign, too."),
    "job.parameters": _("A field is not as it should be. Look at what you entered, then sign again."),
    "job.unknown_type": _("There is no such job."),
    "job.malformed": _("This is no signed job."),
    "job.too_large": _("This is no signed job."),
    "job.replayed": _("This very job was here before. Sign a new one."),
    "job.expired": _("The job has expired. Sign a new one."),
    "job.not_yet": _("The job is for a later time. Look at this computer's clock."),
    "job.lasts_too_long": _("A job of this kind may not wait for so long."),
    "job.no_dry_run": _("This job cannot be tried without doing it."),
    "job.no_such_terminal": _("The till that this job is for is not known here."),
    "job.wrong_target": _("The job is for another till."),
    "job.state": _("The job has changed meanwhile; this is not possible any more."),
    "job.no_root": _("The till names no company root in its configuration, so it does no jobs."),
    "job.clock": _("The clocks of till and collector differ, or the till's was set back. Set the wrong one."),
    "job.before_memory": _("It was signed before the till began to remember jobs. Sign it again."),
    "job.receipt_open": _("A receipt was open at the till. Try again in a moment."),
    "job.shift_open": _("The shift was open at the till. Try again after it is closed."),
    "job.state_unknown": _("The till could not find out whether a receipt is open, so it did nothing."),
    "job.broken_off": _("The agent ended before the job did. How far it came is not known; it is not done again."),
    "job.stopped": _("The job was stopped before its end."),
    "job.not_available": _("The agent of this till does not know this job."),
    "job.update_not_available": _("This agent was not installed from its Debian package. Install the new one by hand."),
    "job.update_refused": _("The new version was not installed: the till's updater refused it."),
    "job.update_undone": _("The new version did not do its work, and the one before runs again."),
    "job.update_stuck": _("The new version did not do its work, and the one before could not be put back. Go there."),
    "job.updater_silent": _("The till's updater did not begin. Is plomba-update.path switched on?"),
    "job.updater_busy": _("Another update was under way at the till. Sign it again."),
    "update.wrong_package": _("The package that came is not the one that was signed."),
    "package.unknown": _("The collector has no such package."),
    "job.no_recovery_key": _("The key that opens backups is not at the till, where it does not belong."),
    "job.restore_not_allowed": _("The till's configuration does not allow this backup to be restored over."),
    "job.no_such_device": _("The till has no such device."),
    "job.no_such_backup": _("The till's configuration names no such backup."),
    "job.no_such_service": _("The till's configuration does not allow this service to be restarted."),
    "job.no_such_printer": _("The till's configuration does not allow this print queue to be cleared."),
    "job.no_logs": _("The till's configuration names no log that is there."),
    "job.not_looked": _("Not every device was asked in time."),
    "job.no_drawer_test": _(
        "No drawer test is known for this device, or the cash program prints through a tap on its port."
    ),
    "job.device_not_ready": _("The printer was not ready: offline, busy, open or without paper."),
    "job.drawer_open": _("The drawer was open already."),
    "job.drawer_shut": _("The pulse was given, and the drawer did not open. Look at cable, lock and polarity."),
    "job.too_soon": _("The drawer was tested just now. Wait a little, then sign again."),
    "job.pulse_unknown": _("Whether the pulse was given is not known. Ask at the till before you try again."),
    "job.command_failed": _("The program that was started for it failed; see what it said."),
    "job.failed": _("It failed because of a fault in the agent; its log says more."),
    "job.system": _("The computer did not allow it, or a program for it is not there."),
    "job.spooler": _("Windows did not clear the print queue."),
    "job.logs_unreadable": _("The logs could not be read."),
    "operators.missing": _("There is no list of operators yet. A manager hands one in."),
    "operators.signature": _("The list of operators is not signed by the root that it should be signed by."),
    "operators.malformed": _("This is no signed list of operators."),
    "operators.expired": _("The list of operators has expired. Sign a new one."),
    "operators.not_yet": _(
        "The list of operators is from the future. Look at the clock of the computer that signed it."
    ),
    "operators.rolled_back": _("A list of operators with this number or a higher one is here already."),
    "operators.other_root": _("It is signed by another root key than the lists before it."),
}  # fmt: skip


def refusal(code: str, said: str) -> str:
    """In the language of the reader; what the room said where there is no translation."""
    known = REFUSALS.get(code)
    return said if known is None else str(known)
