"""The contract of a place where objects are kept, and how the words in a configuration become one. No retry,
no bandwidth limit, no encryption here: those wrap a repository or come before it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from protocols.errors import RepositoryRefused

MISSING = "backup.object_missing"
NO_DELETE = "backup.append_only"


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    name: str
    size: int


class Repository(Protocol):
    """Immutable objects under names of `protocols.wire.snapshot`. Every call may be repeated. Errors:
    RepositoryUnreachable (try later), RepositoryRefused (trying again is no use)."""

    @property
    def address(self) -> str:
        """For people; holds no secret."""

    @property
    def streams(self) -> int:
        """How many objects it pays to put at once, each from a thread of its own."""

    @property
    def checks_packs(self) -> bool:
        """Does it refuse a snapshot (`backup.pack_missing`) whose packs it does not have?"""

    def put_new(self, name: str, data: bytes | memoryview) -> None:
        """Store durably, or leave things as they were. The same bytes again change nothing; other bytes under
        a taken name are refused, never written."""

    def get(self, name: str) -> bytes:
        """The bytes as they are kept; the caller checks them against the name."""

    def list(self, kind: str) -> Iterator[ObjectInfo]:
        """All objects of a kind, in no order. Unfinished ones are never listed."""

    def stat(self, name: str) -> ObjectInfo:
        """Without reading the object."""

    def delete(self, name: str) -> None:
        """For whoever keeps the place. A repository that a till only appends to refuses with
        `backup.append_only`."""

    def is_missing(self, error: Exception) -> bool:
        """Did this repository say that there is no such object?"""

    def is_permanent(self, error: Exception) -> bool:
        """Is it of no use to try the same call again soon?"""


def missing(name: str) -> RepositoryRefused:
    return RepositoryRefused(f"{name} is not in the repository", code=MISSING)


def taken(name: str) -> RepositoryRefused:
    return RepositoryRefused(
        f"{name} is there with other bytes; nothing was overwritten", code="backup.object_taken"
    )
