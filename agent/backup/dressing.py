"""What a restored file, folder or link is given beside its bytes: times, permissions, and as an administrator the owner
and the access list. Set-user bits are never given back: the signer may be a stolen till."""

import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from agent.backup.manifest import FileEntry
from protocols.errors import IntegrityError

if sys.platform == "win32":
    from agent.backup.engines import files_windows


def make_link(entry: FileEntry, to: Path, root: Path, entries: Mapping[str, FileEntry]) -> None:
    """A symbolic link, a junction, or one more name of a file that was restored before it; a copy of that where the
    disk knows no second names. IntegrityError where there is no such file."""
    same = entry.meta.get("same_as")
    if same is None:
        _point(entry, to)
        return
    first = entries.get(str(same))
    if first is None or first.kind != "file":
        raise IntegrityError(
            f"the snapshot has {entry.name!r} as another name of a file that it does not hold"
        )
    path = root.joinpath(*first.name.split("/"))
    try:
        os.link(path, to)
    except OSError:
        shutil.copy2(path, to)


def _point(entry: FileEntry, to: Path) -> None:
    target = str(entry.meta.get("target", ""))
    if sys.platform == "win32" and entry.meta.get("junction"):
        files_windows.make_junction(target, to)
    else:
        to.symlink_to(target)


def dress(entry: FileEntry, path: Path) -> None:
    """Times last: all else changes them."""
    mode, mtime = entry.meta.get("mode"), entry.meta.get("mtime_ns")
    if sys.platform == "win32":
        files_windows.dress(path, entry.meta)
    else:
        _own(entry, path)
    if isinstance(mode, int):
        path.chmod(mode & 0o777)
    if isinstance(mtime, int):
        with suppress(OverflowError):
            os.utime(path, ns=(mtime, mtime))


def _own(entry: FileEntry, path: Path) -> None:
    uid, gid = entry.meta.get("uid"), entry.meta.get("gid")
    if sys.platform != "win32" and os.geteuid() == 0 and isinstance(uid, int) and isinstance(gid, int):
        os.chown(path, uid, gid)
