"""What can be brought back, step by step: which till, which of its sets, and where to."""

from collections.abc import Sequence
from dataclasses import dataclass

from collector.backups.models import Drill, Snapshot
from collector.inventory.models import Terminal
from protocols.wire.job import Type
from protocols.wire.source_name import IN_PLACE

SETS = 60
"""So many of one source are offered, the newest first."""
FILE, TILL, OVER = "file", "till", "over"
TYPES = {TILL: Type.RESTORE_FILE, OVER: Type.RESTORE_OVER}


@dataclass(frozen=True, slots=True)
class Set:
    """One set that lies at the collector whole. `proven`: a drill has restored this very set."""

    snapshot: Snapshot
    proven: bool

    @property
    def name(self) -> str:
        return self.snapshot.digest


@dataclass(frozen=True, slots=True)
class Chosen:
    """How far a person has come. `target` is None until it is known on which till it is done."""

    till: Terminal | None = None
    sources: Sequence[str] = ()
    source: str = ""
    sets: Sequence[Set] = ()
    chosen: Set | None = None
    where: str = ""
    target: Terminal | None = None

    @property
    def may_stand_in_place(self) -> bool:
        return self.chosen is not None and self.chosen.snapshot.engine in IN_PLACE

    @property
    def elsewhere(self) -> bool:
        return self.target is not None and self.target != self.till

    @property
    def job(self) -> dict[str, str]:
        """What the form of a job is filled with; empty where no job is needed, or something is missing."""
        if self.chosen is None or self.target is None or self.where not in TYPES:
            return {}
        of = self.till.pk if self.till and self.elsewhere else ""
        return {
            "type": TYPES[self.where].value,
            "backup": self.source,
            "of": of,
            "snapshot": self.chosen.name,
        }


def tills() -> list[Terminal]:
    """Those whose sets lie here, also of retired ones; two queries in all."""
    having = Snapshot.objects.filter(removed_at=None).values("terminal")
    return list(Terminal.objects.filter(pk__in=having).select_related("site").order_by("site__name", "name"))


def sources_by_till() -> list[tuple[Terminal, list[str]]]:
    """Each till whose sets lie here, with its sources; one query each for tills and sources."""
    sources: dict[str, set[str]] = {}
    rows = Snapshot.objects.filter(removed_at=None).order_by().values_list("terminal_id", "source").distinct()
    for terminal, source in rows:
        sources.setdefault(terminal, set()).add(source)
    tills = Terminal.objects.filter(pk__in=sources).select_related("site").order_by("site__name", "name")
    return [(till, sorted(sources[till.pk])) for till in tills]


def spare(till: Terminal) -> list[Terminal]:
    """Other tills of the same customer, those of the same shop first."""
    others = Terminal.objects.filter(site__customer=till.site.customer_id, retired_at=None).exclude(
        pk=till.pk
    )
    rows = others.select_related("site").order_by("site__name", "name")
    return sorted(rows, key=lambda one: one.site_id != till.site_id)


def chosen(till: Terminal | None, source: str, digest: str, where: str, target: Terminal | None) -> Chosen:
    """Nonsense in the address counts as not chosen."""
    if till is None:
        return Chosen()
    rows = Snapshot.objects.filter(terminal=till, removed_at=None)
    sources = sorted(set(rows.order_by().values_list("source", flat=True)))
    source = source if source in sources else sources[0] if len(sources) == 1 else ""
    if not source:
        return Chosen(till, sources)
    sets = _sets(till, list(rows.filter(source=source).order_by("-received_at", "-id")[:SETS]))
    found = next((one for one in sets if one.name == digest), None)
    where = where if where in (FILE, *TYPES) and found else ""
    target = (target or till) if where in TYPES else None
    return Chosen(till, sources, source, sets, found, where, target)


def _sets(till: Terminal, rows: list[Snapshot]) -> list[Set]:
    digests = [row.digest for row in rows]
    proven = set(
        Drill.objects.filter(terminal=till, ok=True, snapshot__in=digests).values_list("snapshot", flat=True)
    )
    return [Set(row, row.digest in proven) for row in rows]
