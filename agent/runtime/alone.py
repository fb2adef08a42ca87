"""One resident agent per state folder: a second one would poll the same ports and number the same messages.
The operating system lets go of the lock when the process ends, however it ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protocols.errors import PlombaError

FILE = "agent.lock"


class AlreadyRunning(PlombaError):
    code = "agent.already_running"


@contextmanager
def alone(state_dir: Path) -> Iterator[None]:
    """AlreadyRunning where another process is here."""
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(state_dir / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            _lock(handle)
        except OSError as e:
            raise AlreadyRunning(
                f"an agent runs on {state_dir} already, and goes on; stop it first (service plomba-agent),"
                " or give this one a state_dir of its own"
            ) from e
        yield
    finally:
        os.close(handle)


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
