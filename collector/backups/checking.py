"""The nightly look at what lies here of a terminal: every object against its name, every signature, the packs that each
set names, and the chain of what has arrived. Needs no key; removes and tells nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from collector.backups.models import Snapshot
from collector.backups.place import Place
from collector.inventory.models import Terminal
from protocols.errors import BackupError, IntegrityError
from protocols.wire.audit import Audit, Finding
from protocols.wire.snapshot import PACKS, SNAPSHOTS, parse

MISSING = "backup.object_missing"
_REASON = 400


@dataclass(frozen=True, slots=True)
class Checked:
    """`needs`: the packs that each readable set names."""

    findings: tuple[Finding, ...]
    needs: dict[str, frozenset[str]]
    objects: int
    bytes: int

    def about(self, digest: str) -> list[Finding]:
        """What is wrong with one set: with its own object, with one of its packs, or with its place in the chain."""
        mine = {f"{PACKS}/{pack}" for pack in self.needs.get(digest, ())} | {f"{SNAPSHOTS}/{digest}"}
        return [one for one in self.findings if one.name in mine]


def check(terminal: Terminal, place: Place) -> Checked:
    """Reads every object once. Sets that come or go meanwhile are no findings. BackupError where the storage as a
    whole cannot be read."""
    audit, needs = Audit(), dict[str, frozenset[str]]()
    # a set that comes after this has packs that the list below need not have
    sets = [one.name for one in place.list(terminal.pk, SNAPSHOTS)]
    unread = [*_read(audit, terminal, place, (one.name for one in place.list(terminal.pk, PACKS)), needs)]
    unread += _read(audit, terminal, place, sets, needs)
    rows = list(Snapshot.objects.filter(terminal=terminal))
    found = [*_there(audit.findings(), rows), *unread, *_gone(rows, sets, place), *_unlisted(terminal, rows, sets),
             *_chain(rows)]  # fmt: skip
    return Checked(tuple(_each_once(found)), needs, audit.objects, audit.bytes)


def in_words(findings: Iterable[Finding]) -> str:
    """As many of them as fit into the reason of an incident, and how many more there are."""
    texts = [f"{_short(one.name)}: {one.text}" for one in findings]
    for count in range(len(texts), 0, -1):
        more = f"; and {len(texts) - count} more" if count < len(texts) else ""
        text = "; ".join(texts[:count]) + more
        if len(text) <= _REASON or count == 1:
            return text[:_REASON]
    return ""


def _short(name: str) -> str:
    kind, _, digest = name.partition("/")
    return f"{kind.removesuffix('s')} {digest[:12]}"


def _read(
    audit: Audit, terminal: Terminal, place: Place, names: Iterable[str], needs: dict[str, frozenset[str]]
) -> list[Finding]:
    """What cannot be read is a finding, and no end."""
    found = []
    for name in names:
        try:
            data = place.get(terminal.pk, name)
        except BackupError as e:
            if e.code != MISSING:
                found.append(Finding(name, "backup.unreadable", str(e)))
            continue
        audit.take(name, data)
        if name.startswith(SNAPSHOTS):
            try:
                header = parse(data).header
            except IntegrityError:
                continue
            needs[name.partition("/")[2]] = frozenset(pack.digest for pack in header.packs)
    return found


def _there(findings: Iterable[Finding], rows: list[Snapshot]) -> Iterator[Finding]:
    """A set that was removed while its packs were read is no finding."""
    removed = {f"{SNAPSHOTS}/{row.digest}" for row in rows if row.removed_at}
    return (one for one in findings if one.name not in removed)


def _gone(rows: list[Snapshot], sets: list[str], place: Place) -> Iterator[Finding]:
    listed = set(sets)
    for row in rows:
        name = f"{SNAPSHOTS}/{row.digest}"
        if row.removed_at is None and name not in listed and not _has(place, row.terminal_id, name):
            yield Finding(name, MISSING, "it is gone from the storage")


def _has(place: Place, terminal: str, name: str) -> bool:
    """It may have come after the list was made."""
    try:
        place.stat(terminal, name)
    except BackupError as e:
        return e.code != MISSING
    return True


def _unlisted(terminal: Terminal, rows: list[Snapshot], sets: list[str]) -> Iterator[Finding]:
    known = {f"{SNAPSHOTS}/{row.digest}" for row in rows}
    for name in sets:
        if name not in known:
            yield Finding(
                name, "backup.unlisted", f"it lies here, and {terminal.name} was never heard to store it"
            )


def _chain(rows: list[Snapshot]) -> Iterator[Finding]:
    """Over all that ever came, those that were let go included: so a set that never arrived shows."""
    chains: dict[str, list[Snapshot]] = {}
    for row in sorted(rows, key=lambda row: (row.sequence, row.pk)):
        chains.setdefault(row.source, []).append(row)
    for before, row in (pair for chain in chains.values() for pair in pairwise(chain)):
        if row.removed_at is None and (problem := _problem(before, row)):
            yield Finding(f"{SNAPSHOTS}/{row.digest}", *problem)


def _problem(before: Snapshot, row: Snapshot) -> tuple[str, str] | None:
    step = row.sequence - before.sequence
    if step == 0:
        return "backup.sequence_twice", f"{before.digest[:12]} has the same number {row.sequence}"
    if step > 1:
        return "backup.sequence_gap", f"it has number {row.sequence}, and the one before it {before.sequence}"
    if row.previous != before.digest:
        return "backup.chain", f"it does not follow {before.digest[:12]}"
    return None


def _each_once(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The storage and the list may both tell of one thing."""
    seen = set[tuple[str, str]]()
    for one in findings:
        if (one.name, one.code) not in seen:
            seen.add((one.name, one.code))
            yield one
