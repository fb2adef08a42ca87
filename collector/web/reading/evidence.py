"""What is known of the backups of tills when somebody wants to change them, for the guards of a change."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from collector.backups import proof
from collector.backups.models import Drill
from collector.inventory.holding_models import Holding
from collector.inventory.models import Terminal
from collector.service.guards import Till


def proofs(tills: Sequence[Terminal], product: str) -> Mapping[str, Till]:
    """A till is as young and as proven as the worst of its sources. What the drill restored is of the version that runs
    now where its backup began after the till told of that version, or where the drill itself says so; else it is not
    known."""
    found: dict[str, list[proof.Source]] = defaultdict(list)
    for one in proof.sources(till.pk for till in tills):
        found[one.terminal_id].append(one)
    versions = _versions(tills, product)
    return {till.pk: _till(till, found[till.pk], versions.get(till.pk)) for till in tills}


def _till(till: Terminal, sources: Sequence[proof.Source], version: tuple[str, datetime] | None) -> Till:
    made = [one.snapshot.received_at if one.snapshot else None for one in sources]
    drills = [one.good_drill for one in sources]
    runs, since = version or ("", None)
    return Till(
        id=till.pk,
        name=till.name,
        backup_at=_worst(made),
        proven_at=_worst([one.received_at if one else None for one in drills]),
        proven_version=_restored(drills, runs, since),
        version=runs,
    )


def _worst(moments: Sequence[datetime | None]) -> datetime | None:
    """None where there is none at all, or one is missing."""
    known = [at for at in moments if at is not None]
    return min(known) if known and len(known) == len(moments) else None


def _restored(drills: Sequence[Drill | None], version: str, since: datetime | None) -> str:
    told = {_version_of(one, version, since) for one in drills}
    return told.pop() if len(told) == 1 else ""


def _version_of(drill: Drill | None, version: str, since: datetime | None) -> str:
    if drill is None:
        return ""
    if said := str(drill.facts.get("version", "")):
        return said
    # a drill here may restore a set that is older than the version
    return version if since is not None and (drill.set_at or drill.started_at) >= since else ""


def _versions(tills: Sequence[Terminal], product: str) -> dict[str, tuple[str, datetime]]:
    """The version of the programme that each till told last, and when. Two of the same name: not known."""
    wanted = product.strip().casefold()
    if not wanted:
        return {}
    found: dict[str, set[tuple[str, datetime]]] = defaultdict(set)
    for row in Holding.objects.filter(terminal__in=tills):
        for name, version, *_rest in row.items:
            if wanted in str(name).casefold() and version:
                found[row.terminal_id].add((str(version), row.at))
    return {
        pk: next(iter(told)) for pk, told in found.items() if len({version for version, _at in told}) == 1
    }
