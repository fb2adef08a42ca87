"""Whose files the command line writes. An administrator's command on the state folder of the service must not leave a
file there that the service cannot read."""

import os
import sys
from pathlib import Path


def as_owner_of(folder: Path) -> None:
    """For root: from here on as the account that owns the folder, where there is one and it is another. The process
    does not become root again."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return
    import pwd  # noqa: PLC0415 - Unix only

    try:
        owner = folder.stat()
        groups = os.getgrouplist(pwd.getpwuid(owner.st_uid).pw_name, owner.st_gid)
    except (OSError, KeyError):  # it is not there yet, or its account is gone
        return
    if owner.st_uid == 0:
        return
    os.setgroups(groups)
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)
