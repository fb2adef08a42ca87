"""What Windows does for a secret file: DPAPI (crypt32) seals it for this machine, and its access list (advapi32)
lets only SYSTEM and Administrators near it. Imported on Windows only."""

import sys

ENTROPY = b"plomba-agent private key 1"
"""Another program of this machine that opens DPAPI blobs by rote does not open ours. No secret: the access list
is what keeps people out, the seal keeps a stolen disk shut."""

if sys.platform == "win32":
    import ctypes
    import msvcrt
    import os
    from ctypes import wintypes

    ACCESS = "D:P(A;;FA;;;SY)(A;;FA;;;BA)"
    """SDDL: protected from what the folder hands down; full access for SYSTEM and the Administrators."""
    _UI_FORBIDDEN, _LOCAL_MACHINE = 0x1, 0x4  # dpapi.h: CRYPTPROTECT_*
    _GENERIC_WRITE, _CREATE_ALWAYS, _NORMAL = 0x40000000, 2, 0x80
    _SDDL_REVISION_1 = 1
    _INVALID_HANDLE = ctypes.c_void_p(-1).value

    class _Blob(ctypes.Structure):
        """DATA_BLOB"""

        _fields_ = (("cbData", wintypes.DWORD), ("pbData", ctypes.c_void_p))

    class _Attributes(ctypes.Structure):
        """SECURITY_ATTRIBUTES"""

        _fields_ = (
            ("nLength", wintypes.DWORD),
            ("lpSecurityDescriptor", ctypes.c_void_p),
            ("bInheritHandle", wintypes.BOOL),
        )

    _crypt32 = ctypes.WinDLL("crypt32", use_last_error=True)
    _advapi32 = ctypes.WinDLL("advapi32", use_last_error=True)
    _kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    _blob_pointer = ctypes.POINTER(_Blob)
    for _function in (_crypt32.CryptProtectData, _crypt32.CryptUnprotectData):
        _function.argtypes = (
            _blob_pointer, ctypes.c_void_p, _blob_pointer, ctypes.c_void_p, ctypes.c_void_p, wintypes.DWORD,
            _blob_pointer,
        )  # fmt: skip
        _function.restype = wintypes.BOOL
    _kernel32.LocalFree.argtypes = (ctypes.c_void_p,)
    _kernel32.LocalFree.restype = ctypes.c_void_p
    _kernel32.CreateFileW.argtypes = (
        wintypes.LPCWSTR, wintypes.DWORD, wintypes.DWORD, ctypes.POINTER(_Attributes), wintypes.DWORD,
        wintypes.DWORD, ctypes.c_void_p,
    )  # fmt: skip
    _kernel32.CreateFileW.restype = ctypes.c_void_p
    _to_descriptor = _advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW
    _to_descriptor.argtypes = (
        wintypes.LPCWSTR, wintypes.DWORD, ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p,
    )  # fmt: skip
    _to_descriptor.restype = wintypes.BOOL

    def protect(raw: bytes) -> bytes:
        """Sealed for every account of this machine. OSError."""
        given, room = _blob(raw)
        entropy, more_room = _blob(ENTROPY)
        sealed = _Blob()
        if not _crypt32.CryptProtectData(
            ctypes.byref(given), None, ctypes.byref(entropy), None, None, _UI_FORBIDDEN | _LOCAL_MACHINE,
            ctypes.byref(sealed),
        ):  # fmt: skip
            raise ctypes.WinError(ctypes.get_last_error())
        del room, more_room
        return _taken(sealed)

    def unprotect(sealed: bytes) -> bytes:
        """ValueError where it is no seal of this machine."""
        given, room = _blob(sealed)
        entropy, more_room = _blob(ENTROPY)
        opened = _Blob()
        if not _crypt32.CryptUnprotectData(
            ctypes.byref(given), None, ctypes.byref(entropy), None, None, _UI_FORBIDDEN, ctypes.byref(opened)
        ):
            number = ctypes.get_last_error()
            raise ValueError(
                f"the key was not sealed on this machine, or is damaged (Windows error {number})"
            )
        del room, more_room
        return _taken(opened)

    def create(file: str) -> int:
        """A new, empty file with the access list on it from its first moment; its descriptor, for writing.
        OSError."""
        descriptor = ctypes.c_void_p()
        if not _to_descriptor(ACCESS, _SDDL_REVISION_1, ctypes.byref(descriptor), None):
            raise ctypes.WinError(ctypes.get_last_error())
        attributes = _Attributes(ctypes.sizeof(_Attributes), descriptor, False)
        try:
            handle = _kernel32.CreateFileW(
                file, _GENERIC_WRITE, 0, ctypes.byref(attributes), _CREATE_ALWAYS, _NORMAL, None
            )
            if handle == _INVALID_HANDLE:
                raise ctypes.WinError(ctypes.get_last_error())
        finally:
            _kernel32.LocalFree(descriptor)
        return msvcrt.open_osfhandle(handle, os.O_BINARY)

    def _blob(data: bytes) -> tuple[_Blob, object]:
        """The second keeps the bytes alive; hold it as long as the first."""
        room = ctypes.create_string_buffer(data, len(data))
        return _Blob(len(data), ctypes.cast(room, ctypes.c_void_p)), room

    def _taken(blob: _Blob) -> bytes:
        """Its bytes, given back to the system."""
        try:
            return ctypes.string_at(blob.pbData, blob.cbData)
        finally:
            _kernel32.LocalFree(blob.pbData)
