"""Where the agent's log goes: to whoever started it (a terminal, journald, the Event Log of Windows), and as JSON lines
into a file of bounded size in the state folder. Every text is masked first."""

import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from agent.masking.secret import mask

FILE = "agent.log"
FILE_BYTES = 1 << 20
FILES = 3
"""Older files beside the newest: with FILE_BYTES four MiB, whatever happens."""
TEXT_MOST = 8000
SOURCE = "plomba-agent"
"""What the Event Log names; `service install` registers it."""

_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
"""Of syslog(3), as journald reads it at the beginning of each line (sd-daemon(3))."""

log = logging.getLogger(__name__)


def begin(state_dir: Path, level: str, *, service: bool = False) -> None:
    """`service`: nobody reads standard error, as in a service of Windows. Called again, it begins anew."""
    end()
    root = logging.getLogger()
    root.setLevel(level.upper())
    for handler in (_outward(service=service), BoundedFile(state_dir / FILE)):
        root.addHandler(handler)
    threading.excepthook = _ThreadEnded(threading.excepthook)


def end() -> None:
    """As it was before."""
    root = logging.getLogger()
    for handler in [*root.handlers]:
        if isinstance(handler, Quiet):
            root.removeHandler(handler)
            handler.close()
    if isinstance(threading.excepthook, _ThreadEnded):
        threading.excepthook = threading.excepthook.before


class _ThreadEnded:
    """Tells of an error that ended a thread: not to standard error alone, and not unmasked."""

    def __init__(self, before: Callable[[threading.ExceptHookArgs], object]) -> None:
        self.before = before

    def __call__(self, args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread else "?"
        if args.exc_value is not None:
            error = args.exc_type, args.exc_value, args.exc_traceback
            log.critical("the thread %s has ended", name, exc_info=error)


def _outward(*, service: bool) -> logging.Handler:
    if service and sys.platform == "win32":
        return EventLog()
    handler = Lines(sys.stderr)
    handler.setFormatter(Journal() if at_journal(os.environ) else Plain())
    return handler


def at_journal(environment: Mapping[str, str]) -> bool:
    """Whether standard error is the journal's own socket (systemd.exec(5), JOURNAL_STREAM)."""
    try:
        told = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return environment.get("JOURNAL_STREAM", "") == f"{told.st_dev}:{told.st_ino}"


class Plain(logging.Formatter):
    """For a terminal."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record)[:TEXT_MOST])


class Journal(Plain):
    """For journald: each line with its priority, the time is journald's."""

    def format(self, record: logging.LogRecord) -> str:
        priority = f"<{_PRIORITY.get(record.levelno, 6)}>"
        return "\n".join(priority + line for line in super().format(record).splitlines())


class JsonLines(logging.Formatter):
    """One object a line: at, level, logger, thread, message, and the traceback of an error."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "thread": record.threadName,
            "message": mask(record.getMessage()[:TEXT_MOST]),
        }
        if record.exc_info:
            told["error"] = mask(self.formatException(record.exc_info)[-TEXT_MOST:])
        return json.dumps(told, ensure_ascii=False)


class Quiet(logging.Handler):
    """A log that cannot be written must not stop what it tells of, and has nowhere to say so."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        """See the class."""


class Lines(Quiet, logging.StreamHandler):  # type: ignore[type-arg] # generic in the stubs only
    """To a stream."""


class BoundedFile(Quiet):
    """Opened for each line: those are few, and a file that nobody holds can be renamed, copied and deleted on every
    system."""

    def __init__(self, file: Path, *, size: int = FILE_BYTES, older: int = FILES) -> None:
        super().__init__()
        self._file, self._size, self._older = file, size, older
        self.setFormatter(JsonLines())

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = f"{self.format(record)}\n".encode(errors="replace")
            if self._file.exists() and self._file.stat().st_size + len(line) > self._size:
                self._rotate()
            with open(os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as out:  # noqa: PTH123
                out.write(line)
        except Exception:  # noqa: BLE001 - see Quiet
            self.handleError(record)

    def _rotate(self) -> None:
        names = [
            self._file,
            *(self._file.with_name(f"{self._file.name}.{n + 1}") for n in range(self._older)),
        ]
        for older, newer in zip(names[:0:-1], names[-2::-1], strict=True):
            if newer.exists():
                newer.replace(older)


class EventLog(Quiet):
    """Warnings and worse: the Event Log is read by people, and shared."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.setFormatter(Plain())

    def emit(self, record: logging.LogRecord) -> None:
        if sys.platform != "win32":
            return
        import win32evtlog  # noqa: PLC0415 - Windows only
        import win32evtlogutil  # noqa: PLC0415

        bad = record.levelno >= logging.ERROR
        kind = win32evtlog.EVENTLOG_ERROR_TYPE if bad else win32evtlog.EVENTLOG_WARNING_TYPE
        try:
            win32evtlogutil.ReportEvent(SOURCE, 1, eventType=kind, strings=[self.format(record)])
        except win32evtlog.error:
            self.handleError(record)
