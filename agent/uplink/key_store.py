"""Where the terminal's private key is kept. Linux: a file of this account only, or a credential that systemd
hands to the service. Windows: a file for SYSTEM and Administrators only, its content sealed for this machine
by DPAPI."""

import base64
import binascii
import os
import sys
from pathlib import Path

CREDENTIAL = "plomba-agent.key"
"""`systemd-creds encrypt --name=plomba-agent.key KEYFILE /etc/credstore.encrypted/plomba-agent.key`, then the
file may go: the unit asks for it by LoadCredentialEncrypted=plomba-agent.key (systemd.exec(5))."""
_SEALED = b"dpapi1:"


def write_key(file: Path, raw: bytes) -> None:
    """Keep the raw private key, on the disk when this returns; the key that was in the file before holds
    until then. OSError."""
    write_private(file, _seal(raw))


def read_key(file: Path) -> bytes:
    """The raw private key. The file counts before the credential, for it is the newer one after a change of
    the key. FileNotFoundError where there is neither, OSError where the system does not let us, ValueError
    where it is damaged or was sealed on another machine."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        content = _credential()
        if not content:
            raise
    return _open(content.strip())


def write_private(file: Path, content: bytes) -> None:
    """For this account only (Windows: SYSTEM and Administrators), whole or not there at all, and on the disk
    when this returns."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    fd = _create(part)
    try:
        with os.fdopen(fd, "wb") as f:
            f.write(content)
            f.flush()
            os.fsync(f.fileno())
        part.replace(file)
    except OSError as e:
        part.unlink(missing_ok=True)
        raise OSError(e.errno, e.strerror, str(file)) from e


def _credential() -> bytes:
    """b"" where systemd gave none."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return b""
    try:
        return (Path(folder) / CREDENTIAL).read_bytes()
    except FileNotFoundError:
        return b""


def _text(raw: bytes) -> bytes:
    """base64url without padding. Not PEM: its reader alone would cost the resident agent 3 MiB of memory."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _raw(text: bytes) -> bytes:
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as e:
        raise ValueError("the key file is damaged") from e


if sys.platform == "win32":
    from agent.uplink import key_windows

    def _seal(raw: bytes) -> bytes:
        return _SEALED + _text(key_windows.protect(raw))

    def _open(content: bytes) -> bytes:
        if not content.startswith(_SEALED):
            raise ValueError("the key file is not sealed for this machine")
        return key_windows.unprotect(_raw(content.removeprefix(_SEALED)))

    def _create(file: Path) -> int:
        return key_windows.create(str(file))

else:

    def _seal(raw: bytes) -> bytes:
        return _text(raw)

    def _open(content: bytes) -> bytes:
        if content.startswith(_SEALED):
            raise ValueError("the key was sealed by Windows on another machine")
        return _raw(content)

    def _create(file: Path) -> int:
        return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
