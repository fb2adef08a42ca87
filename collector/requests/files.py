"""Files that people send: kept once under their SHA-256, limited in number and size, named harmlessly."""

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from collector.requests.models import Attachment, Entry
from protocols.errors import PlombaError

MOST_FILES = 10
MOST_BYTES = 10 << 20
MOST_TOGETHER = 25 << 20
_PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
_UNSAFE = re.compile(r"[^\w .()\[\]-]+")


class FilesRefused(PlombaError):
    """Too many or too large."""

    code = "request.files"


@dataclass(frozen=True, slots=True)
class File:
    name: str
    content: bytes


def accept(found: Iterable[File]) -> tuple[File, ...]:
    """The same files; FilesRefused where they are too many or too large."""
    kept = tuple(found)
    sizes = [len(one.content) for one in kept]
    if len(kept) > MOST_FILES or any(size > MOST_BYTES for size in sizes) or sum(sizes) > MOST_TOGETHER:
        raise FilesRefused(
            f"at most {MOST_FILES} files, {MOST_BYTES >> 20} MB each and {MOST_TOGETHER >> 20} MB together"
        )
    return kept


def within(found: Iterable[File]) -> tuple[tuple[File, ...], int]:
    """As many from the first on as are allowed, and how many are not: what comes by mail cannot be refused."""
    kept: list[File] = []
    left_out = 0
    for one in found:
        try:
            kept = list(accept([*kept, one]))
        except FilesRefused:
            left_out += 1
    return tuple(kept), left_out


def attach(entry: Entry, found: Iterable[File]) -> None:
    """The bytes are on the disk before the row is."""
    for one in found:
        digest = keep("attachments", one.content)
        Attachment.objects.create(
            entry=entry,
            name=plain_name(one.name),
            content_type=kind_of(one.content),
            size_bytes=len(one.content),
            digest=digest,
        )


def keep(folder: str, content: bytes) -> str:
    """Write it once; its SHA-256. It is there whole, or not at all, also after a power cut."""
    digest = hashlib.sha256(content).hexdigest()
    path = path_of(folder, digest)
    if path.exists():
        return digest
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{digest}.{os.getpid()}.{id(content):x}")
    with draft.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)
    return digest


def path_of(folder: str, digest: str) -> Path:
    home: Path = settings.CONFIG.home
    return home / folder / digest[:2] / digest


def content_of(found: Attachment) -> bytes:
    return path_of("attachments", found.digest).read_bytes()


def plain_name(name: str) -> str:
    """Without a path and without signs that mean something to a shell, a browser or a mail program."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return _UNSAFE.sub("_", last).strip(". ")[:120] or "file"


def kind_of(content: bytes) -> str:
    """Pictures by what they begin with; all else is bytes, whatever its sender called it."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    found = [kind for start, kind in _PICTURES.items() if content.startswith(start)]
    return found[0] if found else "application/octet-stream"
