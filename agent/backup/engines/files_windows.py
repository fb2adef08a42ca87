"""What Windows has for reading folders that are in use: a shadow copy of the volume for as long as a backup lasts, and
the access lists of files. Needs an administrator; without, the folder is read as it lies there.
(https://learn.microsoft.com/windows/win32/vsswmi/win32-shadowcopy; vssadmin makes such copies on servers only.)"""

# ruff: noqa: E402 - the platform is asked before all else
import sys

assert sys.platform == "win32"  # noqa: S101 - what type checkers understand

import _winapi
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pythoncom
import pywintypes
import win32api
import win32security
from win32com.client import GetObject

from agent.backup.engines import Scalar
from protocols.errors import SnapshotFailed

_NAMESPACE = "winmgmts:{impersonationLevel=impersonate}!root\\cimv2"
_CLIENT_ACCESSIBLE = "ClientAccessible"
_ACCESS_DENIED = 1
_SETTABLE = 0x1 | 0x2 | 0x4 | 0x20
"""Read-only, hidden, system, archive (winnt.h: FILE_ATTRIBUTE_*)."""
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
            yield f"{copy.Properties_('DeviceObject').Value}{inside}", "shadow-copy"
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


def dress(path: Path, meta: Mapping[str, Scalar]) -> None:
    """What `kept` kept, as far as this account may."""
    text, attributes = meta.get("sddl"), meta.get("attributes")
    wanted = win32security.OWNER_SECURITY_INFORMATION | win32security.DACL_SECURITY_INFORMATION
    if isinstance(text, str):
        for parts in (
            wanted,
            win32security.DACL_SECURITY_INFORMATION,
        ):  # an owner may be given by administrators only
            with suppress(pywintypes.error):
                descriptor = win32security.ConvertStringSecurityDescriptorToSecurityDescriptor(
                    text, win32security.SDDL_REVISION_1
                )
                win32security.SetFileSecurity(str(path), parts, descriptor)
                break
    if isinstance(attributes, int):
        with suppress(pywintypes.error):
            win32api.SetFileAttributes(str(path), attributes & _SETTABLE)


def make_junction(target: str, to: Path) -> None:
    """Needs no right, unlike a symbolic link."""
    _winapi.CreateJunction(target.removeprefix("\\\\?\\"), str(to))
