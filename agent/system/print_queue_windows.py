"""What waits in the print queues of Windows."""

# ruff: noqa: E402 - the platform is asked before all else
import sys

assert sys.platform == "win32"  # noqa: S101 - what type checkers understand

from collections.abc import Sequence
from datetime import UTC, datetime

import pywintypes
import win32print

from agent.system.print_queue import Job
from agent.system.probe import NotKnown

_MOST = 200


def look(_now: datetime) -> Sequence[Job]:
    """Of the printers that this computer itself has: one on another computer may take long to answer, and has a
    queue there."""
    try:
        rows = win32print.EnumPrinters(win32print.PRINTER_ENUM_LOCAL, None, 1)
        return [job for row in rows for job in _jobs(str(row[2]))]
    except pywintypes.error as e:
        raise NotKnown(f"the print spooler of Windows does not answer: {e.strerror}") from e


def _jobs(printer: str) -> list[Job]:
    handle = win32print.OpenPrinter(printer)
    try:
        rows = win32print.EnumJobs(handle, 0, _MOST, 1)
    finally:
        win32print.ClosePrinter(handle)
    return [Job(printer, _time(row.get("Submitted"))) for row in rows]


def _time(told: object) -> datetime | None:
    """JOB_INFO_1 has it in UTC."""
    if not isinstance(told, datetime):
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)
