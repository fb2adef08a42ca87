"""The time service of Windows: whether it runs and from whom it takes the time. What it says about its success
is translated text, which is not read."""

# ruff: noqa: E402 - the platform is asked before all else
import sys

assert sys.platform == "win32"  # noqa: S101 - what type checkers understand

import winreg

from agent.system.services import Run
from agent.system.services_windows import look as services
from agent.system.time_sync import Sync
from agent.system.win_registry_windows import texts

_SERVICE = "W32Time"
_PARAMETERS = rf"SYSTEM\CurrentControlSet\Services\{_SERVICE}\Parameters"


def look() -> Sync:
    """Type is NoSync, NTP (NtpServer names it), NT5DS (the domain) or AllSync (Microsoft's documentation of the
    Windows Time service, "Parameters"). The service starts by a trigger, so that it rests is no proof of harm; that
    it is set to take the time from nobody is."""
    values = texts(winreg.HKEY_LOCAL_MACHINE, _PARAMETERS)
    kind = values.get("Type", "NoSync")
    running = services([_SERVICE]).get(_SERVICE) is Run.RUNNING
    source = {"NT5DS": "the domain", "NoSync": "nobody"}.get(kind, values.get("NtpServer", kind))
    return Sync(running and kind != "NoSync", source)
