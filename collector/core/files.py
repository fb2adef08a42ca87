"""Files that people hand in: kept once in the home folder under their SHA-256, whole or not at all, and named
harmlessly. Who may read one is decided elsewhere."""

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.conf import settings

from protocols.errors import PlombaError

FOLDER = "attachments"
MOST_BYTES = 10 << 20
NAME_MAX = 120
PLAIN = "application/octet-stream"
SHOWN = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""What a browser may show by itself; all else is only handed out to be saved."""
_BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"%PDF-": "application/pdf",
}
_UNSAFE = re.compile(r"[^\w .()\[\]-]+")


class FileRefused(PlombaError):
    """`file.too_large`: more than MOST_BYTES; `file.empty`."""

    code = "file.too_large"


@dataclass(frozen=True, slots=True)
class Kept:
    digest: str
    size_bytes: int
    media_type: str


def keep(chunks: Iterable[bytes]) -> Kept:
    """Write it once. FileRefused leaves nothing behind."""
    folder = _home() / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size, head = hashlib.sha256(), 0, b""
    with NamedTemporaryFile(dir=folder, prefix=".new-", delete=False) as draft:
        path = Path(draft.name)
        try:
            for chunk in chunks:
                size += len(chunk)
                if size > MOST_BYTES:
                    raise FileRefused(f"a file may have {MOST_BYTES >> 20} MB")
                digest.update(chunk)
                head = head or chunk[:16]
                draft.write(chunk)
            if not size:
                raise FileRefused("the file is empty", code="file.empty")
            draft.flush()
            os.fsync(draft.fileno())
            goal = path_of(digest.hexdigest())
            goal.parent.mkdir(mode=0o700, exist_ok=True)
            path.replace(goal)
        finally:
            path.unlink(missing_ok=True)
    return Kept(digest.hexdigest(), size, media_type(head))


def path_of(digest: str) -> Path:
    return _home() / FOLDER / digest[:2] / digest


def plain_name(name: str) -> str:
    """Without a path and without signs that mean something to a shell, a browser or a mail program."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return _UNSAFE.sub("_", last).strip(". ")[:NAME_MAX] or "file"


def media_type(head: bytes) -> str:
    """By what the bytes begin with; what their sender called them counts for nothing."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _BEGINNINGS.items() if head.startswith(start)), PLAIN)


def _home() -> Path:
    home: Path = settings.CONFIG.home
    return home
