"""Whether something keeps the computer's clock right. It sets no clock."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from agent.system.command import Commands
from agent.system.probe import Measured, NotKnown, Scalar

EVERY_S = 900.0
_UNSYNCHRONISED = 0x0040
_ERROR = 5
_SIZE = 512
"""More than struct timex takes on any platform."""


@dataclass(frozen=True, slots=True)
class Sync:
    """`source`: what keeps it right, as far as the system says that."""

    kept_right: bool
    source: str = ""
    error_s: float | None = None


def judge(found: Sync) -> Measured:
    values = {"clock_synchronised": float(found.kept_right)}
    if found.error_s is not None and found.kept_right:
        values["clock_error_s"] = found.error_s
    fact: dict[str, Scalar] = {"synchronised": found.kept_right, "source": found.source}
    return Measured(values, facts={"host.time_sync": fact})


def kernel(adjtimex: Callable[[bytearray], int]) -> Sync:
    """What the kernel was told by timesyncd, chrony or ntpd: adjtimex(2) with modes 0 changes nothing. In
    struct timex a machine word each holds modes (padded), offset, freq, maxerror in microseconds and esterror, and
    then comes status."""
    timex = bytearray(_SIZE)
    state = adjtimex(timex)
    if state < 0:
        raise NotKnown("the kernel does not say whether its clock is kept right")
    word = 8 if sys.maxsize > 1 << 32 else 4
    max_error = int.from_bytes(timex[3 * word : 4 * word], sys.byteorder, signed=True)
    status = int.from_bytes(timex[5 * word : 5 * word + 4], sys.byteorder)
    right = state != _ERROR and not status & _UNSYNCHRONISED
    return Sync(right, error_s=round(max_error / 1e6, 3))


def daemon(text: str) -> Sync:
    """The answer of `timedatectl show`."""
    told = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    if told.get("NTPSynchronized") not in ("yes", "no"):
        raise NotKnown("timedatectl does not say whether the clock is kept right")
    return Sync(told["NTPSynchronized"] == "yes", "the network" if told.get("NTP") == "yes" else "")


def _look(commands: Commands) -> Sync:
    """systemd's daemon is asked first: a service may be forbidden to ask the kernel."""
    if sys.platform == "win32":
        from agent.system.time_sync_windows import look  # noqa: PLC0415 - Windows only

        return look()
    try:
        return daemon(commands.run("timedatectl", "show").good)
    except NotKnown:
        return kernel(_adjtimex)


def _adjtimex(timex: bytearray) -> int:
    try:
        import ctypes  # noqa: PLC0415 - asked seldom

        libc = ctypes.CDLL(None)
        return int(libc.adjtimex((ctypes.c_char * len(timex)).from_buffer(timex)))
    except (AttributeError, MemoryError) as e:  # another C library; a service that may make no code
        raise NotKnown("the kernel cannot be asked whether its clock is kept right") from e


@dataclass(frozen=True, slots=True)
class TimeSync:
    commands: Commands
    look: Callable[[Commands], Sync] = _look
    name: str = "time_sync"
    every_s: float = EVERY_S

    def measure(self) -> Measured:
        return judge(self.look(self.commands))
