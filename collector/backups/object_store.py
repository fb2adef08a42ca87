"""Backups in a bucket of an object store, under the very names that they have in a storage folder. Tills may put packs
straight into it, to a place of their own from which the collector takes them in."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress

from collector.backups.bucket import Bucket, Kept
from collector.backups.place import NO_DIRECT, Place, Put, Stored, check_size, check_slice, check_terminal
from protocols.errors import IntegrityError, RepositoryRefused, RepositoryUnreachable
from protocols.wire.direct import Address
from protocols.wire.snapshot import KINDS, PACK_MAGIC, PACKS, PackRef, object_path, split_name

MISSING = "backup.object_missing"
_COMING = "incoming"
_SLICES = ".slices/"
_FEW = 4


class ObjectStore(Place):
    """`alone` gives the lock of one terminal, which the store has not. `direct`: tills may put packs into it."""

    def __init__(
        self,
        bucket: Bucket,
        alone: Callable[[str], AbstractContextManager[None]],
        *,
        prefix: str = "",
        direct: bool = True,
    ) -> None:
        self._bucket, self._alone, self._prefix, self._direct = bucket, alone, prefix, direct

    def address(self, terminal: str, name: str, size: int) -> Address:
        digest = self._of_pack(name)
        check_size(size)
        return self._bucket.address(self._coming(terminal, digest), size, bytes.fromhex(digest))

    def arrived(self, terminal: str, name: str, size: int) -> Put:
        """What a till has put counts from here on. What is not what its name says is thrown away: it is in no place
        that anybody reads."""
        digest = self._of_pack(name)
        target = self._key(terminal, name)
        try:
            came = self._bucket.head(self._coming(terminal, digest))
        except RepositoryRefused:
            return self._same(target, digest, size)  # the answer of a former time was lost
        try:
            self._prove(came, digest, size)
        except IntegrityError:
            self._bucket.remove(came.key)
            raise
        made = self._bucket.copy_new(came, target)
        if not made:
            try:
                self._same(target, digest, size)
            except RepositoryRefused as e:
                raise RepositoryUnreachable("the pack was changed while it was looked at") from e
        self._bucket.remove(came.key)
        return Put.CREATED if made else Put.SAME

    @contextmanager
    def alone(self, terminal: str) -> Iterator[None]:
        with self._alone(check_terminal(terminal)):
            yield

    def remove(self, terminal: str, name: str) -> None:
        self._bucket.remove(self._key(terminal, name))

    def part_size(self, terminal: str, name: str) -> int:
        return sum(one.size for one in self._slices(terminal, name))

    def put_part(
        self, terminal: str, public_key: str, name: str, *, offset: int, total: int, data: bytes
    ) -> Put | None:
        check_slice(offset, total, len(data))
        slices = self._slices(terminal, name)
        held = sum(one.size for one in slices)
        key = f"{self._coming(terminal, split_name(name)[1])}{_SLICES}{offset:09}"
        if held != offset or not self._bucket.put_new(key, data, hashlib.sha256(data).digest()):
            raise RepositoryRefused(f"the next slice begins at {held}", code="backup.part_offset")
        if held + len(data) < total:
            return None
        keys = [*(one.key for one in slices), key]
        try:
            whole = b"".join([*(self._bucket.get(one) for one in keys[:-1]), data])
            return self.put_new(terminal, public_key, name, whole)
        finally:
            for one in keys:
                self._bucket.remove(one)

    def drop_parts(self, terminal: str, before: float) -> None:
        for one in self._bucket.list(f"{self._root(terminal)}{_COMING}/"):
            if one.at.timestamp() < before:
                self._bucket.remove(one.key)

    def get(self, terminal: str, name: str) -> bytes:
        return self._bucket.get(self._key(terminal, name))

    def stat(self, terminal: str, name: str) -> Stored:
        return Stored(name, self._bucket.head(self._key(terminal, name)).size)

    def list(self, terminal: str, kind: str) -> list[Stored]:
        if kind not in KINDS:
            raise RepositoryRefused("this is no kind of backup object", code="backup.object_name")
        found = []
        for one in self._bucket.list(f"{self._root(terminal)}{kind}/"):
            name = f"{kind}/{one.key.rpartition('/')[2]}"
            with suppress(RepositoryRefused):  # a stranger's object is none of ours
                if self._key(terminal, name) == one.key:
                    found.append(Stored(name, one.size))
        return found

    def _add(self, terminal: str, name: str, data: bytes) -> Put:
        key, digest = self._key(terminal, name), split_name(name)[1]
        if self._bucket.put_new(key, data, bytes.fromhex(digest)):
            return Put.CREATED
        if self._bucket.get(key) != data:
            raise IntegrityError("the object stored under this name is damaged; it is not overwritten")
        return Put.SAME

    def _sizes(self, terminal: str, packs: Iterable[PackRef]) -> Mapping[str, int]:
        """One list costs what a few questions cost."""
        packs = list(packs)
        if len(packs) <= _FEW:
            return super()._sizes(terminal, packs)
        return {one.name.partition("/")[2]: one.size for one in self.list(terminal, PACKS)}

    def _same(self, key: str, digest: str, size: int) -> Put:
        try:
            self._prove(self._bucket.head(key), digest, size)
        except IntegrityError as e:
            raise IntegrityError("the object stored under this name is damaged; it is not overwritten") from e
        return Put.SAME

    def _prove(self, one: Kept, digest: str, size: int) -> None:
        """By the sum that the store has counted when it came, where it is a store that does; else by reading it."""
        if one.size != size:
            raise IntegrityError("the pack in the object store has another length than was told")
        if one.sha256 and self._bucket.counts_sums:
            whole = one.sha256.hex() == digest and self._bucket.get(one.key, len(PACK_MAGIC)) == PACK_MAGIC
        else:
            data = self._bucket.get(one.key)
            whole = hashlib.sha256(data).hexdigest() == digest and data.startswith(PACK_MAGIC)
        if not whole:
            raise IntegrityError("what lies in the object store is not the pack that its name tells")

    def _of_pack(self, name: str) -> str:
        kind, digest = split_name(name)
        if not self._direct or kind != PACKS:
            raise RepositoryRefused("this comes through the collector", code=NO_DIRECT)
        return digest

    def _slices(self, terminal: str, name: str) -> tuple[Kept, ...]:
        """Those that follow each other from the beginning."""
        found: list[Kept] = []
        for one in self._bucket.list(f"{self._coming(terminal, split_name(name)[1])}{_SLICES}"):
            if int(one.key.rpartition("/")[2]) != sum(each.size for each in found):
                break
            found.append(one)
        return tuple(found)

    def _root(self, terminal: str) -> str:
        return f"{self._prefix}{check_terminal(terminal)}/"

    def _coming(self, terminal: str, digest: str) -> str:
        return f"{self._root(terminal)}{_COMING}/{digest}"

    def _key(self, terminal: str, name: str) -> str:
        return f"{self._root(terminal)}{object_path(name)}"
