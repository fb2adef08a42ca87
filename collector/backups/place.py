"""What every storage of backups has in common: one repository per terminal, in the very layout that `plomba-agent
restore` reads. It only ever adds, and checks all that can be checked without a key."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from enum import StrEnum

from protocols.errors import IntegrityError, RepositoryRefused
from protocols.wire.direct import Address
from protocols.wire.snapshot import (
    OBJECT_BYTES,
    PACK_MAGIC,
    PACKS,
    SNAPSHOTS,
    Header,
    PackRef,
    check_digest,
    parse,
    split_name,
)

NO_DIRECT = "backup.no_direct"
_TERMINAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,79}", re.ASCII)


class Put(StrEnum):
    CREATED = "created"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Stored:
    name: str
    size: int


class Place(ABC):
    """Safe for several threads and processes. RepositoryRefused and IntegrityError carry a stable code;
    RepositoryUnreachable where the storage cannot be used now."""

    def put_new(self, terminal: str, public_key: str, name: str, data: bytes) -> Put:
        """Durable when it returns. `public_key` is the terminal's, as enrolled. A snapshot is taken only when
        it is signed with that key and every pack it names is here."""
        kind, _ = split_name(name)
        check_size(len(data))
        check_digest(name, data)
        if kind == PACKS and not data.startswith(PACK_MAGIC):
            raise IntegrityError("this object is not a pack")
        with ExitStack() as stack:
            if kind == SNAPSHOTS:
                # between this look at the packs and the snapshot's arrival none of them may be removed
                stack.enter_context(self.alone(terminal))
                self._check_snapshot(terminal, public_key, data)
            return self._add(terminal, name, data)

    def address(self, terminal: str, name: str, size: int) -> Address:  # noqa: ARG002 - whose packs go direct uses them
        """Where a till may put this one pack, without the collector in between. Refused with NO_DIRECT where packs
        come through the door only."""
        raise _no_direct()

    def arrived(self, terminal: str, name: str, size: int) -> Put:  # noqa: ARG002 - as above
        """The till says that it has put it there: it counts from now on, if it is what its name says."""
        raise _no_direct()

    @abstractmethod
    def alone(self, terminal: str) -> AbstractContextManager[None]:
        """Nobody else takes in a snapshot of this terminal, or removes anything of it, meanwhile; in this process or
        another one on this storage."""

    @abstractmethod
    def remove(self, terminal: str, name: str) -> None:
        """For whoever keeps house, inside `alone`; no way from a terminal leads here. What is gone already is well."""

    @abstractmethod
    def part_size(self, terminal: str, name: str) -> int:
        """How much of an object has come in slices; 0 for none."""

    @abstractmethod
    def put_part(
        self, terminal: str, public_key: str, name: str, *, offset: int, total: int, data: bytes
    ) -> Put | None:
        """The next slice of an object of `total` bytes; None where more are to come. What has come is worth nothing
        until the last one: then the whole is judged as by `put_new`, and begins anew where it is not what its name
        says."""

    @abstractmethod
    def drop_parts(self, terminal: str, before: float) -> None:
        """What has not come further since then (seconds since 1970), and never will."""

    @abstractmethod
    def get(self, terminal: str, name: str) -> bytes:
        """The bytes as they lie there; the caller checks them against the name."""

    @abstractmethod
    def stat(self, terminal: str, name: str) -> Stored:
        """Without reading the object."""

    @abstractmethod
    def list(self, terminal: str, kind: str) -> list[Stored]:
        """All whole objects of a kind, in the order of their names."""

    @abstractmethod
    def _add(self, terminal: str, name: str, data: bytes) -> Put:
        """Durable when it returns. What is there under this name is compared, and never written over."""

    def _sizes(self, terminal: str, packs: Iterable[PackRef]) -> Mapping[str, int]:
        """Of those of these packs that are here, by their digests."""
        found = {}
        for pack in packs:
            with suppress(RepositoryRefused):
                found[pack.digest] = self.stat(terminal, f"{PACKS}/{pack.digest}").size
        return found

    def _check_snapshot(self, terminal: str, public_key: str, data: bytes) -> Header:
        header = parse(data).header
        if header.terminal != terminal or header.signer != public_key:
            raise RepositoryRefused(
                "the snapshot is not signed by the terminal that sends it", code="backup.signer"
            )
        here = self._sizes(terminal, header.packs)
        for pack in header.packs:
            if here.get(pack.digest) != pack.size:
                raise RepositoryRefused(
                    f"pack {pack.digest[:12]} of the snapshot has not arrived", code="backup.pack_missing"
                )
        return header


def check_terminal(terminal: str) -> str:
    """The very name; refused where it could be a way out of the terminal's own folder."""
    if not _TERMINAL.fullmatch(terminal):
        raise RepositoryRefused("this is no terminal", code="backup.terminal")
    return terminal


def check_size(size: int) -> None:
    """Refused where no object may be so large."""
    if size > OBJECT_BYTES:
        raise RepositoryRefused("a backup object may not be so large", code="backup.object_size")


def check_slice(offset: int, total: int, size: int) -> None:
    """Refused where a slice cannot be of an object that may be stored."""
    if not 0 < total <= OBJECT_BYTES or offset + size > total:
        raise RepositoryRefused("a backup object may not be so large", code="backup.object_size")


def _no_direct() -> RepositoryRefused:
    return RepositoryRefused("the collector takes no packs here by another way", code=NO_DIRECT)
