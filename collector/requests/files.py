"""Files that people send: kept once, limited in number and size, named harmlessly."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from collector.requests.models import Attachment, Blob, Entry
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
    for one in found:
        Attachment.objects.create(
            entry=entry,
            name=plain_name(one.name),
            content_type=kind_of(one.content),
            size_bytes=len(one.content),
            digest=keep(one.content),
        )


def keep(content: bytes) -> str:
    """Once, in the transaction that runs; its SHA-256."""
    digest = hashlib.sha256(content).hexdigest()
    Blob.objects.get_or_create(digest=digest, defaults={"content": content})
    return digest


def content_of(digest: str) -> bytes:
    """Blob.DoesNotExist."""
    return bytes(Blob.objects.get(digest=digest).content)


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
