"""What of a part is new since the last snapshot: pages that changed in place, or chunks that were not there. Everything
else is found where it lies. Knows the state and the writer; no engine, no key."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

import blake3
import pyfastcdc
from pyfastcdc.cy import FastCDC

from agent.backup.engines import Cut, Part, Reader
from agent.backup.last_copy import LastCopy
from agent.backup.manifest import HOLE, Run, Runs
from agent.backup.pack import GROUP_BYTES
from agent.backup.page_group import KNOWN, ZEROS, Before, Stand, Under
from agent.backup.state import GroupRecord, KnownPack, Piece, State
from agent.backup.writer import OpenFrame, PackWriter, StoredPack

CHUNK_BYTES = 64 << 10
"""Aimed at; a quarter of it at least, four times of it at most."""
_ZEROS = bytes(GROUP_BYTES)


@dataclass(slots=True)
class Placed:
    """Bytes that lie, or will lie, somewhere: in a known pack, in a hole, or in a frame that is not sealed yet."""

    length: int
    pack: int = HOLE
    position: int = 0
    depth: int = 0
    frame: OpenFrame | None = None

    def settled(self) -> bool:
        if self.frame is None:
            return True
        if self.frame.pack is None or not self.frame.pack.id:
            return False
        self.pack, self.position = self.frame.pack.id, self.frame.position + self.position
        self.depth = self.frame.depth
        self.frame = None
        return True


@dataclass(slots=True)
class CutFile:
    """A part on its way. `runs` grow as packs are acknowledged, and are whole after the writer's `finish`."""

    part: Part
    number: int
    size: int = 0
    blake3: str = ""
    groups: int = 0
    runs: Runs = field(default_factory=Runs)

    @property
    def group_name(self) -> str:
        """With the size of its pages: what is known of pages of another size is of no use."""
        return f"{self.part.page_bytes} {self.part.name}"


@dataclass(slots=True)
class _Pending:
    """One group or chunk whose places are not all known yet."""

    file: CutFile
    places: list[Placed]
    keep: Callable[[list[Placed]], None] | None


class Cutter:
    """Cuts the parts of one run. For one thread. Only `usable` packs are leant on: bytes in others are stored anew."""

    def __init__(
        self,
        state: State,
        usable: set[int],
        copies: LastCopy | None,
        between: Callable[[int], None],
    ) -> None:
        self._state, self._copies = state, copies
        self.usable = usable | {HOLE}
        self._between = between
        self._pending: deque[_Pending] = deque()
        self._frame: OpenFrame | None = None
        self._delta: OpenFrame | None = None
        self._fresh_chunks: dict[bytes, Placed] = {}
        self._chunker = _chunker()
        self._zero_pages: dict[int, bytes] = {}
        self.writer: PackWriter | None = None

    def cut(self, part: Part, number: int) -> CutFile:
        file = CutFile(part, number)
        with part.open() as reader:
            digest = self._pages(file, reader) if part.cut is Cut.PAGES else self._chunks(file, reader)
        file.blake3 = digest
        return file

    def flush(self) -> None:
        """No more parts: what is collected becomes frames."""
        for frame in (self._frame, self._delta):
            if frame and frame.used:
                self._writer.submit(frame)
        self._frame = self._delta = None

    def acknowledged(self, pack: StoredPack) -> None:
        """For the writer: the pack is safe, and what lies in it may be remembered."""
        assert pack.ref  # noqa: S101 - the writer sets it first
        with self._state.at_once():
            pack.id = self._state.add_pack(pack.ref, pack.plain, pack.bases)
            self.usable.add(pack.id)
            self.settle()

    def settle(self) -> None:
        while self._pending and _settled(self._pending[0].places):
            done = self._pending.popleft()
            for place in done.places:
                done.file.runs.append(Run(place.pack, place.position, place.length))
            if done.keep:
                done.keep(done.places)

    @property
    def _writer(self) -> PackWriter:
        assert self.writer  # noqa: S101 - set right after both are made
        return self.writer

    # pages

    def _pages(self, file: CutFile, reader: Reader) -> str:
        digest = blake3.blake3()
        buffer = bytearray(GROUP_BYTES)
        copy = self._copies.open(file.part.name) if self._copies else None
        try:
            while count := _fill(reader, buffer):
                group = memoryview(buffer)[:count]
                digest.update(group)
                if buffer == _ZEROS and count == GROUP_BYTES and not copy:
                    self._same(file, [Placed(count)])
                else:
                    self._group(file, group, copy)
                file.size += count
                file.groups += 1
                self._between(count)
            if copy:
                copy.truncate(file.size)
        finally:
            if copy:
                copy.close()
        return digest.hexdigest()

    def _group(self, file: CutFile, group: memoryview, copy: "LastCopy.File | None") -> None:
        page, number, name = file.part.page_bytes, file.groups, file.group_name
        whole = self._state.hash(group)
        old = self._state.group(name, number)
        if old and old.hash == whole and all(one.pack in self.usable for one in old.pieces):
            self._same(file, _places(old.pieces, page, len(group)))
            return
        hashes = self._state.page_hashes(group, page)
        places = self._changed(file, group, hashes, Before(old, page, self.usable, copy))
        record = GroupRecord(whole, b"".join(hashes), ())
        self._pending.append(
            _Pending(file, places, partial(_keep, self._state, (name, number), record, page))
        )
        self._flush_known()

    def _same(self, file: CutFile, places: list[Placed]) -> None:
        """Nothing new: what has not changed for gigabytes is one place in memory."""
        last = self._pending[-1] if self._pending else None
        if last is None or last.file is not file or last.keep is not None:
            self._pending.append(_Pending(file, places, None))
            return
        for place in places:
            _append(last.places, place)

    def _flush_known(self) -> None:
        """What waits for nothing is put away in batches, so that a file that has not changed keeps nothing in
        memory."""
        if len(self._pending) >= 64 and all(place.frame is None for place in self._pending[0].places):
            with self._state.at_once():
                self.settle()

    def _changed(self, file: CutFile, group: memoryview, hashes: list[bytes], before: Before) -> list[Placed]:
        page, begin, places = file.part.page_bytes, file.size, list[Placed]()
        base = before.base(begin, len(group))
        for kind, at, end in before.stretches(hashes, self._zero(page)):
            data = group[at * page : end * page]
            if kind == ZEROS:
                _append(places, Placed(len(data)))
            elif kind == KNOWN:
                for place in _places(before.places(at, end), page, len(data)):
                    _append(places, place)
            else:
                self._new(file, begin + at * page, data, places, Stand(before, base, at, self._state.hash))
        before.replace(begin, group)
        return places

    def _new(self, file: CutFile, offset: int, data: memoryview, places: list[Placed], stand: Stand) -> None:
        """Pages that were not there: as many at once as the frame has room for, or one by one where each may stand on
        what it replaces."""
        page, at = file.part.page_bytes, 0
        if len(data) == GROUP_BYTES and not stand.some:
            places.append(Placed(len(data), frame=self._writer.submit_whole(file.number, offset, data)))
            return
        while at < len(data):
            under = stand.under(at // page)
            if under:
                size = page
                place = self._put_delta(file, offset + at, data[at : at + size], under)
            else:
                frame = self._room(page)
                size = page if stand.some else min(frame.room // page * page, len(data) - at)
                size = min(size, len(data) - at)
                begin = frame.put(file.number, offset + at, data[at : at + size])
                place = Placed(size, position=begin, frame=frame)
            _append(places, place)
            at += size

    def _room(self, least: int) -> OpenFrame:
        """The frame that is being filled, or the next one."""
        if self._frame is None or self._frame.room < least:
            if self._frame:
                self._writer.submit(self._frame)
            self._frame = self._writer.frame()
        return self._frame

    def _put_delta(self, file: CutFile, offset: int, data: memoryview, under: Under) -> Placed:
        if self._delta is None or self._delta.room < len(data):
            if self._delta:
                self._writer.submit(self._delta)
            self._delta = self._writer.frame()
        frame = self._delta
        frame.stand_on(under.data, under.pack, under.position, under.depth)
        return Placed(len(data), position=frame.put(file.number, offset, data), frame=frame)

    def _zero(self, page: int) -> bytes:
        if page not in self._zero_pages:
            self._zero_pages[page] = self._state.hash(_ZEROS[:page])
        return self._zero_pages[page]

    # chunks

    def _chunks(self, file: CutFile, reader: Reader) -> str:
        digest = blake3.blake3()
        for chunk in self._chunker.cut_stream(reader):
            data = chunk.data
            digest.update(data)
            place = self._chunk(file, data)
            file.size += len(data)
            if place[1] is None and place[0].frame is None:
                self._same(file, [place[0]])
            else:
                self._pending.append(_Pending(file, [place[0]], place[1]))
                self._flush_known()
            self._between(len(data))
        return digest.hexdigest()

    def _chunk(self, file: CutFile, data: memoryview) -> tuple[Placed, Callable[[list[Placed]], None] | None]:
        digest = self._state.hash(data)
        fresh = self._fresh_chunks.get(digest)
        if fresh:
            return Placed(len(data), fresh.pack, fresh.position, fresh.depth, fresh.frame), None
        known = self._state.chunk(digest)
        if known and known[2] == len(data) and known[0] in self.usable:
            return Placed(len(data), known[0], known[1]), None
        frame = self._room(len(data))
        place = Placed(len(data), position=frame.put(file.number, file.size, data), frame=frame)
        self._fresh_chunks[digest] = Placed(len(data), position=place.position, frame=place.frame)
        length = len(data)

        def keep(places: list[Placed]) -> None:
            self._fresh_chunks.pop(digest, None)
            self._state.keep_chunk(digest, places[0].pack, places[0].position, length)

        return place, keep


def _settled(places: list[Placed]) -> bool:
    waiting = [place for place in places if not place.settled()]
    return not waiting


def _keep(state: State, group: tuple[str, int], record: GroupRecord, page: int, places: list[Placed]) -> None:
    pieces = tuple(Piece(one.pack, one.position, -(-one.length // page), one.depth) for one in places)
    state.keep_group(*group, GroupRecord(record.hash, record.pages, pieces))


def _places(pieces: Iterable[Piece], page: int, length: int) -> list[Placed]:
    places = []
    for one in pieces:
        size = min(one.pages * page, length)
        places.append(Placed(size, one.pack, one.position, one.depth))
        length -= size
    return places


def _append(places: list[Placed], place: Placed) -> None:
    """Places that follow each other are one."""
    last = places[-1] if places else None
    if last and last.frame is place.frame and last.pack == place.pack and last.depth == place.depth:
        hole = place.frame is None and place.pack == HOLE
        if hole or last.position + last.length == place.position:
            last.length += place.length
            return
    places.append(place)


def _fill(reader: Reader, buffer: bytearray) -> int:
    """As many bytes as fit or are left: a pipe gives them in pieces."""
    view, used = memoryview(buffer), 0
    while used < len(buffer) and (count := reader.readinto(view[used:])):
        used += count
    return used


def _chunker() -> FastCDC:
    """The compiled build: the one in Python is a hundred times slower, and would be taken silently."""
    if pyfastcdc.FastCDC is not FastCDC:
        raise ImportError("pyfastcdc is not the compiled build")
    return FastCDC(CHUNK_BYTES, min_size=CHUNK_BYTES // 4, max_size=CHUNK_BYTES * 4, normalized_chunking=1)


def packs_of(runs: Iterator[Runs]) -> dict[int, int]:
    """The bytes that each pack gives to a snapshot."""
    live: dict[int, int] = {}
    for one in runs:
        for run in one:
            if run.pack != HOLE:
                live[run.pack] = live.get(run.pack, 0) + run.length
    return live


def closure(used: dict[int, int], packs: dict[int, KnownPack]) -> dict[int, int]:
    """With the packs that others stand on, which give no byte of their own."""
    found = dict(used)
    waiting = list(used)
    while waiting:
        for base in packs[waiting.pop()].bases:
            if base not in found:
                found[base] = 0
                waiting.append(base)
    return found
