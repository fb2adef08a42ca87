"""Sources without a database: a file that is cut as one says, and a folder."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.backup.engines import Cut, Facts, Kind, Pace, Part, Reader, Snapshot, file_part


@dataclass(frozen=True)
class PlainFile:
    cut: Cut
    page_bytes: int = 4096
    name: str = "plain"

    @contextmanager
    def snapshot(self, source: str, staging: Path, pace: Pace) -> Iterator[Snapshot]:
        part = file_part(Path(source).name, Path(source), self.cut, page_bytes=self.page_bytes)
        yield Snapshot((part,), dict, "plain", part.size_bytes)

    def verify(self, restored: Path, scratch: Path) -> Facts:
        return {}


class Folder:
    """Tells a stamp for each file, and counts how many were read."""

    name = "folder"

    def __init__(self) -> None:
        self.read: list[str] = []

    @contextmanager
    def snapshot(self, source: str, staging: Path, pace: Pace) -> Iterator[Snapshot]:
        root = Path(source)
        yield Snapshot((self._part(root, path) for path in sorted(root.rglob("*"))), dict, "walk")

    def _part(self, root: Path, path: Path) -> Part:
        name, found = path.relative_to(root).as_posix(), path.lstat()
        meta = {"mode": found.st_mode & 0o7777, "mtime_ns": found.st_mtime_ns}
        if path.is_symlink():
            return Part(name, nothing, kind=Kind.LINK, meta={"target": str(path.readlink())})
        if path.is_dir():
            return Part(name, nothing, kind=Kind.FOLDER, meta=meta)
        stamp = f"{found.st_size} {found.st_mtime_ns}"
        return Part(name, lambda: self._open(path), stamp=stamp, size_bytes=found.st_size, meta=meta)

    def _open(self, path: Path) -> AbstractContextManager[Reader]:
        self.read.append(path.name)
        return path.open("rb", buffering=0)

    def verify(self, restored: Path, scratch: Path) -> Facts:
        return {}


def nothing() -> AbstractContextManager[Reader]:
    raise AssertionError("a folder and a link have no bytes")
