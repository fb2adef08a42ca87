"""What was erased of a person's data and must not come back with an older backup. A list names rows without telling
what they hold: of each value only a salted digest (SHA-256), which the till compares with the rows that it restored."""

import hashlib
import secrets
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from protocols.wire.source_name import Name

PATH_TAIL = "erasures"
"""Below PATH_OBJECTS, and below the terminal where it is another one's: GET gives the list."""
FILE = "erasures.json"
"""Beside the objects of a set that a person took away."""
MOST = 50_000
LIST_BYTES = 32 << 20
_FOR = b"plomba erasure 1\0"

Column = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}\.[A-Za-z_][A-Za-z0-9_]{0,63}$")]
"""TABLE.COLUMN"""


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Erasure(Part):
    """Rows of `column`'s table whose value there has this digest are deleted. `salt`: 16 bytes in hex."""

    source: Name
    column: Column
    salt: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    at: datetime


class Erasures(Part):
    version: Literal[1] = 1
    items: Annotated[tuple[Erasure, ...], Field(max_length=MOST)] = ()


def new_salt() -> str:
    return secrets.token_hex(16)


def digest_of(salt: str, value: str) -> str:
    """Of a text, or of a whole number as its digits."""
    return hashlib.sha256(_FOR + bytes.fromhex(salt) + value.encode()).hexdigest()
