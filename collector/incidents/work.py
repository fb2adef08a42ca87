"""What was done and used: files, time and parts of an incident. Each may be taken out again: it stays, struck out."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Sum

from collector.core import files
from collector.core.models import User
from collector.incidents.acting import ActionRefused, acting
from collector.incidents.desk_models import Attachment, PartUsed, TimeSpent
from collector.incidents.models import Incident, Kind

MOST_FILES = 50
MOST_MINUTES = 24 * 60
MOST_PARTS = 1000
SORTS: dict[str, type[Attachment | TimeSpent | PartUsed]] = {
    "file": Attachment,
    "time": TimeSpent,
    "part": PartUsed,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    name: str
    quantity: int = 1
    serial_out: str = ""
    serial_in: str = ""
    billable: bool = False


def attach(
    incident: int, by: User, name: str, chunks: Iterable[bytes], *, public: bool = False
) -> Attachment:
    """`public`: the customer sees it. FileRefused, ActionRefused (`incident.file`: there are MOST_FILES)."""
    with acting(incident, by) as act:
        if act.incident.attachment_rows.filter(removed_at=None).count() >= MOST_FILES:
            raise ActionRefused(f"an incident has {MOST_FILES} files at most", code="incident.file")
        kept = files.keep(chunks)
        row: Attachment = act.incident.attachment_rows.create(
            at=act.now,
            by=by,
            name=files.plain_name(name),
            media_type=kept.media_type,
            size_bytes=kept.size_bytes,
            digest=kept.digest,
            public=public,
        )
        act.did(Kind.ATTACHED, note=row.name, public=public, detail={"attachment": row.pk})
        return row


def spend(incident: int, by: User, minutes: int, note: str = "", *, billable: bool = False) -> TimeSpent:
    if not 1 <= minutes <= MOST_MINUTES:
        raise ActionRefused("minutes are 1 to 1440", code="incident.work")
    with acting(incident, by) as act:
        row: TimeSpent = act.incident.timespent_rows.create(
            at=act.now, by=by, minutes=minutes, note=note.strip()[:400], billable=billable
        )
        act.did(Kind.WORKED, note=row.note, detail={"minutes": minutes, "billable": billable})
        return row


def use(incident: int, by: User, part: Part) -> PartUsed:
    if not part.name.strip() or not 1 <= part.quantity <= MOST_PARTS:
        raise ActionRefused("a part has a name and a number", code="incident.work")
    with acting(incident, by) as act:
        row: PartUsed = act.incident.partused_rows.create(
            at=act.now,
            by=by,
            name=part.name.strip()[:200],
            quantity=part.quantity,
            serial_out=part.serial_out.strip()[:100],
            serial_in=part.serial_in.strip()[:100],
            billable=part.billable,
        )
        act.did(Kind.WORKED, note=row.name, detail={"part": row.name, "quantity": row.quantity})
        return row


def strike(incident: int, by: User, sort: str, pk: int, *, back: bool = False) -> Incident:
    """It was entered wrongly; `back`: it was not, after all."""
    with acting(incident, by) as act:
        row = SORTS[sort].objects.filter(incident=incident, pk=pk).first() if sort in SORTS else None
        if row is None or (row.removed_at is None) == back:
            raise ActionRefused("there is no such entry", code="incident.work")
        row.removed_at, row.removed_by = (None, None) if back else (act.now, by)
        row.save()
        kind = Kind.ATTACHED if sort == "file" else Kind.WORKED
        act.did(kind, note=str(getattr(row, "name", "")), detail={"struck": not back, "entry": sort})
        return act.incident


def minutes_of(incident: Incident) -> int:
    total = incident.timespent_rows.filter(removed_at=None).aggregate(sum=Sum("minutes"))["sum"]
    return int(total or 0)
