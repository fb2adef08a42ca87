"""What an error means for the person at the command line: the exit code, and what to do next."""

from agent.runtime.service_manager import NoServiceManager, ServiceDenied
from protocols.errors import (
    Busy,
    CollectorUnreachable,
    ConfigError,
    Garbled,
    JobError,
    NoReply,
    PlombaError,
    PortDenied,
    PortGone,
    PortHeld,
    ReportRefused,
    RepositoryRefused,
    RepositoryUnreachable,
    Unexpected,
)

FAILED, WRONG_USAGE, REFUSED, TRY_LATER = 1, 2, 3, 75

_EXIT: tuple[tuple[type[PlombaError], int], ...] = (
    (ConfigError, WRONG_USAGE),
    (PortDenied, REFUSED),
    (ReportRefused, REFUSED),
    (RepositoryRefused, REFUSED),
    (JobError, REFUSED),
    (ServiceDenied, REFUSED),
    (PortHeld, TRY_LATER),
    (Busy, TRY_LATER),
    (CollectorUnreachable, TRY_LATER),
    (RepositoryUnreachable, TRY_LATER),
)

_ADVICE: tuple[tuple[type[PlombaError], str], ...] = (
    (PortHeld, "The cash program has it, which is healthy; ask again when it is closed"),
    (PortGone, "Check the cable, the power and the name of the port"),
    (PortDenied, "Run as an administrator, or add this account to the group that owns the port (dialout)"),
    (NoReply, "Check that the device is on, the cable, and the line speed (--baud)"),
    (Garbled, "Check the line speed (--baud) and the family (--family)"),
    (Unexpected, "Another kind of device answers: try without --family"),
    (ServiceDenied, "Do it as root, or as an administrator on Windows"),
    (NoServiceManager, "Start the agent by hand: plomba-agent run"),
    (Busy, "The device is working: ask again in a minute"),
)

_BY_CODE = {
    "backup.no_checker": "Nothing is proven either way: make the drill where a server of that kind is installed",
    "backup.source_locked": "Try again in some minutes",
    "backup.source_unreachable": "Start the database's server, then try again",
    "backup.source_damaged": "Keep the older backups, and have the database checked by its own program",
    "backup.dump_incomplete": "Nothing was kept of it; look at the disk and at the server's log, then try again",
    "config.unreadable": "Copy config/agent.example.toml there, name another file with --config, or use an account"
    " that may read it",
    "port.drawer": "Name its --family if you know better",
    "port.address": "A port is a device path such as /dev/ttyUSB0, COM3, socket://HOST:PORT, usb:VID:PID, hid:VID:PID,"
    " signals:/dev/ttyS0, spooler:PRINTER NAME, or http://127.0.0.1:PORT/PATH of a printer at ErpNet.FP",
    "port.ambiguous": "Add the serial number to the port: hid:VID:PID:SERIAL",
    "port.no_signals": "The modem lines are read on real serial ports and USB adapters that have them",
    "port.no_family": "Leave --family away, or name one that such a port reaches",
    "port.neighbour_away": "Start ErpNet.FP, or correct the address and port",
    "port.neighbour_unknown": "Compare the last part of the address with what http://HOST:PORT/printers lists",
    "port.spooler_stopped": "Start the service Print Spooler",
}


def exit_code(error: PlombaError) -> int:
    """By kind, not by `retriable`: a person who named a port that does not exist gains nothing by waiting."""
    if error.code in {"port.address", "port.ambiguous", "port.no_family"}:
        return WRONG_USAGE
    return next((code for kind, code in _EXIT if isinstance(error, kind)), FAILED)


def advice(error: PlombaError) -> str:
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    return next((text for kind, text in _ADVICE if isinstance(error, kind)), "")
