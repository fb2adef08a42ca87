"""From frames of plain bytes to acknowledged packs: compressed by a few threads, sealed in order by the caller's,
stored by others. Memory is bounded: frames and packs live in buffers that are used again. Decides nothing about what
is stored."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import local

import zstandard

from agent.backup.key import DataKey
from agent.backup.pack import BUFFER_BYTES, DELTA, GROUP_BYTES, RAW, ZSTD, Base, Extent, PackBuilder, ref_of
from agent.backup.repository import Repository
from agent.backup.state import KnownPack
from protocols.errors import UsageError
from protocols.wire.snapshot import PACKS, PackRef

FAST = zstandard.ZstdCompressionParameters(
    window_log=18, hash_log=17, chain_log=6, search_log=1, min_match=6, strategy=zstandard.STRATEGY_FAST
)
"""Of pages of databases: 1.3 % more bytes than level 3 makes, in five eighths of its time."""
HARD = zstandard.ZstdCompressionParameters.from_level(7, source_size=GROUP_BYTES)
DELTA_PARAMETERS = zstandard.ZstdCompressionParameters.from_level(3, window_log=20)
SMALL_BYTES = 24 << 20
"""An increment compresses its first bytes harder: few bytes cost little time, and the line is what limits."""
WORKERS = 2
IN_FLIGHT = 2
"""Frames for each worker that wait for it."""


@dataclass(slots=True)
class StoredPack:
    """A pack of this run: `id` is the state's number once it is acknowledged."""

    number: int
    ref: PackRef | None = None
    id: int = 0
    plain: int = 0
    bases: tuple[int, ...] = ()


@dataclass(slots=True)
class OpenFrame:
    """Plain bytes that will be one frame. `base` are the bytes that they replace and `base_runs` where those lie, as
    (known pack, position, length); a frame without them stands alone. `pack` and `position` are set when it is
    sealed."""

    buffer: bytearray
    used: int = 0
    extents: list[Extent] = field(default_factory=list)
    base: bytearray = field(default_factory=bytearray)
    base_runs: list[tuple[int, int, int]] = field(default_factory=list)
    depth: int = 0
    pack: StoredPack | None = None
    position: int = 0

    @property
    def room(self) -> int:
        return GROUP_BYTES - self.used

    def stand_on(self, data: bytes, pack: int, position: int, depth: int) -> None:
        """The next bytes replace these, which lie there."""
        self.base += data
        self.depth = max(self.depth, depth + 1)
        last = self.base_runs[-1] if self.base_runs else (0, 0, 0)
        if last[0] == pack and last[1] + last[2] == position:
            self.base_runs[-1] = (pack, last[1], last[2] + len(data))
        else:
            self.base_runs.append((pack, position, len(data)))

    def put(self, file: int, offset: int, data: memoryview | bytes) -> int:
        """Where in the frame the bytes begin."""
        begin, end = self.used, self.used + len(data)
        self.buffer[begin:end] = data
        self.used = end
        last = self.extents[-1] if self.extents else None
        if last and (last.file, last.offset + last.length) == (file, offset):
            self.extents[-1] = Extent(file, last.offset, last.length + len(data))
        else:
            self.extents.append(Extent(file, offset, len(data)))
        return begin


Packed = tuple[int, bytes | memoryview]


class Compressor:
    """One zstd context for each thread: used from two of them it ends the process."""

    def __init__(self) -> None:
        self._mine = local()

    def __call__(self, frame: OpenFrame, how: zstandard.ZstdCompressionParameters) -> Packed:
        raw = memoryview(frame.buffer)[: frame.used]
        if frame.base:
            base = zstandard.ZstdCompressionDict(bytes(frame.base), dict_type=zstandard.DICT_TYPE_RAWCONTENT)
            one = zstandard.ZstdCompressor(dict_data=base, compression_params=DELTA_PARAMETERS)
            return DELTA, one.compress(raw)
        packed = self._context(how).compress(raw)
        return (ZSTD, packed) if len(packed) < len(raw) else (RAW, raw)

    def _context(self, how: zstandard.ZstdCompressionParameters) -> zstandard.ZstdCompressor:
        if getattr(self._mine, "how", None) is not how:
            self._mine.how, self._mine.zstd = how, None  # the old one goes first
            self._mine.zstd = zstandard.ZstdCompressor(compression_params=how)
        context: zstandard.ZstdCompressor = self._mine.zstd
        return context


class PackWriter:
    """`acknowledged` is called by the caller's thread for each pack that the repository has, before anything may count
    on it. To be closed with `finish`, or thrown away with `stop`."""

    def __init__(
        self,
        key: DataKey,
        repository: Repository,
        known: dict[int, KnownPack],
        acknowledged: Callable[[StoredPack], None],
        *,
        incremental: bool,
    ) -> None:
        self._key, self._repository, self._known = key, repository, known
        self._acknowledged = acknowledged
        self._incremental = incremental
        self._compress = Compressor()
        # one is enough for an increment, and each has a context of some megabytes
        workers = 1 if incremental else WORKERS
        self._workers, self._in_flight = ThreadPoolExecutor(workers, "compress"), workers * IN_FLIGHT
        self._uploads = ThreadPoolExecutor(repository.streams, "store")
        self._waiting: deque[tuple[OpenFrame, Future[Packed]]] = deque()
        self._storing: deque[tuple[StoredPack, Future[PackRef], bytearray]] = deque()
        self._free_frames: list[bytearray] = []
        self._free_packs: list[bytearray] = []
        self._builder: PackBuilder | None = None
        self._pack = StoredPack(0)
        self._pack_buffer = bytearray()
        self._numbers, self._frames = 0, 0
        self.plain_bytes = 0

    def frame(self) -> OpenFrame:
        return OpenFrame(self._free_frames.pop() if self._free_frames else bytearray(GROUP_BYTES))

    def submit(self, frame: OpenFrame) -> None:
        """The frame belongs to the writer from here on."""
        if not frame.used:
            raise UsageError("a frame without bytes is none")
        small = self._incremental and self.plain_bytes < SMALL_BYTES and not frame.base
        self.plain_bytes += frame.used
        how = HARD if small else FAST
        self._waiting.append((frame, self._workers.submit(self._compress, frame, how)))
        while len(self._waiting) > self._in_flight:
            self._seal()

    def finish(self) -> None:
        """All frames are in acknowledged packs when it returns."""
        while self._waiting:
            self._seal()
        self._close_pack()
        while self._storing:
            self._settle()
        self._workers.shutdown()
        self._uploads.shutdown()

    def stop(self) -> None:
        self._workers.shutdown(cancel_futures=True)
        self._uploads.shutdown(cancel_futures=True)

    def _seal(self) -> None:
        frame, packed = self._waiting.popleft()
        codec, data = packed.result()
        builder = self._open_pack()
        bases = tuple(self._base(builder, *one) for one in frame.base_runs)
        frame.position = builder.add(codec, data, tuple(frame.extents), depth=frame.depth, bases=bases)
        frame.pack = self._pack
        self._free_frames.append(frame.buffer)
        frame.buffer, frame.base = bytearray(), bytearray()
        if builder.is_full:
            self._close_pack()

    def _base(self, builder: PackBuilder, pack: int, position: int, length: int) -> Base:
        if pack not in self._pack.bases:
            self._pack.bases = (*self._pack.bases, pack)
        return Base(builder.base(self._known[pack].ref), position, length)

    def _open_pack(self) -> PackBuilder:
        if self._builder is None:
            self._pack_buffer = self._free_packs.pop() if self._free_packs else bytearray(BUFFER_BYTES)
            self._pack = StoredPack(self._numbers)
            self._builder = PackBuilder(self._key, self._numbers, self._frames, self._pack_buffer)
        return self._builder

    def _close_pack(self) -> None:
        builder = self._builder
        if builder is None:
            return
        data = builder.finish()
        self._pack.plain = builder.plain_bytes
        self._numbers, self._frames = self._numbers + 1, builder.next_frame
        self._builder = None
        self._storing.append((self._pack, self._uploads.submit(self._store, data), self._pack_buffer))
        while len(self._storing) > self._repository.streams or (self._storing and self._storing[0][1].done()):
            self._settle()

    def _store(self, data: memoryview) -> PackRef:
        ref = ref_of(data)
        self._repository.put_new(f"{PACKS}/{ref.digest}", data)
        return ref

    def _settle(self) -> None:
        pack, stored, buffer = self._storing.popleft()
        pack.ref = stored.result()
        self._free_packs.append(buffer)
        self._acknowledged(pack)
