"""From frames of plain bytes to acknowledged packs: compressed and sealed as they come, stored
by threads. Memory is bounded: frames and packs live in buffers that are used again. Decides nothing about what
is stored."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import zstandard

from agent.backup.key import DataKey
from agent.backup.pack import BUFFER_BYTES, DELTA, GROUP_BYTES, RAW, ZSTD, Base, Extent, PackBuilder
from agent.backup.repository import Repository
from agent.backup.state import KnownPack
from protocols.errors import UsageError
from protocols.wire.snapshot import PACKS, PackRef, object_name, split_name

FAST = zstandard.ZstdCompressionParameters(
    window_log=18, hash_log=16, chain_log=6, search_log=1, min_match=7, strategy=zstandard.STRATEGY_FAST
)
"""Of pages of databases: 1 % more bytes than level 3 makes, in three fifths of its time."""
HARD = zstandard.ZstdCompressionParameters(
    window_log=18, hash_log=17, chain_log=17, search_log=2, min_match=6, strategy=zstandard.STRATEGY_LAZY
)
"""Of changed pages: 7 % fewer bytes than FAST makes, in four times its time; level 7 needs more of both."""
DELTA_PARAMETERS = zstandard.ZstdCompressionParameters.from_level(3, window_log=20)
SMALL_BYTES = 24 << 20
"""An increment compresses its first bytes harder: few bytes cost little time, and the line is what limits."""


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


_NONE = bytearray()
Packed = tuple[int, bytes | memoryview]
Level = zstandard.ZstdCompressionParameters


class Compressor:
    """For one thread: a context of zstd that is used from two ends the process."""

    def __init__(self) -> None:
        self._how: Level | None = None
        self._zstd: zstandard.ZstdCompressor | None = None

    def __call__(self, raw: memoryview, under: bytearray, how: Level) -> Packed:
        if under:
            base = zstandard.ZstdCompressionDict(bytes(under), dict_type=zstandard.DICT_TYPE_RAWCONTENT)
            one = zstandard.ZstdCompressor(dict_data=base, compression_params=DELTA_PARAMETERS)
            return DELTA, one.compress(raw)
        packed = self._context(how).compress(raw)
        return (ZSTD, packed) if len(packed) < len(raw) else (RAW, raw)

    def _context(self, how: Level) -> zstandard.ZstdCompressor:
        if self._zstd is None or self._how is not how:
            self._how, self._zstd = how, None  # the old one goes first
            self._zstd = zstandard.ZstdCompressor(compression_params=how)
        return self._zstd


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
        self._uploads = ThreadPoolExecutor(repository.streams, "store")
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
        self._put_away(frame)
        self._free_frames.append(frame.buffer)
        frame.buffer, frame.base = bytearray(), bytearray()

    def submit_whole(self, file: int, offset: int, data: memoryview) -> OpenFrame:
        """A frame of these bytes, which are not looked at any more when it returns."""
        frame = OpenFrame(_NONE, len(data), [Extent(file, offset, len(data))])
        self._put_away(frame, data)
        return frame

    def _put_away(self, frame: OpenFrame, whole: memoryview | None = None) -> None:
        small = self._incremental and self.plain_bytes < SMALL_BYTES and not frame.base
        self.plain_bytes += frame.used
        raw = memoryview(frame.buffer)[: frame.used] if whole is None else whole
        # here and not in a thread of its own: the frame is still in this processor's cache, and two threads that meet
        # at each frame take a tenth more processor time of a till that has something else to do
        self._seal(frame, self._compress(raw, frame.base, HARD if small else FAST))

    def finish(self) -> None:
        """All frames are in acknowledged packs when it returns."""
        self._close_pack()
        while self._storing:
            self._settle()
        self.stop()

    def stop(self) -> None:
        self._uploads.shutdown(cancel_futures=True)

    def _seal(self, frame: OpenFrame, packed: Packed) -> None:
        codec, data = packed
        builder = self._open_pack()
        bases = tuple(self._base(builder, *one) for one in frame.base_runs)
        frame.position = builder.add(codec, data, tuple(frame.extents), depth=frame.depth, bases=bases)
        frame.pack = self._pack
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
        # so that with the next one there are as many as the place takes at once: one more would be two megabytes more
        waiting = max(1, self._repository.streams - 1)
        while len(self._storing) > waiting or (self._storing and self._storing[0][1].done()):
            self._settle()

    def _store(self, data: memoryview) -> PackRef:
        name = object_name(PACKS, data)
        self._repository.put_new(name, data)
        return PackRef(digest=split_name(name)[1], size=len(data))

    def _settle(self) -> None:
        pack, stored, buffer = self._storing.popleft()
        pack.ref = stored.result()
        self._free_packs.append(buffer)
        self._acknowledged(pack)
