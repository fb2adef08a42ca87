"""paramiko without `invoke`, which it takes only to run commands that an ssh_config names; nobody reads one here. That
is half of what paramiko takes in memory: a backup over SSH has a bar to keep."""

import sys
from typing import TYPE_CHECKING

__all__ = ["paramiko"]

_UNUSED = "invoke"

if TYPE_CHECKING or _UNUSED in sys.modules:
    import paramiko
else:
    sys.modules[_UNUSED] = None  # paramiko goes on without what cannot be imported
    import paramiko

    del sys.modules[_UNUSED]
