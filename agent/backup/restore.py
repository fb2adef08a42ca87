"""From a repository and a recovery key back to files. What is returned has been compared, byte for byte, with what was
backed up; anything else raises and leaves nothing."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import blake3

from agent.backup.assembly import Assembly
from agent.backup.catalogue import Found
from agent.backup.depot import Depot
from agent.backup.dressing import dress, make_link
from agent.backup.key import KeyRing, RecoverySecret
from agent.backup.manifest import Body, FileEntry, Manifest, Runs, open_body
from agent.backup.repository import Repository
from agent.backup.run import Progress
from protocols.errors import BackupError, IntegrityError, RepositoryRefused


@dataclass(frozen=True, slots=True)
class Restored:
    """`path` is a file where the snapshot holds one file, else a folder."""

    path: Path
    body: Body

    @property
    def size(self) -> int:
        return sum(file.size for file in self.body.files)


def restore(
    found: Found,
    repository: Repository,
    secret: RecoverySecret,
    to: Path,
    *,
    progress: Progress,
    force: bool = False,
    amend: Callable[[Path], None] = lambda _part: None,
) -> Restored:
    """Write the snapshot's file or files to `to`: beside it first, then renamed when all is whole and compared.
    `amend` may change what was compared before it gets its name; where that raises, nothing is left.
    IntegrityError for whatever is not as it was; RepositoryRefused `backup.target_exists` unless `force`."""
    _free(to, force=force)
    keys = KeyRing(secret)
    manifest = open_snapshot(found, keys)
    with (
        _beside(to) as part,
        closing(
            Assembly(found.header.packs, lambda: Depot(repository, keys, found.header.terminal))
        ) as assembly,
    ):
        writing = _Writing(manifest, assembly, progress)
        writing.alone(part) if is_single(manifest.body) else writing.tree(part)
        amend(part)
        _free(to, force=force)
        _rename(part, to)
    return Restored(to, manifest.body)


def open_snapshot(found: Found, keys: KeyRing) -> Manifest:
    header = found.header
    key = keys.open(header.terminal, bytes.fromhex(header.run), header.keys)
    return open_body(found.snapshot.body, key, len(header.packs))


def is_single(body: Body) -> bool:
    """One file and no folder around it."""
    return len(body.files) == 1 and body.files[0].kind == "file" and "/" not in body.files[0].name


class _Writing:
    def __init__(self, manifest: Manifest, assembly: Assembly, progress: Progress) -> None:
        self._manifest, self._assembly, self._progress = manifest, assembly, progress
        self._done, self._total = 0, sum(file.size for file in manifest.body.files)
        # thousands of small files go to the disk together, where the system can do that
        self._each_to_disk = is_single(manifest.body) or sys.platform == "win32"

    def alone(self, to: Path) -> None:
        self._file(self._manifest.body.files[0], self._manifest.runs[0], to)

    def tree(self, to: Path) -> None:
        files = self._manifest.body.files
        steps = [_steps(file, files) for file in files]
        to.mkdir()
        for file, runs, path in zip(files, self._manifest.runs, steps, strict=True):
            target = to.joinpath(*path.parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.kind == "folder":
                target.mkdir(exist_ok=True)
            elif file.kind == "link":
                make_link(file, target, to, {one.name: one for one in files})
            else:
                self._file(file, runs, target)
        # folders last and from within: writing into one changes its time
        for file, path in sorted(zip(files, steps, strict=True), key=lambda one: -len(one[1].parts)):
            if file.kind != "link":
                dress(file, to.joinpath(*path.parts))
        if sys.platform != "win32" and not self._each_to_disk:
            os.sync()

    def _file(self, file: FileEntry, runs: Runs, to: Path) -> None:
        digest = self._assembly.write(runs, to, self._tell, durable=self._each_to_disk)
        if digest != (file.blake3 or blake3.blake3().hexdigest()):
            raise IntegrityError(
                f"the restored {file.name} is not the file that was backed up; it was thrown away"
            )

    def _tell(self, count: int) -> None:
        self._done += count
        self._progress("restore", self._done, self._total)


def _steps(file: FileEntry, files: tuple[FileEntry, ...]) -> PurePosixPath:
    """The path inside the folder. The signer may be a stolen till: nothing that leads out of it is written."""
    path = PurePosixPath(file.name)
    links = {one.name for one in files if one.kind == "link"}
    if (
        path.is_absolute()
        or str(path) != file.name
        or any(step in {"..", ".", ""} or "\\" in step or ":" in step or "\0" in step for step in path.parts)
        or any(str(parent) in links for parent in path.parents)
    ):
        raise IntegrityError(f"the snapshot holds a file with an impossible name: {file.name!r}")
    return path


def _free(to: Path, *, force: bool) -> None:
    if to.exists() and not force:
        raise RepositoryRefused(f"{to} exists already; nothing was written", code="backup.target_exists")


def _rename(part: Path, to: Path) -> None:
    """A folder cannot be renamed over another: the old one steps aside first, and goes when the new one is there."""
    if not part.is_dir() or not to.exists():
        part.replace(to)
        return
    aside = to.with_name(f"{to.name}.{os.getpid()}.old")
    to.replace(aside)
    part.replace(to)
    shutil.rmtree(aside) if aside.is_dir() else aside.unlink()


@contextmanager
def _beside(to: Path) -> Iterator[Path]:
    """A name for what is not finished, which is gone again unless it was renamed."""
    to.parent.mkdir(parents=True, exist_ok=True)
    part = to.with_name(f"{to.name}.{os.getpid()}.part")
    try:
        yield part
        flush_folder(to.parent)
    except OSError as e:
        raise BackupError(f"{to} cannot be written: {e.strerror}", code="backup.target") from e
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows has no handle on a folder that could be flushed
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
