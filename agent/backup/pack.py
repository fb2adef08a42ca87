"""Packs: frames of a file, compressed, encrypted, with their own directory and key slots, so that a pack can
be read with the recovery key and nothing else. Layout: docs/backup-format.md. Stores nothing; knows no
engine."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.backup.key import DataKey, RecoverySecret, open_data_key
from protocols.errors import IntegrityError, UsageError
from protocols.wire.snapshot import OBJECT_BYTES, PACK_MAGIC, VERSION, KeySlot, Name

GROUP_BYTES = 256 << 10
PACK_BYTES = 6 << 20
"""A pack is closed when it has reached this size; with one more frame it still is a legal object."""
LEVEL = 3

RAW, ZSTD = 0, 1
FRAME, DIRECTORY, BODY = 1, 2, 3
TAG_BYTES = 16

_HEAD = struct.Struct(">6sHI")
_ENTRY = struct.Struct(">BIIIQ")
_FOOT = struct.Struct(">II6sH")
_FOOT_MAGIC = b"PLBEND"


@dataclass(frozen=True, slots=True)
class Frame:
    """`raw` plain bytes of file number `file` from `offset` on, kept in `stored` bytes."""

    codec: int
    stored: int
    raw: int
    file: int
    offset: int

    def entry(self) -> bytes:
        return _ENTRY.pack(self.codec, self.stored, self.raw, self.file, self.offset)


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
    return b"plomba " + use + b" 1\0" + key.terminal.encode() + b"\0" + key.run


class Compressor:
    """For one thread: a compressor used from two of them ends the process."""

    def __init__(self, level: int = LEVEL) -> None:
        self._zstd = zstandard.ZstdCompressor(level=level, write_checksum=False, write_content_size=True)

    def compress(self, raw: memoryview) -> tuple[int, bytes]:
        packed = self._zstd.compress(raw)
        return (ZSTD, packed) if len(packed) < len(raw) else (RAW, bytes(raw))


class PackBuilder:
    """Collects frames of one run, pack after pack, in one buffer that is used again. For one thread."""

    def __init__(self, key: DataKey, compressor: Compressor) -> None:
        self._key = key
        self._cipher = AESGCM(key.key)
        self._compressor = compressor
        self._buffer = bytearray(OBJECT_BYTES)
        self._number, self._next_frame = 0, 0
        self._begin()

    @property
    def number(self) -> int:
        return self._number

    @property
    def frames(self) -> Sequence[Frame]:
        return self._frames

    @property
    def is_full(self) -> bool:
        return self._used >= PACK_BYTES

    def add(self, file: int, offset: int, raw: memoryview) -> None:
        if self.is_full or not 0 < len(raw) <= GROUP_BYTES:
            raise UsageError("a full pack takes no frame, and no frame is empty or larger than a group")
        codec, packed = self._compressor.compress(raw)
        frame = Frame(codec, len(packed) + TAG_BYTES, len(raw), file, offset)
        self._seal(FRAME, self._next_frame, packed, context(self._key, b"frame") + frame.entry())
        self._frames.append(frame)
        self._next_frame += 1

    def finish(self) -> bytes:
        """The pack's bytes; the builder then stands at the next pack."""
        directory = b"".join(frame.entry() for frame in self._frames)
        head = bytes(self._buffer[: self._head_bytes])
        self._seal(DIRECTORY, self._number, directory, context(self._key, b"directory") + head)
        foot = _FOOT.pack(len(directory) + TAG_BYTES, len(self._frames), _FOOT_MAGIC, VERSION)
        end = self._used + len(foot)
        self._buffer[self._used : end] = foot
        data = bytes(memoryview(self._buffer)[:end])
        self._number += 1
        self._begin()
        return data

    def _begin(self) -> None:
        header = PackHeader(
            terminal=self._key.terminal,
            run=self._key.run.hex(),
            number=self._number,
            first_frame=self._next_frame,
            keys=self._key.slots,
        )
        text = header.model_dump_json().encode()
        head = _HEAD.pack(PACK_MAGIC, VERSION, len(text)) + text
        self._buffer[: len(head)] = head
        self._head_bytes = self._used = len(head)
        self._frames: list[Frame] = []

    def _seal(self, use: int, number: int, plain: bytes, associated: bytes) -> None:
        room = memoryview(self._buffer)[self._used : self._used + len(plain) + TAG_BYTES]
        # into the reused buffer: encrypt() would hold the GIL while it allocates
        self._used += self._cipher.encrypt_into(nonce(use, number), plain, associated, room)


class PackReader:
    """A pack whose directory has been opened; every frame is checked when it is read. IntegrityError for
    anything that is not exactly what was sealed."""

    def __init__(self, data: bytes, secret: RecoverySecret) -> None:
        self._data = memoryview(data)
        head_bytes, self.header = _read_header(data)
        directory_at, count = self._read_foot(head_bytes)
        key = open_data_key(secret, self.header.terminal, bytes.fromhex(self.header.run), self.header.keys)
        self._key = key
        self._cipher = AESGCM(key.key)
        self._zstd = zstandard.ZstdDecompressor()
        directory = self._open(
            DIRECTORY,
            self.header.number,
            self._data[directory_at : -_FOOT.size],
            context(key, b"directory") + data[:head_bytes],
        )
        self.frames = _read_directory(directory, count)
        self._starts = _starts(self.frames, head_bytes, directory_at)

    def read(self, index: int) -> bytes:
        if not 0 <= index < len(self.frames):
            raise IntegrityError(f"the pack has no frame {index}")
        frame, start = self.frames[index], self._starts[index]
        packed = self._open(
            FRAME,
            self.header.first_frame + index,
            self._data[start : start + frame.stored],
            context(self._key, b"frame") + frame.entry(),
        )
        return self._expand(frame, packed)

    def _expand(self, frame: Frame, packed: bytes) -> bytes:
        if frame.codec == RAW:
            raw = packed
        elif frame.codec == ZSTD:
            try:
                raw = self._zstd.decompress(packed, max_output_size=frame.raw, allow_extra_data=False)
            except zstandard.ZstdError as e:
                raise IntegrityError("a frame cannot be expanded") from e
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
        if magic != _FOOT_MAGIC or version != VERSION or directory_at < head_bytes:
            raise IntegrityError("the end of the pack is damaged")
        if length != count * _ENTRY.size + TAG_BYTES:
            raise IntegrityError("the pack's directory has a wrong length")
        return directory_at, count

    def _open(self, use: int, number: int, sealed: memoryview, associated: bytes) -> bytes:
        plain = bytearray(max(0, len(sealed) - TAG_BYTES))
        try:
            self._cipher.decrypt_into(nonce(use, number), sealed, associated, plain)
        except (InvalidTag, ValueError) as e:
            raise IntegrityError("the pack is damaged: its bytes fail their authentication") from e
        return bytes(plain)


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


def _read_directory(directory: bytes, count: int) -> tuple[Frame, ...]:
    frames = tuple(Frame(*entry) for entry in _ENTRY.iter_unpack(directory))
    if len(frames) != count or any(frame.raw > GROUP_BYTES or frame.stored < TAG_BYTES for frame in frames):
        raise IntegrityError("the pack's directory states impossible frames")
    return frames


def _starts(frames: Sequence[Frame], begin: int, end: int) -> tuple[int, ...]:
    starts = []
    for frame in frames:
        starts.append(begin)
        begin += frame.stored
    if begin != end:
        raise IntegrityError("the pack's frames do not fill it")
    return tuple(starts)
