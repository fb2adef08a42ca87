"""Plain bytes out of a repository: fetches each pack once where it can, opens it, checks it, and follows what a frame
stands on. For one thread."""

from collections import OrderedDict
from collections.abc import Iterator

from agent.backup.key import KeyRing
from agent.backup.pack import DELTA, DEPTH, PackReader
from agent.backup.repository import Repository
from protocols.errors import BackupError, IntegrityError
from protocols.wire.snapshot import PACKS, PackRef, check_digest

KEPT_PACKS, KEPT_FRAMES = 4, 16


class Depot:
    """The packs of one terminal. IntegrityError for whatever is not as it was stored, naming the pack."""

    def __init__(self, repository: Repository, keys: KeyRing, terminal: str) -> None:
        self._repository, self._keys, self._terminal = repository, keys, terminal
        self._readers: OrderedDict[str, PackReader] = OrderedDict()
        self._frames: OrderedDict[tuple[str, int], bytes] = OrderedDict()

    def read(self, ref: PackRef, position: int, length: int) -> Iterator[memoryview]:
        """So many plain bytes of a pack from a position on, in pieces."""
        yield from self._read(ref, position, length, 0)

    def _read(self, ref: PackRef, position: int, length: int, depth: int) -> Iterator[memoryview]:
        if depth > DEPTH:
            raise IntegrityError(f"pack {ref.digest[:12]} stands on too many others")
        reader = self.reader(ref)
        while length:
            index = reader.index_of(position)
            skip = position - reader.positions[index]
            piece = memoryview(self._frame(ref, reader, index, depth))[skip : skip + length]
            position, length = position + len(piece), length - len(piece)
            yield piece

    def _frame(self, ref: PackRef, reader: PackReader, index: int, depth: int) -> bytes:
        known = ref.digest, index
        if known in self._frames:
            self._frames.move_to_end(known)
            return self._frames[known]
        frame, dictionary = reader.frames[index], b""
        if frame.codec == DELTA:
            runs = ((reader.bases[base.pack], base.position, base.length) for base in frame.bases)
            dictionary = b"".join(piece for run in runs for piece in self._read(*run, depth + 1))
        try:
            data = reader.read(index, dictionary)
        except IntegrityError as e:
            raise IntegrityError(f"pack {ref.digest[:12]}: {e}", code=e.code) from e
        self._frames[known] = data
        while len(self._frames) > KEPT_FRAMES:
            self._frames.popitem(last=False)
        return data

    def reader(self, ref: PackRef) -> PackReader:
        if ref.digest in self._readers:
            self._readers.move_to_end(ref.digest)
            return self._readers[ref.digest]
        reader = fetch_pack(ref, self._repository, self._keys)
        if reader.header.terminal != self._terminal:
            raise IntegrityError(f"pack {ref.digest[:12]} belongs to another terminal")
        self._readers[ref.digest] = reader
        while len(self._readers) > KEPT_PACKS:
            self._readers.popitem(last=False)
        return reader


def fetch_pack(ref: PackRef, repository: Repository, keys: KeyRing) -> PackReader:
    name = f"{PACKS}/{ref.digest}"
    try:
        data = repository.get(name)
    except BackupError as e:
        if repository.is_missing(e):
            raise IntegrityError(
                f"pack {ref.digest[:12]} is missing from the repository", code="backup.pack_missing"
            ) from e
        raise
    check_digest(name, data)
    if len(data) != ref.size:
        raise IntegrityError(f"pack {ref.digest[:12]} has a wrong length")
    try:
        return PackReader(data, keys)
    except IntegrityError as e:
        raise IntegrityError(f"pack {ref.digest[:12]}: {e}", code=e.code) from e
