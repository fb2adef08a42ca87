"""What pyserial's failures mean: PortHeld, PortDenied or PortGone, on Linux by errno, on Windows by the number
that Windows gave, for its words are in the language of the till."""

import errno
import re
import sys

from protocols.errors import PortDenied, PortError, PortGone, PortHeld

if sys.platform == "win32":
    FAILURES: tuple[type[Exception], ...] = (OSError,)
else:
    import termios

    FAILURES = (OSError, termios.error)  # pyserial lets termios.error through when a port vanishes
OPENING: tuple[type[Exception], ...] = (*FAILURES, ValueError)

_HELD = {errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK}
_DENIED = {errno.EACCES, errno.EPERM}
_MISSING = {errno.ENOENT, errno.ENODEV, errno.ENXIO}

# System error codes of Windows (winerror.h). Serial drivers answer a second opening with ACCESS_DENIED, which an
# account without the right gets as well; a port is open to all accounts by default, so it counts as in use.
_WIN_HELD = {5, 32, 33, 170}  # ACCESS_DENIED, SHARING_VIOLATION, LOCK_VIOLATION, BUSY
_WIN_DENIED = {65, 1314}  # NETWORK_ACCESS_DENIED, PRIVILEGE_NOT_HELD
_WIN_MISSING = {2, 3, 20, 21, 31, 55, 433, 1167}
"""FILE_NOT_FOUND, PATH_NOT_FOUND, BAD_UNIT, NOT_READY, GEN_FAILURE, DEV_NOT_EXIST, NO_SUCH_DEVICE,
DEVICE_NOT_CONNECTED."""
_WIN_TIMEOUT = 1460

_WINERROR = re.compile(r", None, (\d+)\)")
"""The end of the repr of ctypes.WinError, which is all that pyserial 3.5 keeps of it:
PermissionError(13, 'Access is denied.', None, 5)."""


def opening(path: str, error: Exception) -> PortError:
    """For a failure of opening or of setting the line."""
    windows, number = _winerror(error), getattr(error, "errno", None)
    if windows in _WIN_HELD or (windows is None and number in _HELD):
        return PortHeld(f"{path} is in use by another program")
    if windows in _WIN_DENIED or (windows is None and number in _DENIED):
        return PortDenied(f"the system does not let this account open {path}")
    if windows in _WIN_MISSING or (windows is None and number in _MISSING):
        return PortGone(f"{path} does not exist")
    return PortGone(f"{path} cannot be opened ({words(error)})")


def gone(path: str, error: Exception) -> PortGone:
    """For a failure of an open port: whatever the system calls it, the port is lost. Windows calls a USB
    adapter that was pulled out ACCESS_DENIED (5), BAD_COMMAND (22), GEN_FAILURE (31) or OPERATION_ABORTED
    (995)."""
    return PortGone(f"{path} vanished while it was in use ({words(error)})")


def timed_out(error: Exception) -> bool:
    """Nothing came in time: some Windows drivers, and Wine, say so by an error."""
    return _winerror(error) == _WIN_TIMEOUT


def words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _winerror(error: Exception) -> int | None:
    number = getattr(error, "winerror", None)
    if number is None and (match := _WINERROR.search(str(error))):
        number = int(match[1])
    return number if isinstance(number, int) else None
