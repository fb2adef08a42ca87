"""Packages of the agent that tills can be updated to: files in a folder of the home, each under the digest of its
bytes. Nothing here makes a till take one; that is a job that operators sign."""

import hashlib
import io
import lzma
import os
import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import zstandard
from django.conf import settings

from collector.core.config import Config
from protocols.errors import JobError
from protocols.wire.package import NAME, PACKAGE_BYTES, PIECE_BYTES

FOLDER = "packages"
CONTROL_BYTES = 1 << 20
_MAGIC, _HEADER = b"!<arch>\n", 60
_VERSION = re.compile(r"\d{1,4}\.\d{1,4}\.\d{1,4}")
_NAME = re.compile(r"[0-9a-f]{64}\.deb")


class NoPackage(JobError):
    code = "package.unknown"


class BadPackage(JobError):
    code = "package.unreadable"


@dataclass(frozen=True, slots=True)
class Package:
    """`sha256` is in hex and also the name here; `size` is in bytes."""

    sha256: str
    version: str
    architecture: str
    size: int


def add(file: Path) -> Package:
    """BadPackage where it is no Debian package of the agent; OSError where it cannot be read or kept."""
    size = file.stat().st_size
    if size > PACKAGE_BYTES:
        raise BadPackage(f"{file} has more than {PACKAGE_BYTES >> 20} MiB")
    folder = _folder()
    folder.mkdir(mode=0o750, exist_ok=True)
    part = folder / f"{os.getpid()}.part"
    try:
        found = _copied(file, part)
        part.replace(folder / f"{found.sha256}.deb")
    finally:
        part.unlink(missing_ok=True)
    return found


def kept() -> list[Package]:
    """The newest version first."""
    folder = _folder()
    files = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)] if folder.is_dir() else []
    found = [_described(path, path.stem) for path in files]
    return sorted(found, key=lambda one: ([int(n) for n in one.version.split(".")], one.sha256), reverse=True)


def remove(sha256: str) -> None:
    """NoPackage where there is none."""
    _file(sha256).unlink()


def piece(sha256: str, offset: int) -> bytes:
    """Up to PIECE_BYTES from there on, b"" behind the end. NoPackage where there is none."""
    with _file(sha256).open("rb") as data:
        data.seek(offset)
        return data.read(PIECE_BYTES)


def _file(sha256: str) -> Path:
    file = _folder() / f"{sha256}.deb"
    if not _NAME.fullmatch(file.name) or not file.is_file():
        raise NoPackage("this collector has no such package of the agent")
    return file


def _folder() -> Path:
    given: Config = settings.CONFIG
    return given.home / FOLDER


def _copied(file: Path, part: Path) -> Package:
    digest = hashlib.sha256()
    with file.open("rb") as data, part.open("wb") as out:
        while chunk := data.read(1 << 20):
            digest.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    return _described(part, digest.hexdigest())


def _described(file: Path, sha256: str) -> Package:
    fields = _control(file)
    if fields.get("package") != NAME or not _VERSION.fullmatch(fields.get("version", "")):
        raise BadPackage(f"{file.name} is no package {NAME} with a version such as 1.2.3")
    return Package(sha256, fields["version"], fields.get("architecture", ""), file.stat().st_size)


def _control(file: Path) -> dict[str, str]:
    """Of deb(5) and deb-control(5): an ar archive, in it a tar archive, in it the fields."""
    try:
        packed = next((one for one in _members(file) if one[0].startswith("control.tar")), None)
        if packed is None:
            raise BadPackage(f"{file.name} is no Debian package")
        with tarfile.open(fileobj=io.BytesIO(_plain(*packed))) as archive:
            found = archive.extractfile("./control")
            text = found.read(CONTROL_BYTES).decode("utf-8", "replace") if found else ""
    except (
        tarfile.TarError,
        zstandard.ZstdError,
        lzma.LZMAError,
        zlib.error,
        KeyError,
        ValueError,
        EOFError,
    ) as e:
        raise BadPackage(f"{file.name} is no Debian package") from e
    lines = (line.partition(":") for line in text.splitlines() if line[:1].strip())
    return {name.lower(): value.strip() for name, _colon, value in lines}


def _members(file: Path) -> Iterator[tuple[str, bytes]]:
    """The first ones, up to the control archive; larger ones are none."""
    with file.open("rb") as data:
        if data.read(len(_MAGIC)) != _MAGIC:
            raise ValueError("no archive")
        while len(header := data.read(_HEADER)) == _HEADER:
            name, size = header[:16].decode("ascii").strip().rstrip("/"), int(header[48:58])
            if size > CONTROL_BYTES:
                return
            yield name, data.read(size)
            data.seek(size % 2, os.SEEK_CUR)


def _plain(name: str, packed: bytes) -> bytes:
    match name.removeprefix("control.tar"):
        case ".zst":
            return zstandard.ZstdDecompressor().decompress(packed, max_output_size=CONTROL_BYTES)
        case ".xz":
            return lzma.LZMADecompressor().decompress(packed, CONTROL_BYTES)
        case ".gz":
            return zlib.decompressobj(31).decompress(packed, CONTROL_BYTES)
        case _:
            return packed
