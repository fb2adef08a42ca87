"""Packs: frames of files, compressed, encrypted, with their own directory and key slots, so that a pack can be read
with the recovery key, and tells where its bytes belong. Layout: docs/backup-format.md. Stores nothing; knows no
engine."""

import struct
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.backup.key import DataKey, KeyRing
from agent.backup.layout import Cursor, fold, put
from protocols.errors import IntegrityError, UsageError
from protocols.wire.snapshot import OBJECT_BYTES, PACK_MAGIC, VERSION, KeySlot, PackRef
from protocols.wire.source_name import Name

GROUP_BYTES = 256 << 10
PACK_BYTES = 6 << 18
"""A pack is closed when it has reached this size. Several are in memory at once, and a till has little."""
BUFFER_BYTES = 2 << 20
"""Room for a pack that is nearly full, its last frame and its directory."""
PLAIN_BYTES = 1 << 30
"""So much may a pack hold, however well it compresses."""
PLACES = 20_000
"""So many extents and bases may its directory list, so that it has room in the buffer."""
DIRECTORY_BYTES = 64 << 20
DEPTH = 7
"""So many frames, one based on the other, at most."""

RAW, ZSTD, DELTA = 0, 1, 2
FRAME, DIRECTORY, BODY = 1, 2, 3
TAG_BYTES = 16

_HEAD = struct.Struct(">6sHI")
_FOOT = struct.Struct(">II6sH")
_FOOT_MAGIC = b"PLBEND"


@dataclass(frozen=True, slots=True)
class Extent:
    """`length` bytes of part number `file` from `offset` on."""

    file: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Base:
    """`length` plain bytes of pack number `pack` of the directory's list, from `position` on."""

    pack: int
    position: int
    length: int


@dataclass(frozen=True, slots=True)
class Frame:
    """`raw` plain bytes in `stored` bytes. The extents follow each other in the plain bytes; so do the bases in the
    dictionary of a DELTA frame, which stands on `depth` others."""

    codec: int
    stored: int
    raw: int
    extents: tuple[Extent, ...]
    depth: int = 0
    bases: tuple[Base, ...] = ()


class PackHeader(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    terminal: Name
    run: str = Field(pattern=r"^[0-9a-f]{32}$")
    number: int = Field(ge=0)
    first_frame: int = Field(ge=0)
    keys: tuple[KeySlot, ...]


def nonce(use: int, number: int) -> bytes:
    """Never the same twice under one data key: each use has its own counter, and a key serves one run
    only."""
    return struct.pack(">IQ", use, number)


def context(key: DataKey, use: bytes) -> bytes:
    return b"plomba " + use + b" 2\0" + key.terminal.encode() + b"\0" + key.run


def about_frame(key: DataKey, codec: int, raw: int) -> bytes:
    return context(key, b"frame") + struct.pack(">BI", codec, raw)


class PackBuilder:
    """Collects the frames of one pack in a buffer of BUFFER_BYTES that the caller uses again. For one thread."""

    def __init__(self, key: DataKey, number: int, first_frame: int, buffer: bytearray) -> None:
        self._key, self._cipher = key, AESGCM(key.key)
        self._number, self._first_frame = number, first_frame
        self._buffer = memoryview(buffer)
        header = PackHeader(
            terminal=key.terminal,
            run=key.run.hex(),
            number=number,
            first_frame=first_frame,
            keys=key.slots,
        )
        text = header.model_dump_json().encode()
        head = _HEAD.pack(PACK_MAGIC, VERSION, len(text)) + text
        self._buffer[: len(head)] = head
        self._head_bytes = self._used = len(head)
        self._frames: list[Frame] = []
        self._bases: list[PackRef] = []
        self._base_numbers: dict[str, int] = {}
        self.plain_bytes = self._places = 0

    @property
    def frames(self) -> Sequence[Frame]:
        return self._frames

    @property
    def next_frame(self) -> int:
        return self._first_frame + len(self._frames)

    @property
    def is_full(self) -> bool:
        return self._used >= PACK_BYTES or self.plain_bytes >= PLAIN_BYTES or self._places >= PLACES

    def base(self, ref: PackRef) -> int:
        """The number of another pack in this directory's list."""
        if ref.digest not in self._base_numbers:
            self._base_numbers[ref.digest] = len(self._bases)
            self._bases.append(ref)
        return self._base_numbers[ref.digest]

    def add(
        self,
        codec: int,
        packed: bytes | memoryview,
        extents: tuple[Extent, ...],
        *,
        depth: int = 0,
        bases: tuple[Base, ...] = (),
    ) -> int:
        """The position of the frame's first plain byte among all plain bytes of the pack."""
        raw = sum(extent.length for extent in extents)
        if self.is_full or not 0 < raw <= GROUP_BYTES or depth > DEPTH:
            raise UsageError("a full pack takes no frame, and no frame is empty, too large or too deep")
        frame = Frame(codec, len(packed) + TAG_BYTES, raw, extents, depth, bases)
        self._seal(FRAME, self.next_frame, packed, about_frame(self._key, codec, raw))
        self._frames.append(frame)
        self._places += len(extents) + len(bases)
        position = self.plain_bytes
        self.plain_bytes += raw
        return position

    def finish(self) -> memoryview:
        """The pack's bytes, in the buffer that was handed in."""
        directory = zstandard.compress(_directory(self._frames, self._bases), 9)
        head = bytes(self._buffer[: self._head_bytes])
        self._seal(DIRECTORY, self._number, directory, context(self._key, b"directory") + head)
        foot = _FOOT.pack(len(directory) + TAG_BYTES, len(self._frames), _FOOT_MAGIC, VERSION)
        end = self._used + len(foot)
        self._buffer[self._used : end] = foot
        return self._buffer[:end]

    def _seal(self, use: int, number: int, plain: bytes | memoryview, associated: bytes) -> None:
        room = self._buffer[self._used : self._used + len(plain) + TAG_BYTES]
        # into the reused buffer: encrypt() would hold the GIL while it allocates
        self._used += self._cipher.encrypt_into(nonce(use, number), plain, associated, room)


def _directory(frames: Sequence[Frame], bases: Sequence[PackRef]) -> bytes:
    out = bytearray()
    put(out, len(bases))
    for ref in bases:
        out += bytes.fromhex(ref.digest)
        put(out, ref.size)
    for frame in frames:
        put(out, frame.codec, frame.stored, frame.raw, frame.depth, len(frame.extents), len(frame.bases))
        end = 0
        for extent in frame.extents:
            put(out, extent.file, fold(extent.offset - end), extent.length)
            end = extent.offset + extent.length
        end = 0
        for base in frame.bases:
            put(out, base.pack, fold(base.position - end), base.length)
            end = base.position + base.length
    return bytes(out)


class PackReader:
    """A pack whose directory has been opened; every frame is checked when it is read. IntegrityError for anything that
    is not exactly what was sealed. For one thread."""

    def __init__(self, data: bytes, keys: KeyRing) -> None:
        self._data = memoryview(data)
        head_bytes, self.header = _read_header(data)
        directory_at, count = self._read_foot(head_bytes)
        key = keys.open(self.header.terminal, bytes.fromhex(self.header.run), self.header.keys)
        self._key = key
        self._cipher, self._expander = AESGCM(key.key), zstandard.ZstdDecompressor()
        packed = self._open(
            DIRECTORY,
            self.header.number,
            self._data[directory_at : -_FOOT.size],
            context(key, b"directory") + data[:head_bytes],
        )
        directory = _expand(self._expander, packed, DIRECTORY_BYTES)
        self.frames, self.bases = _read_directory(directory, count)
        self._starts = _starts(self.frames, head_bytes, directory_at)
        self.positions, self.plain_bytes = _positions(self.frames)

    def index_of(self, position: int) -> int:
        """The frame that holds this plain byte."""
        if not 0 <= position < self.plain_bytes:
            raise IntegrityError("a snapshot asks for more than a pack holds")
        return bisect_right(self.positions, position) - 1

    def read(self, index: int, dictionary: bytes = b"") -> bytes:
        """A frame's plain bytes. `dictionary` are the plain bytes of the frame's bases."""
        frame, start = self.frames[index], self._starts[index]
        packed = self._open(
            FRAME,
            self.header.first_frame + index,
            self._data[start : start + frame.stored],
            about_frame(self._key, frame.codec, frame.raw),
        )
        if frame.codec == RAW:
            raw = bytes(packed)
        elif frame.codec == ZSTD:
            raw = _expand(self._expander, packed, frame.raw)
        elif frame.codec == DELTA:
            raw = _expand(_standing_on(dictionary), packed, frame.raw)
        else:
            raise IntegrityError(
                f"frame codec {frame.codec} is not known to this version", code="backup.format"
            )
        if len(raw) != frame.raw:
            raise IntegrityError("a frame has not the length that its directory states")
        return raw

    def _read_foot(self, head_bytes: int) -> tuple[int, int]:
        if len(self._data) < head_bytes + TAG_BYTES + _FOOT.size:
            raise IntegrityError("the pack is cut short")
        length, count, magic, version = _FOOT.unpack(self._data[-_FOOT.size :])
        directory_at = len(self._data) - _FOOT.size - length
        if magic != _FOOT_MAGIC or version != VERSION or directory_at < head_bytes or length < TAG_BYTES:
            raise IntegrityError("the end of the pack is damaged")
        return directory_at, count

    def _open(self, use: int, number: int, sealed: memoryview, associated: bytes) -> bytearray:
        plain = bytearray(max(0, len(sealed) - TAG_BYTES))
        try:
            self._cipher.decrypt_into(nonce(use, number), sealed, associated, plain)
        except (InvalidTag, ValueError) as e:
            raise IntegrityError("the pack is damaged: its bytes fail their authentication") from e
        return plain


def _standing_on(dictionary: bytes) -> zstandard.ZstdDecompressor:
    base = zstandard.ZstdCompressionDict(dictionary, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    return zstandard.ZstdDecompressor(dict_data=base)


def _expand(by: zstandard.ZstdDecompressor, packed: bytearray, most: int) -> bytes:
    try:
        return by.decompress(packed, max_output_size=most, allow_extra_data=False)
    except zstandard.ZstdError as e:
        raise IntegrityError("a frame cannot be expanded") from e


def _read_header(data: bytes) -> tuple[int, PackHeader]:
    if len(data) < _HEAD.size:
        raise IntegrityError("the pack is cut short")
    magic, version, length = _HEAD.unpack_from(data)
    if magic != PACK_MAGIC:
        raise IntegrityError("this object is not a pack")
    if version != VERSION:
        raise IntegrityError(f"pack format {version} is not known to this version", code="backup.format")
    try:
        return _HEAD.size + length, PackHeader.model_validate_json(data[_HEAD.size : _HEAD.size + length])
    except ValidationError as e:
        raise IntegrityError("the pack header is damaged") from e


def _read_directory(directory: bytes, count: int) -> tuple[tuple[Frame, ...], tuple[PackRef, ...]]:
    cursor = Cursor(directory)
    bases = tuple(_base(cursor.raw(32), cursor.take()) for _ in range(cursor.count(33)))
    if count * 6 > len(directory):
        raise IntegrityError("the pack's directory is cut short")
    frames = tuple(_frame(cursor, len(bases)) for _ in range(count))
    cursor.end()
    return frames, bases


def _base(digest: bytes, size: int) -> PackRef:
    if not 1 <= size <= OBJECT_BYTES:
        raise IntegrityError("the pack's directory names an impossible pack")
    return PackRef(digest=digest.hex(), size=size)


def _frame(cursor: Cursor, packs: int) -> Frame:
    codec, stored, raw, depth = cursor.take(), cursor.take(), cursor.take(), cursor.take()
    extents, bases = cursor.count(3), cursor.count(3)
    frame = Frame(codec, stored, raw, tuple(_extents(cursor, extents)), depth, tuple(_bases(cursor, bases)))
    if (
        stored < TAG_BYTES
        or raw > GROUP_BYTES
        or depth > DEPTH
        or (codec == DELTA) != bool(frame.bases)
        or sum(extent.length for extent in frame.extents) != raw
        or sum(base.length for base in frame.bases) > GROUP_BYTES
        or any(base.pack >= packs for base in frame.bases)
    ):
        raise IntegrityError("the pack's directory states impossible frames")
    return frame


def _extents(cursor: Cursor, count: int) -> list[Extent]:
    found, end = [], 0
    for _ in range(count):
        file, offset, length = cursor.take(), end + cursor.signed(), cursor.take()
        found.append(Extent(file, offset, length))
        end = offset + length
    return found


def _bases(cursor: Cursor, count: int) -> list[Base]:
    found, end = [], 0
    for _ in range(count):
        pack, position, length = cursor.take(), end + cursor.signed(), cursor.take()
        found.append(Base(pack, position, length))
        end = position + length
    return found


def _starts(frames: Sequence[Frame], begin: int, end: int) -> tuple[int, ...]:
    starts = []
    for frame in frames:
        starts.append(begin)
        begin += frame.stored
    if begin != end:
        raise IntegrityError("the pack's frames do not fill it")
    return tuple(starts)


def _positions(frames: Sequence[Frame]) -> tuple[tuple[int, ...], int]:
    positions, at = [], 0
    for frame in frames:
        positions.append(at)
        at += frame.raw
    return tuple(positions), at
