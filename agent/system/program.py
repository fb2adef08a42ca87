"""What a program file says of itself: its version, as Windows programs carry it, and the digest of its bytes."""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_CHUNK = 1 << 18
MOST_BYTES = 512 << 20
_SIGNATURE = struct.pack("<I", 0xFEEF04BD)
_KEY = "VS_VERSION_INFO".encode("utf-16-le")
_VALUE_BYTES = 64


@dataclass(frozen=True, slots=True)
class Program:
    """`name` is that of the file. `version` is "" where the file carries none; `sha256` where it could not be
    read, and then `problem` says why."""

    name: str
    path: str
    version: str = ""
    sha256: str = ""
    problem: str = ""


def read(path: Path) -> Program:
    """Bounded in memory: the file is read once, in pieces."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return Program(path.name, str(path), problem="the file is too large to be read daily")
        version, digest = _scan(path)
    except OSError as e:
        return Program(path.name, str(path), problem=e.strerror or type(e).__name__)
    return Program(path.name, str(path), version, digest)


def read_all(paths: Sequence[Path]) -> list[Program]:
    return [read(path) for path in dict.fromkeys(paths)]


def version_in(data: bytes) -> str:
    """The file version of a VS_VERSIONINFO resource in these bytes, "" where none is whole: the key, padding to 32
    bits, then VS_FIXEDFILEINFO, whose file version is its third and fourth double word (Microsoft, "VS_FIXEDFILEINFO
    structure"). The whole resource tree is not walked: the key and the signature behind it stand in no other place."""
    at = data.find(_KEY)
    while at >= 0:
        start = at + len(_KEY)
        found = data.find(_SIGNATURE, start, start + 12)
        if found >= 0 and found + 16 <= len(data):
            high, low = struct.unpack_from("<II", data, found + 8)
            return f"{high >> 16}.{high & 0xFFFF}.{low >> 16}.{low & 0xFFFF}"
        at = data.find(_KEY, start)
    return ""


def _scan(path: Path) -> tuple[str, str]:
    digest, version, tail = hashlib.sha256(), "", b""
    with path.open("rb") as file:
        first = True
        windows = False
        while chunk := file.read(_CHUNK):
            windows, first = windows or (first and chunk[:2] == b"MZ"), False
            digest.update(chunk)
            if windows and not version:
                version = version_in(tail + chunk)
                tail = chunk[-(len(_KEY) + _VALUE_BYTES) :]
    return version, digest.hexdigest()
