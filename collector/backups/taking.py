"""A set as one file that a person takes away: locked as it lies here, in the layout that `plomba-agent restore` reads
when it is unpacked. Whoever has it still needs the recovery key."""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass

from collector.backups import erasures
from collector.backups.models import Snapshot
from collector.backups.place import Place
from protocols.wire.erasure import FILE
from protocols.wire.snapshot import PACKS, SNAPSHOTS, object_path, parse

_BLOCK = tarfile.BLOCKSIZE


@dataclass(frozen=True, slots=True)
class Parcel:
    """`names`: all objects, the set itself first. `size` counts them without what the archive adds."""

    terminal: str
    names: tuple[str, ...]
    size: int
    at: float

    @property
    def objects(self) -> int:
        return len(self.names)


def parcel(snapshot: Snapshot, store: Place) -> Parcel:
    """BackupError where the set cannot be read."""
    name = f"{SNAPSHOTS}/{snapshot.digest}"
    data = store.get(snapshot.terminal_id, name)
    packs = parse(data).header.packs
    return Parcel(
        snapshot.terminal_id,
        (name, *(f"{PACKS}/{pack.digest}" for pack in packs)),
        len(data) + sum(pack.size for pack in packs),
        snapshot.received_at.timestamp(),
    )


def pieces(of: Parcel, store: Place) -> Iterator[bytes]:
    """A tar archive, object by object, so that none but one is in memory."""
    for name in of.names:
        yield from _entry(object_path(name), store.get(of.terminal, name), of.at)
    if erasures.standing(of.terminal):
        yield from _entry(FILE, erasures.document(of.terminal), of.at)
    yield bytes(2 * _BLOCK)


def _entry(name: str, data: bytes, at: float) -> Iterator[bytes]:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = len(data), at, 0o600
    yield entry.tobuf(tarfile.USTAR_FORMAT)
    yield data
    yield bytes(-len(data) % _BLOCK)
