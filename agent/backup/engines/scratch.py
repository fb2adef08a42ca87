"""A folder in which a database server of our own may run for the minutes of a check: short enough for a socket's name,
and not as root, which the servers refuse."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SOCKET_BYTES = 107
"""What a Unix socket's name may have (unix(7))."""
_ROOM_FOR_NAME = 30


@dataclass(frozen=True, slots=True)
class Home:
    """`account` is whose the servers are: None means ours."""

    folder: Path
    account: str | None

    def give(self, path: Path) -> None:
        """To the account, with all that is in it."""
        if sys.platform == "win32":
            return
        if self.account is None:
            return
        import pwd  # noqa: PLC0415 - Unix only

        owner = pwd.getpwnam(self.account)
        for each in (path, *path.rglob("*")):
            os.chown(each, owner.pw_uid, owner.pw_gid, follow_symlinks=False)


@contextmanager
def home(scratch: Path) -> Iterator[Home]:
    """`scratch` itself where that will do, else a folder in the system's place for such, gone afterwards."""
    account = _account()
    if account is None and len(str(scratch)) + _ROOM_FOR_NAME <= _SOCKET_BYTES:
        yield Home(scratch, None)
        return
    # another account cannot enter a folder of ours, wherever that lies
    folder = Path(tempfile.mkdtemp(prefix="plomba-"))
    try:
        if account is not None:
            shutil.chown(folder, account, account)
        yield Home(folder, account)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _account() -> str | None:
    if sys.platform == "win32":
        return None
    if os.geteuid() != 0:
        return None
    import pwd  # noqa: PLC0415 - Unix only

    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "mysql", "nobody") if name in known), None)
