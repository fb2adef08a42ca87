"""Fetches the agent's own package piece by piece, and goes on where it broke off."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from agent.uplink.client import Client
from protocols.errors import UplinkError
from protocols.wire.package import PACKAGE_BYTES, piece_path


class WrongPackage(UplinkError):
    """What came is not what the operators have signed. It does not lie on the disk any more."""

    code = "update.wrong_package"


def fetch(client: Client, sha256: str, file: Path, told: Callable[[int], object] = bool) -> None:
    """Into the file, which is there only when it is whole and right. Nothing to do where it is. CollectorUnreachable:
    what has come so far is kept for the next time. `told`: so many bytes are there."""
    if file.exists() and _digest(file) == sha256:
        return
    file.unlink(missing_ok=True)
    file.parent.mkdir(mode=0o700, exist_ok=True)
    part = file.with_suffix(".part")
    _others_go(part)
    with part.open("ab") as out:
        while True:
            told(out.tell())
            piece = client.send(
                "GET", piece_path(sha256, out.tell()), b"", content_type="application/json"
            ).body
            if not piece:
                break
            if out.tell() + len(piece) > PACKAGE_BYTES:
                part.unlink()
                raise WrongPackage(f"the package has more than {PACKAGE_BYTES >> 20} MiB")
            out.write(piece)
    if _digest(part) != sha256:
        part.unlink()
        raise WrongPackage("the package that came is not the one that was signed; ask the collector's people")
    part.replace(file)


def _others_go(part: Path) -> None:
    """Of an update that nobody wants any more."""
    for other in part.parent.glob("*"):
        if other.suffix in (".part", ".deb") and other != part:
            other.unlink(missing_ok=True)


def _digest(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()
