"""One group of pages beside what is known of it: which pages are new, where the others lie, and what a new one may
stand on. Changes nothing but the last copy."""

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass

from agent.backup.last_copy import LastCopy
from agent.backup.manifest import HOLE
from agent.backup.pack import DEPTH
from agent.backup.state import HASH_BYTES, GroupRecord, Piece

ZEROS, KNOWN, NEW = range(3)
"""What a page is now: nothing but zeros, what it was, or something else."""


@dataclass(frozen=True, slots=True)
class Under:
    """A page of the last backup that a new one may stand on, and where it lies."""

    data: bytes
    pack: int
    position: int
    depth: int


class Before:
    """What is known of a group, and the last copy of it where one is kept. What lies in packs that are not `usable`
    counts as not there."""

    def __init__(
        self, record: GroupRecord | None, page: int, usable: Set[int], copy: LastCopy.File | None
    ) -> None:
        self.page, self._usable, self._copy = page, usable, copy
        self._hashes = _split(record.pages) if record else []
        self._pieces: Sequence[Piece] = record.pieces if record else ()

    def stretches(self, hashes: list[bytes], zero: bytes) -> Iterator[tuple[int, int, int]]:
        """What pages that follow each other are, the first of them, and where they end."""
        if not self._hashes and zero not in hashes:
            yield NEW, 0, len(hashes)
            return
        kinds = [KNOWN if new == old else NEW for new, old in zip(hashes, self._hashes, strict=False)]
        kinds += [NEW] * (len(hashes) - len(kinds))
        for begin, end in self._lost():
            kinds[begin:end] = [NEW] * len(kinds[begin:end])
        if zero in hashes:
            kinds = [ZEROS if one == zero else kind for one, kind in zip(hashes, kinds, strict=True)]
        begin = 0
        for at in range(1, len(kinds) + 1):
            if at == len(kinds) or kinds[at] != kinds[begin]:
                yield kinds[begin], begin, at
                begin = at

    def places(self, begin: int, end: int) -> Iterator[Piece]:
        """Where these pages lie."""
        at = 0
        for one in self._pieces:
            first, last = max(begin, at), min(end, at + one.pages)
            if first < last:
                skipped = 0 if one.pack == HOLE else (first - at) * self.page
                yield Piece(one.pack, one.position + skipped, last - first, one.depth)
            at += one.pages

    def _lost(self) -> Iterator[tuple[int, int]]:
        at = 0
        for one in self._pieces:
            if one.pack not in self._usable:
                yield at, at + one.pages
            at += one.pages

    def base(self, offset: int, length: int) -> bytes:
        return self._copy.read(offset, length) if self._copy and self._hashes else b""

    def replace(self, offset: int, group: memoryview) -> None:
        if self._copy:
            self._copy.write(offset, group)

    def under(self, index: int, data: bytes, hashed: Callable[[bytes], bytes]) -> Under | None:
        """`data` is the copy of page `index`. None also where it is not what was backed up: a run that broke off had
        written it."""
        if len(data) != self.page or index >= len(self._hashes):
            return None
        one = next(self.places(index, index + 1), None)
        if one is None or one.pack == HOLE or one.pack not in self._usable or one.depth >= DEPTH:
            return None
        return Under(data, one.pack, one.position, one.depth) if hashed(data) == self._hashes[index] else None


@dataclass(frozen=True, slots=True)
class Stand:
    """Which of the pages from number `first` on may stand on the last copy of the group, `base`."""

    before: Before
    base: bytes
    first: int
    hashed: Callable[[bytes], bytes]

    @property
    def some(self) -> bool:
        return bool(self.base)

    def under(self, number: int) -> Under | None:
        if not self.base:
            return None
        index, page = self.first + number, self.before.page
        return self.before.under(index, self.base[index * page : (index + 1) * page], self.hashed)


def _split(hashes: bytes) -> list[bytes]:
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
