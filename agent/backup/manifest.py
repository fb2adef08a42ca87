"""The encrypted body of a snapshot: which bytes of which pack make up which file, and the facts to compare.
The clear header around it is `protocols.wire.snapshot`."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, NamedTuple

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.backup.key import DataKey
from agent.backup.pack import BODY, Frame, context, nonce
from protocols.errors import IntegrityError
from protocols.wire.snapshot import Digest

BODY_LIMIT = 64 << 20

Count = Annotated[int, Field(ge=0)]


class Run(NamedTuple):
    """The plain bytes of the frames from `frame` on, one after another, without the first `skip`, are
    `length` bytes of the file at `offset`. `pack` counts in the header's pack list."""

    pack: Count
    frame: Count
    skip: Count
    offset: Count
    length: Annotated[int, Field(ge=1)]


class FileMap(BaseModel):
    """`runs` are in the order of the file and cover it without gap or overlap; `blake3` is of the whole
    file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=1024)]
    size: Count
    blake3: Digest
    runs: tuple[Run, ...]

    def check(self, packs: int) -> None:
        """IntegrityError unless the runs make the file, all of it, from packs that there are."""
        end = 0
        for run in self.runs:
            if run.offset != end or run.pack >= packs:
                raise IntegrityError("the snapshot's map does not cover the file")
            end += run.length
        if end != self.size:
            raise IntegrityError("the snapshot's map does not cover the file")


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    files: tuple[FileMap, ...]
    facts: Mapping[str, bool | int | float | str | None]


def seal_body(body: Body, key: DataKey) -> bytes:
    packed = zstandard.ZstdCompressor(level=9).compress(body.model_dump_json().encode())
    return AESGCM(key.key).encrypt(nonce(BODY, 0), packed, context(key, b"body"))


def open_body(sealed: bytes, key: DataKey) -> Body:
    try:
        packed = AESGCM(key.key).decrypt(nonce(BODY, 0), sealed, context(key, b"body"))
        text = zstandard.ZstdDecompressor().decompress(
            packed, max_output_size=BODY_LIMIT, allow_extra_data=False
        )
        return Body.model_validate_json(text)
    except (InvalidTag, zstandard.ZstdError, ValidationError) as e:
        raise IntegrityError("the body of the snapshot is damaged") from e


def runs_of(pack: int, frames: tuple[Frame, ...]) -> Iterator[tuple[int, Run]]:
    """The runs that whole frames of one pack make, as (file, run): frames that follow each other in a file
    are one."""
    start = 0
    for index, frame in enumerate(frames):
        following = frames[index + 1] if index + 1 < len(frames) else None
        if following is None or (following.file, following.offset) != (frame.file, frame.offset + frame.raw):
            offset = frames[start].offset
            yield frame.file, Run(pack, start, 0, offset, frame.offset + frame.raw - offset)
            start = index + 1
