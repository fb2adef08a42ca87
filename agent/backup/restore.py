"""From a repository and a recovery key back to a file. What is returned has been compared, byte for byte,
with what was backed up; anything else raises and leaves no file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import blake3

from agent.backup.catalogue import Found
from agent.backup.key import RecoverySecret, open_data_key
from agent.backup.manifest import Body, FileMap, Run, open_body
from agent.backup.pack import PackReader
from agent.backup.repository import Repository
from agent.backup.run import Progress
from protocols.errors import BackupError, IntegrityError, RepositoryRefused
from protocols.wire.snapshot import PACKS, PackRef, check_digest


@dataclass(frozen=True, slots=True)
class Restored:
    path: Path
    file: FileMap
    body: Body


def restore(
    found: Found,
    repository: Repository,
    secret: RecoverySecret,
    to: Path,
    *,
    progress: Progress,
    force: bool = False,
) -> Restored:
    """Write the snapshot's one file to `to`: beside it first, then renamed when it is whole and compared.
    IntegrityError for whatever is not as it was; RepositoryRefused `backup.target_exists` unless `force`."""
    if to.exists() and not force:
        raise RepositoryRefused(f"{to} exists already; nothing was written", code="backup.target_exists")
    body = open_snapshot(found, secret)
    if len(body.files) != 1:
        raise BackupError("this snapshot holds several files and needs a folder", code="backup.several_files")
    file = body.files[0]
    file.check(len(found.header.packs))
    with _beside(to) as part:
        pieces = _pieces(file, found, repository, secret)
        _write(file, pieces, part, progress)
        if to.exists() and not force:
            raise RepositoryRefused(
                f"{to} has appeared meanwhile; nothing was written", code="backup.target_exists"
            )
        part.replace(to)
    return Restored(to, file, body)


def open_snapshot(found: Found, secret: RecoverySecret) -> Body:
    header = found.header
    key = open_data_key(secret, header.terminal, bytes.fromhex(header.run), header.keys)
    return open_body(found.snapshot.body, key)


def _write(file: FileMap, pieces: Iterator[bytes | memoryview], part: Path, progress: Progress) -> None:
    digest, done = blake3.blake3(), 0
    with part.open("xb") as out:
        for piece in pieces:
            digest.update(piece)
            out.write(piece)
            done += len(piece)
            progress("restore", done, file.size)
        out.flush()
        os.fsync(out.fileno())
    if done != file.size or digest.hexdigest() != file.blake3:
        raise IntegrityError("the restored file is not the one that was backed up; it was thrown away")


def _pieces(
    file: FileMap, found: Found, repository: Repository, secret: RecoverySecret
) -> Iterator[bytes | memoryview]:
    """The file's bytes in order. Runs of one pack follow each other, so that each pack is fetched once."""
    number, reader = -1, None
    for run in file.runs:
        if run.pack != number or reader is None:
            number, reader = run.pack, fetch_pack(found.header.packs[run.pack], repository, secret)
            _same_terminal(reader, found)
        yield from _run(run, reader)


def _run(run: Run, reader: PackReader) -> Iterator[memoryview]:
    frame, skip, left = run.frame, run.skip, run.length
    while left:
        raw = memoryview(reader.read(frame))
        piece = raw[skip : skip + left]
        skip = max(0, skip - len(raw))
        left -= len(piece)
        frame += 1
        yield piece


def fetch_pack(ref: PackRef, repository: Repository, secret: RecoverySecret) -> PackReader:
    name = f"{PACKS}/{ref.digest}"
    try:
        data = repository.get(name)
    except BackupError as e:
        if repository.is_missing(e):
            raise IntegrityError(
                f"pack {ref.digest[:12]} is missing from the repository", code="backup.pack_missing"
            ) from e
        raise
    check_digest(name, data)
    if len(data) != ref.size:
        raise IntegrityError(f"pack {ref.digest[:12]} has a wrong length")
    return PackReader(data, secret)


def _same_terminal(reader: PackReader, found: Found) -> None:
    if reader.header.terminal != found.header.terminal:
        raise IntegrityError("a pack belongs to another terminal")


@contextmanager
def _beside(to: Path) -> Iterator[Path]:
    """A name for the unfinished file, which is gone again unless it was renamed."""
    to.parent.mkdir(parents=True, exist_ok=True)
    part = to.with_name(f"{to.name}.{os.getpid()}.part")
    try:
        yield part
        _flush_folder(to.parent)
    except OSError as e:
        raise BackupError(f"{to} cannot be written: {e.strerror}", code="backup.target") from e
    finally:
        part.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows has no handle on a folder that could be flushed
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
