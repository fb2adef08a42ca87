"""Whether an account that is no administrator could change a file or folder that a service of LocalSystem goes by. In
C:\\ProgramData everybody may make files, so one that is there need not be ours. Looks only."""

# ruff: noqa: E402 - the platform is asked before all else
import sys

assert sys.platform == "win32"  # noqa: S101 - what type checkers understand

from pathlib import Path
from typing import TYPE_CHECKING

import ntsecuritycon
import pywintypes
import win32api
import win32security

from agent.runtime.service_manager import ServiceError

if TYPE_CHECKING:
    from _win32typing import PySID

_TRUSTED = {"S-1-5-18", "S-1-5-32-544", "S-1-3-0", "S-1-3-4"}
"""SYSTEM, Administrators, and whoever is the owner, who is looked at by itself."""
_INSTALLER = "S-1-5-80-956008885-"
"""TrustedInstaller"""
_CHANGES = (
    ntsecuritycon.FILE_WRITE_DATA
    | ntsecuritycon.FILE_APPEND_DATA
    | ntsecuritycon.DELETE
    | ntsecuritycon.WRITE_DAC
    | ntsecuritycon.WRITE_OWNER
    | ntsecuritycon.GENERIC_WRITE
    | ntsecuritycon.GENERIC_ALL
)
_ASKED = win32security.OWNER_SECURITY_INFORMATION | win32security.DACL_SECURITY_INFORMATION


class Untrusted(ServiceError):
    code = "service.untrusted"


def demand(path: Path) -> None:
    """Untrusted where somebody else owns it or may change it. The account that asks counts as an administrator."""
    try:
        found = win32security.GetFileSecurity(str(path), _ASKED)
    except pywintypes.error as e:
        raise ServiceError(f"{path}: {e.strerror} (Windows error {e.winerror})") from e
    access = found.GetSecurityDescriptorDacl()
    entries = [access.GetAce(i) for i in range(access.GetAceCount())] if access else []
    others = {_text(found.GetSecurityDescriptorOwner())}
    others |= {
        _text(who)
        for (kind, flags), rights, who in entries
        if kind == win32security.ACCESS_ALLOWED_ACE_TYPE
        and not flags & win32security.INHERIT_ONLY_ACE
        and rights & _CHANGES
    }
    others = {sid for sid in others if not sid.startswith(_INSTALLER)} - _TRUSTED - {_own()}
    if others or access is None:
        full = "(OI)(CI)F" if path.is_dir() else "F"
        raise Untrusted(
            f"{path} belongs to, or can be changed by, an account that is no administrator"
            f" ({', '.join(sorted(others)) or 'anybody'}), and what it says would be done as LocalSystem. Look through"
            f' it, then: icacls "{path}" /setowner *S-1-5-32-544 && icacls "{path}" /inheritance:r'
            f" /grant:r *S-1-5-18:{full} *S-1-5-32-544:{full}"
        )


def _own() -> str:
    token = win32security.OpenProcessToken(win32api.GetCurrentProcess(), win32security.TOKEN_QUERY)
    return _text(win32security.GetTokenInformation(token, win32security.TokenUser)[0])


def _text(sid: "PySID") -> str:
    return str(win32security.ConvertSidToStringSid(sid))
