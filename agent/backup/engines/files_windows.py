"""What Windows has for reading folders that are in use: a shadow copy of the volume for as long as a backup lasts, and
the access lists of files. Needs an administrator; without, the folder is read as it lies there.
(https://learn.microsoft.com/windows/win32/vsswmi/win32-shadowcopy; vssadmin makes such copies on servers only.)"""

# ruff: noqa: E402 - the platform is asked before all else
import sys

assert sys.platform == "win32"  # noqa: S101 - what type checkers understand

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pythoncom
import pywintypes
import win32security
from win32com.client import GetObject

from agent.backup.engines import Scalar
from protocols.errors import SnapshotFailed

_NAMESPACE = "winmgmts:{impersonationLevel=impersonate}!root\\cimv2"
_CLIENT_ACCESSIBLE = "ClientAccessible"
_ACCESS_DENIED = 1
_RETRIABLE = {6: "no room for it on the volume", 7: "the volume is in use", 8: "there are too many of them",
              9: "another one is being made", 10: "a provider refused"}  # fmt: skip
"""Return values of Create."""


@contextmanager
def standing(path: str) -> Iterator[tuple[str, str]]:
    """The path in a shadow copy of its volume, which goes with the block; the path itself where there is no right to
    make one."""
    pythoncom.CoInitialize()
    try:
        whole = os.path.abspath(path)  # noqa: PTH100 - with the drive
        drive, inside = os.path.splitdrive(whole)
        copy = _made(f"{drive}\\")
        if copy is None:
            yield whole, "live"
            return
        try:
            yield f"{copy.Properties_('DeviceObject').Value}{inside}", "shadow copy"
        finally:
            copy.Delete_()
    finally:
        pythoncom.CoUninitialize()


def _made(volume: str):  # type: ignore[no-untyped-def] # a COM object
    """None without the right."""
    try:
        service = GetObject(_NAMESPACE)
        kind = service.Get("Win32_ShadowCopy")
        given = kind.Methods_("Create").InParameters.SpawnInstance_()
        given.Properties_("Volume").Value = volume
        given.Properties_("Context").Value = _CLIENT_ACCESSIBLE
        made = kind.ExecMethod_("Create", given)
        code = int(made.Properties_("ReturnValue").Value)
        if code == _ACCESS_DENIED:
            return None
        if code != 0:
            why = _RETRIABLE.get(code, f"code {code}")
            raise SnapshotFailed(
                f"Windows made no shadow copy of {volume}: {why}",
                code="backup.shadow_copy",
                retriable=code in _RETRIABLE,
            )
        number = made.Properties_("ShadowID").Value
        return service.Get(f'Win32_ShadowCopy.ID="{number}"')
    except pywintypes.com_error as e:
        raise SnapshotFailed(
            f"Windows made no shadow copy of {volume}: {e}; see that the service Volume Shadow Copy is not disabled",
            code="backup.shadow_copy",
        ) from e


def kept(path: str) -> dict[str, Scalar]:
    """Attributes, and owner and access list as a text that Windows takes back (SDDL)."""
    attributes = os.lstat(path).st_file_attributes
    wanted = win32security.OWNER_SECURITY_INFORMATION | win32security.DACL_SECURITY_INFORMATION
    try:
        descriptor = win32security.GetFileSecurity(path, wanted)
        text = win32security.ConvertSecurityDescriptorToStringSecurityDescriptor(
            descriptor, win32security.SDDL_REVISION_1, wanted
        )
    except pywintypes.error:
        return {"attributes": attributes}
    return {"attributes": attributes, "sddl": str(text)}
