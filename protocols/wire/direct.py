"""Where a till may put one pack straight into the object store that the collector keeps backups in. A part of wire
version 1: it only gains optional fields."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

DIRECT: Final = "direct/"
"""Before the name and the size of a pack, below PATH_OBJECTS: GET tells the address, PUT says that it has been put."""
HEADERS: Final = frozenset({"if-none-match", "x-amz-checksum-sha256"})
"""A till sends no others, whatever it is told."""


class Address(BaseModel):
    """Good for one PUT of the very bytes that were named, for `expires_s` from when it was signed. `headers` are bound
    into the signature, as are the method, the place and the length."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, Field(max_length=4000)]
    headers: Annotated[dict[str, Annotated[str, Field(max_length=200)]], Field(max_length=8)]
    expires_s: Annotated[int, Field(ge=1, le=3600)]
