"""The programs whose versions the authority has certified, as the collector tells them to its terminals."""

from typing import Annotated, Literal

from pydantic import Field

from protocols.wire.v1 import Model, Text

PATH_CERTIFIED = "/api/agent/v1/certified"
PROGRAMS = 1000


class CertifiedProgram(Model):
    """One certified state of one file: its name as it lies on the disk, the version that it carries, and the SHA-256 of
    its bytes in hex; "" where any content with this version will do."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    version: Text
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""


class CertifiedPrograms(Model):
    """GET PATH_CERTIFIED. A file that is not named here is not judged."""

    version: Literal[1] = 1
    programs: Annotated[tuple[CertifiedProgram, ...], Field(max_length=PROGRAMS)]
