"""The encrypted body of a snapshot: which bytes of which pack make up which file, and the facts to compare. The clear
header around it is `protocols.wire.snapshot`."""

import math
import struct
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, NamedTuple

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.backup.key import DataKey
from agent.backup.layout import Cursor, fold, put, put_all
from agent.backup.pack import BODY, context, nonce
from protocols.errors import IntegrityError
from protocols.wire.snapshot import Digest

BODY_LIMIT = 256 << 20
HOLE = 0
"""Instead of a pack: zeros, which are not stored."""

_LENGTH = struct.Struct(">I")
Count = Annotated[int, Field(ge=0)]


class Run(NamedTuple):
    """The next `length` bytes of the file are the plain bytes of pack number `pack` from `position` on. Packs count
    from 1 in the header's list; 0 is HOLE."""

    pack: int
    position: int
    length: int


class Runs:
    """The runs of one file in its order, which cover it. Kept in few bytes: there may be millions."""

    def __init__(self, runs: Sequence[Run] = ()) -> None:
        self._packs, self._positions, self._lengths = array("I"), array("Q"), array("Q")
        self.size = 0
        for run in runs:
            self.append(run)

    def __len__(self) -> int:
        return len(self._packs)

    def __iter__(self) -> Iterator[Run]:
        return map(Run, self._packs, self._positions, self._lengths)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Runs) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment] # grows

    def append(self, run: Run) -> None:
        """A run that goes on where the last one ended becomes part of it."""
        self.size += run.length
        if (self._packs and self._packs[-1] == run.pack) and (
            run.pack == HOLE or self._positions[-1] + self._lengths[-1] == run.position
        ):
            self._lengths[-1] += run.length
            return
        self._packs.append(run.pack)
        self._positions.append(0 if run.pack == HOLE else run.position)
        self._lengths.append(run.length)

    def renumbered(self, numbers: Mapping[int, int]) -> "Runs":
        changed = Runs()
        changed._packs = array("I", (numbers[pack] if pack else HOLE for pack in self._packs))
        changed._positions, changed._lengths, changed.size = self._positions, self._lengths, self.size
        return changed

    def encode(self) -> bytes:
        """Three columns, so that they compress: packs, steps from where the last run in the same pack ended, lengths;
        the latter two in units."""
        unit = math.gcd(*self._positions, *self._lengths[:-1]) or 1
        out, ends = bytearray(), dict[int, int]()
        put(out, unit, len(self), self.size)
        put_all(out, self._packs)
        for pack, position, length in self:
            if pack != HOLE:
                put(out, fold((position - ends.get(pack, 0)) // unit))
                ends[pack] = position + math.ceil(length / unit) * unit
        put_all(out, (math.ceil(length / unit) for length in self._lengths))
        return bytes(out)

    @classmethod
    def decode(cls, data: bytes | memoryview, packs: int) -> "Runs":
        """IntegrityError unless they are runs that make a file from so many packs."""
        cursor = Cursor(data)
        unit, count, size = cursor.take(), cursor.count(2), cursor.take()
        runs, ends = cls(), dict[int, int]()
        runs._packs = array("I", (_small(cursor.take()) for _ in range(count)))
        if unit == 0 or any(pack > packs for pack in runs._packs):
            raise IntegrityError("the snapshot's map names a pack that it does not have")
        steps = [cursor.signed() if pack else 0 for pack in runs._packs]
        lengths = [cursor.take() for _ in range(count)]
        cursor.end()
        left = size
        for pack, step, units in zip(runs._packs, steps, lengths, strict=True):
            position = (ends.get(pack, 0) + step * unit) if pack else 0
            length = min(units * unit, left)
            if position < 0 or length <= 0 or max(position, length) >> 62:
                raise IntegrityError("the snapshot's map does not cover the file")
            ends[pack] = position + units * unit
            runs._positions.append(position)
            runs._lengths.append(length)
            left -= length
        if left:
            raise IntegrityError("the snapshot's map does not cover the file")
        runs.size = size
        return runs


def _small(number: int) -> int:
    if number >> 32:
        raise IntegrityError("a number is out of all bounds")
    return number


class FileEntry(BaseModel):
    """`blake3` is of all bytes of a file, "" of what has none. `map_bytes` of the maps behind the list are its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=4096)]
    kind: Literal["file", "folder", "link"] = "file"
    size: Count = 0
    blake3: Digest | Literal[""] = ""
    meta: Mapping[str, bool | int | float | str | None] = Field(default_factory=dict)
    map_bytes: Count = 0


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[2] = 2
    files: tuple[FileEntry, ...]
    facts: Mapping[str, bool | int | float | str | None]


class Manifest(NamedTuple):
    """The body as it is used: `runs[i]` are those of `body.files[i]`."""

    body: Body
    runs: tuple[Runs, ...]


def seal_body(
    files: Sequence[FileEntry], runs: Sequence[Runs], facts: Mapping[str, object], key: DataKey
) -> bytes:
    """The entries' `map_bytes` are set here."""
    maps = [one.encode() if one.size else b"" for one in runs]
    entries = [
        entry.model_copy(update={"map_bytes": len(data)}) for entry, data in zip(files, maps, strict=True)
    ]
    text = Body(files=tuple(entries), facts=facts).model_dump_json().encode()
    packed = zstandard.ZstdCompressor(level=6).compress(b"".join([_LENGTH.pack(len(text)), text, *maps]))
    return AESGCM(key.key).encrypt(nonce(BODY, 0), packed, context(key, b"body"))


def open_body(sealed: bytes, key: DataKey, packs: int) -> Manifest:
    """IntegrityError unless it is the body that was sealed, and whole in itself."""
    try:
        packed = AESGCM(key.key).decrypt(nonce(BODY, 0), sealed, context(key, b"body"))
        data = memoryview(
            zstandard.ZstdDecompressor().decompress(
                packed, max_output_size=BODY_LIMIT, allow_extra_data=False
            )
        )
        end = _LENGTH.size + _LENGTH.unpack_from(data)[0]
        body = Body.model_validate_json(bytes(data[_LENGTH.size : end]))
    except (InvalidTag, zstandard.ZstdError, ValidationError, struct.error) as e:
        raise IntegrityError("the body of the snapshot is damaged") from e
    runs = []
    for entry in body.files:
        runs.append(Runs.decode(data[end : end + entry.map_bytes], packs) if entry.map_bytes else Runs())
        end += entry.map_bytes
        if runs[-1].size != entry.size:
            raise IntegrityError("the snapshot's map does not cover the file")
    if end != len(data):
        raise IntegrityError("the body of the snapshot is damaged")
    return Manifest(body, tuple(runs))
