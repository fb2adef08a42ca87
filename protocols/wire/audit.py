"""Whether the stored objects of one terminal are what was stored, whole, and in order: all that can be said without a
key. Pure; the caller reads the objects, one after another, and hands them in."""

from collections.abc import Iterator
from dataclasses import dataclass

from protocols.errors import IntegrityError, RepositoryRefused
from protocols.wire.snapshot import (
    PACK_MAGIC,
    PACKS,
    SNAPSHOTS,
    Header,
    check_digest,
    parse,
    split_name,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """`name` is the object that is meant; `code` is stable, `text` for a person."""

    name: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class _Snapshot:
    name: str
    digest: str
    header: Header


class Audit:
    """`signer` is the terminal's enrolled key, base64url; "" where it is not known. Holds headers, no contents."""

    def __init__(self, signer: str = "") -> None:
        self._signer = signer
        self._packs: dict[str, int] = {}
        self._snapshots: list[_Snapshot] = []
        self._found: list[Finding] = []
        self.objects = self.bytes = 0

    def take(self, name: str, data: bytes) -> None:
        """Every object once, in any order."""
        self.objects, self.bytes = self.objects + 1, self.bytes + len(data)
        try:
            kind, digest = split_name(name)
            if kind == PACKS:
                self._packs[digest] = len(data)
            check_digest(name, data)
            if kind == PACKS and not data.startswith(PACK_MAGIC):
                raise IntegrityError("this object is not a pack")
            if kind == SNAPSHOTS:
                self._snapshots.append(_Snapshot(name, digest, self._signed(data)))
        except (IntegrityError, RepositoryRefused) as e:
            self._found.append(Finding(name, e.code, str(e)))

    def gone(self, name: str) -> None:
        """Listed somewhere, and not there."""
        self._found.append(Finding(name, "backup.object_missing", f"{name} is gone"))

    def findings(self) -> list[Finding]:
        """Everything that is wrong, each object by its name."""
        return [*self._found, *self._missing_packs(), *self._broken_chains()]

    def _signed(self, data: bytes) -> Header:
        header = parse(data).header
        if self._signer and header.signer != self._signer:
            raise IntegrityError(
                "the snapshot is signed by another key than the terminal's", code="backup.signer"
            )
        return header

    def _missing_packs(self) -> Iterator[Finding]:
        for one in self._snapshots:
            for pack in one.header.packs:
                size = self._packs.get(pack.digest)
                name = f"{PACKS}/{pack.digest}"
                if size is None:
                    yield Finding(name, "backup.pack_missing", f"snapshot {one.digest[:12]} needs it")
                elif size != pack.size:
                    yield Finding(
                        name, "backup.integrity", f"it has {size} bytes, and {pack.size} were stored"
                    )

    def _broken_chains(self) -> Iterator[Finding]:
        """Two snapshots of one number, or one that follows another than the one before it. A gap is none of that: old
        snapshots are let go on purpose."""
        chains: dict[tuple[str, str], dict[int, _Snapshot]] = {}
        for one in sorted(self._snapshots, key=lambda one: (one.header.sequence, one.digest)):
            chain = chains.setdefault((one.header.terminal, one.header.source), {})
            before = chain.get(one.header.sequence - 1)
            if one.header.sequence in chain:
                text = f"{chain[one.header.sequence].digest[:12]} has the same number {one.header.sequence}"
                yield Finding(one.name, "backup.sequence_twice", text)
            elif before and before.digest != one.header.previous:
                yield Finding(one.name, "backup.chain", f"it does not follow {before.digest[:12]}")
            chain.setdefault(one.header.sequence, one)
