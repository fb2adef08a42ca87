"""Another till's set, read by the till that a signed job names. Only what that set is made of; nothing is written."""

from collections.abc import Callable, Mapping

from collector.backups.place import Place, Stored
from protocols.errors import RepositoryRefused
from protocols.wire.snapshot import KINDS, PACKS, SNAPSHOTS, parse, split_name

Lent = Callable[[str], Mapping[str, str]]
"""Given a terminal: the digests of its sets that may be read now, each with the job that says so."""


class Loan:
    """What is lent of one terminal. RepositoryRefused `backup.not_lent` for all else."""

    def __init__(self, of: str, lent: Lent, store: Place) -> None:
        self.of, self._store = of, store
        self._jobs = lent(of)
        if not self._jobs:
            raise _refused()

    def list(self, kind: str) -> list[Stored]:
        if kind not in KINDS:
            raise RepositoryRefused("this is no kind of backup object", code="backup.object_name")
        names = self._names() if kind != SNAPSHOTS else {f"{SNAPSHOTS}/{one}": one for one in self._jobs}
        return [self._store.stat(self.of, name) for name in sorted(names)]

    def stat(self, name: str) -> Stored:
        self.set_of(name)
        return self._store.stat(self.of, name)

    def get(self, name: str) -> bytes:
        self.set_of(name)
        return self._store.get(self.of, name)

    def set_of(self, name: str) -> tuple[str, str]:
        """The digest of the set that the object belongs to, and the job."""
        kind, digest = split_name(name)
        of = digest if kind == SNAPSHOTS else self._names().get(name, "")
        if of not in self._jobs:
            raise _refused()
        return of, self._jobs[of]

    def _names(self) -> dict[str, str]:
        """The packs by name, each with the digest of a set that it belongs to."""
        return {pack: digest for digest in self._jobs for pack in self._packs(digest)}

    def _packs(self, digest: str) -> frozenset[str]:
        found = _packs.get((self.of, digest))
        if found is None:
            header = parse(self._store.get(self.of, f"{SNAPSHOTS}/{digest}")).header
            found = frozenset(f"{PACKS}/{pack.digest}" for pack in header.packs)
            if len(_packs) >= _REMEMBERED:
                _packs.clear()
            _packs[self.of, digest] = found
        return found


_REMEMBERED = 16
_packs: dict[tuple[str, str], frozenset[str]] = {}
"""By terminal and set, which never changes: a restore asks once for each pack."""


def _refused() -> RepositoryRefused:
    return RepositoryRefused("no signed job of this till names this set", code="backup.not_lent")
