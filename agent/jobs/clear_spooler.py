"""Takes away what waits to be printed at one printer of the computer that the configuration allows."""

import sys
from typing import Any

from agent.jobs import agent_command, child
from agent.jobs.work import Context, Exit, Outcome
from protocols.wire.job import ClearSpooler


class Clear:
    def describe(self, parameters: ClearSpooler) -> str:
        return f"clear the queue of {parameters.printer}"

    def dry_run(self, context: Context[ClearSpooler]) -> Outcome:
        return _unknown(context) or Outcome(output=f"would clear the queue of {context.parameters.printer}")

    def run(self, context: Context[ClearSpooler]) -> Outcome:
        unknown = _unknown(context)
        if unknown:
            return unknown
        if sys.platform == "win32":
            return _purge(context.parameters.printer)
        return _cancel(context)


def _unknown(context: Context[ClearSpooler]) -> Outcome | None:
    known = context.config.jobs.printers
    return agent_command.named("printer", context.parameters.printer, known, "[jobs] printers")


def _cancel(context: Context[ClearSpooler]) -> Outcome:
    """`cancel` of CUPS takes a name that no printer has, and that ends in a number, for the number of a job of any
    printer: so the name is asked for first."""
    for command in (["lpstat", "-p"], ["cancel", "-a"]):
        ended = child.run([*command, context.parameters.printer], context.clock, context.stop, context.ends_s)
        if ended.exit != 0:
            return agent_command.outcome(ended)
    return Outcome(output=f"the queue of {context.parameters.printer} is empty")


def _purge(printer: str) -> Outcome:
    """SetPrinter with PRINTER_CONTROL_PURGE (Windows printing API)."""
    if sys.platform != "win32":
        return Outcome(Exit.REFUSED, "job.not_available", "this is Windows' own way")
    import pywintypes  # noqa: PLC0415 - Windows only
    import win32print  # noqa: PLC0415

    try:
        access: Any = {
            "DesiredAccess": win32print.PRINTER_ACCESS_ADMINISTER
        }  # the stubs want a class that is none
        handle = win32print.OpenPrinter(printer, access)
        try:
            win32print.SetPrinter(handle, 0, None, win32print.PRINTER_CONTROL_PURGE)
        finally:
            win32print.ClosePrinter(handle)
    except pywintypes.error as e:
        return Outcome(Exit.FAILED, "job.spooler", f"Windows did not clear it: {e.strerror}")
    return Outcome(output=f"the queue of {printer} is empty")
