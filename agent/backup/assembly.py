"""One file out of its packs: several packs at once, each fetched, checked, opened and written by a thread of its own,
while what is finished from the file's beginning on is read back and hashed. Knows no snapshot, name or target."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import local
from typing import BinaryIO

import blake3

from agent.backup.depot import Depot
from agent.backup.manifest import HOLE, Runs
from protocols.errors import IntegrityError
from protocols.wire.snapshot import PackRef

WORKERS = 2
AHEAD = 2
"""Packs for each worker that wait for it."""
ALONE_BYTES = 4 << 20
"""A smaller file is not worth other threads."""
COMPARE_BYTES = 1 << 20
FLUSH_BYTES = 32 << 20
LOAD_BYTES = 32 << 20
"""So much of a pack that holds very much is written at once, at most."""
SCATTERED = 4
"""A pack whose bytes lie over so many times their length does not hold a stretch of the file."""
_ZEROS = memoryview(bytes(COMPARE_BYTES))


@dataclass(frozen=True, slots=True)
class Load:
    """What one pack gives to a file: (position in the pack, offset in the file, length), by positions. When it and all
    loads before it are written, the file is finished up to `ready`."""

    pack: int
    places: Sequence[tuple[int, int, int]]
    ready: int = 0

    @property
    def begin(self) -> int:
        return min(offset for _, offset, _ in self.places)

    @property
    def length(self) -> int:
        return sum(length for _, _, length in self.places)

    @property
    def is_scattered(self) -> bool:
        end = max(offset + length for _, offset, length in self.places)
        return end - self.begin > SCATTERED * self.length


class Assembly:
    """The packs that one snapshot names. For one thread: its workers are its own, each with a depot of its own. To be
    closed."""

    def __init__(self, packs: Sequence[PackRef], depot: Callable[[], Depot]) -> None:
        self._packs, self._depot = packs, depot
        self._workers: ThreadPoolExecutor | None = None
        self._mine = local()

    def write(self, runs: Runs, to: Path, tell: Callable[[int], None], *, durable: bool) -> str:
        """Make the file, which is not there yet, and return the BLAKE3 of what it holds then, read back. `durable`: it
        is on the disk as well. `tell` hears how many bytes came. IntegrityError as a depot raises it; the
        file is then of no use."""
        with to.open("x+b", buffering=0) as out, Flusher(out) as flusher:
            out.truncate(runs.size)
            read_back = ReadBack(out, runs)
            for load in self._written(loads(runs), to):
                tell(load.length)
                flusher.wrote(load.length)
                read_back.up_to(load.ready)
            if durable:
                flusher.start()
            digest = read_back.finish()
            flusher.finish()
        return digest

    def close(self) -> None:
        if self._workers:
            self._workers.shutdown(cancel_futures=True)

    def _written(self, waiting: Sequence[Load], to: Path) -> Iterator[Load]:
        """Each load when it is in the file, in order."""
        if sum(load.length for load in waiting) < ALONE_BYTES:
            for load in waiting:
                self._write(load, to)
                yield load
            return
        self._workers = self._workers or ThreadPoolExecutor(WORKERS, "assemble")
        going: deque[tuple[Load, Future[None]]] = deque()
        for load in waiting:
            going.append((load, self._workers.submit(self._write, load, to)))
            if len(going) > WORKERS * AHEAD:
                yield _done(*going.popleft())
        while going:
            yield _done(*going.popleft())

    def _write(self, load: Load, to: Path) -> None:
        if load.pack == HOLE:  # it is there already
            return
        depot, ref = self._own_depot(), self._packs[load.pack - 1]
        with to.open("r+b", buffering=0) as out:
            at = 0
            for position, offset, length in load.places:
                if offset != at:
                    out.seek(offset)
                for piece in depot.read(ref, position, length):
                    write_all(out, piece)
                at = offset + length

    def _own_depot(self) -> Depot:
        if not hasattr(self._mine, "depot"):
            self._mine.depot = self._depot()
        depot: Depot = self._mine.depot
        return depot


def loads(runs: Runs) -> list[Load]:
    """In the order in which to write them: packs with pages from all over the file first, so that from then on it
    grows from its beginning and what is finished can be read back while it is still in the cache."""
    by_pack, offset = dict[int, list[tuple[int, int, int]]](), 0
    for run in runs:
        by_pack.setdefault(run.pack, []).append((run.position, offset, run.length))
        offset += run.length
    found = [Load(pack, part) for pack, places in by_pack.items() for part in _parts(pack, sorted(places))]
    found.sort(key=lambda load: (not load.is_scattered and load.pack != HOLE, load.begin))
    ready, ordered = runs.size, []
    for load in reversed(found):
        ordered.append(Load(load.pack, load.places, ready))
        ready = min(ready, load.begin)
    return ordered[::-1]


def _parts(pack: int, places: list[tuple[int, int, int]]) -> Iterator[list[tuple[int, int, int]]]:
    if pack == HOLE or sum(length for _, _, length in places) <= LOAD_BYTES:
        yield places
        return
    part, room = list[tuple[int, int, int]](), LOAD_BYTES
    for position, offset, length in places:
        at = 0
        while at < length:
            count = min(length - at, room)
            part.append((position + at, offset + at, count))
            at, room = at + count, room - count
            if not room:
                yield part
                part, room = [], LOAD_BYTES
    if part:
        yield part


def write_all(out: BinaryIO, piece: memoryview) -> None:
    while piece:
        piece = piece[out.write(piece) :]


class ReadBack:
    """The hash of the file from its beginning on, as far as it is finished. What was never written is zeros, and need
    not be read."""

    def __init__(self, file: BinaryIO, runs: Runs) -> None:
        self._file, self._size = file, runs.size
        self._stretches = _stretches(runs)
        self._digest, self._buffer = blake3.blake3(), memoryview(bytearray(COMPARE_BYTES))
        self._at = self._left = 0
        self._hole = False

    def up_to(self, end: int) -> None:
        while self._at < end:
            if not self._left:
                self._hole, self._left = next(self._stretches)
                self._file.seek(self._at)
            count = min(self._left, end - self._at, COMPARE_BYTES)
            piece = _ZEROS[:count] if self._hole else self._buffer[:count]
            if not self._hole and self._file.readinto(piece) != count:  # type: ignore[attr-defined]
                raise IntegrityError("the restored file is shorter than what was written to it")
            self._digest.update(piece)
            self._at, self._left = self._at + count, self._left - count

    def finish(self) -> str:
        self.up_to(self._size)
        return self._digest.hexdigest()


def _stretches(runs: Runs) -> Iterator[tuple[bool, int]]:
    """Long holes, and what lies between them."""
    length = 0
    for run in runs:
        if run.pack == HOLE and run.length >= COMPARE_BYTES:
            if length:
                yield False, length
            yield True, run.length
            length = 0
        else:
            length += run.length
    if length:
        yield False, length


class Flusher:
    """Has the disk write while the next packs are opened, so that little is left to wait for at the end."""

    def __init__(self, out: BinaryIO) -> None:
        self._out, self._left = out, 0
        self._thread: ThreadPoolExecutor | None = None
        self._going: Future[None] | None = None

    def __enter__(self) -> "Flusher":
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread:
            self._thread.shutdown()

    def wrote(self, count: int) -> None:
        self._left += count
        if self._left >= FLUSH_BYTES and (self._going is None or self._going.done()):
            self.start()

    def start(self) -> None:
        self._left = 0
        self.finish()
        self._thread = self._thread or ThreadPoolExecutor(1, "flush")
        self._going = self._thread.submit(os.fsync, self._out.fileno())

    def finish(self) -> None:
        """All that was started is on the disk."""
        if self._going:
            self._going.result()


def _done(load: Load, written: Future[None]) -> Load:
    written.result()
    return load
