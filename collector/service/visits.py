"""What people do with visits: plan one, drive, do the work, and prove it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet

from collector.core import live
from collector.core.models import User
from collector.incidents import actions
from collector.incidents.life import State, Stimulus, can
from collector.incidents.models import Incident
from collector.inventory.models import Site, Terminal
from collector.service import catalogue, flow, people, rota, telling, tour
from collector.service.refusing import ServiceRefused
from collector.service.tour import Stop, Tour
from collector.service.visit_models import Visit, VisitFile, VisitPart, VisitStep

FILE_MOST = 6_000_000
FILES_MOST = 12
LONGEST = timedelta(hours=24)
KINDS = ("photo", "signature")
_MAGIC = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    site: Site
    purpose: str
    starts_at: datetime
    ends_at: datetime
    technician: User | None = None
    terminal: Terminal | None = None
    incident: Incident | None = None
    change: int | None = None
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    number: str = ""
    serial: str = ""
    quantity: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What the work is proven by; the photograph or signature is a file that lies with the visit already."""

    note: str
    minutes: int
    travel_minutes: int = 0
    signed_by: str = ""
    parts: Sequence[Part] = field(default_factory=tuple)


def plan(wanted: Plan, by: User, now: datetime) -> Visit:
    """ServiceRefused visit.times, visit.no_purpose, visit.place, rota.not_a_worker."""
    _may_work(by)
    _check(wanted.starts_at, wanted.ends_at)
    if not wanted.purpose.strip():
        raise ServiceRefused("say what the visit is for", code="visit.no_purpose")
    if wanted.terminal is not None and wanted.terminal.site_id != wanted.site.pk:
        raise ServiceRefused("this till stands in another shop", code="visit.place")
    _works(wanted.technician)
    with transaction.atomic():
        row = Visit.objects.create(
            site=wanted.site, terminal=wanted.terminal, incident=wanted.incident, change_id=wanted.change,
            technician=wanted.technician, purpose=wanted.purpose.strip()[:400], starts_at=wanted.starts_at,
            ends_at=wanted.ends_at, fixed=wanted.fixed, created_at=now, by=by,
        )  # fmt: skip
        _step(row, "plan", "", by, now)
        if row.incident is not None:
            _agree(row, row.incident, by, now)
        _tell_technician(row, by, now)
    return row


def act(pk: int, stimulus: str, by: User, now: datetime, note: str = "") -> Visit:
    """confirm, leave, arrive, fail, cancel. A visit that failed or is called off says why."""
    if stimulus in ("finish", "move"):
        raise ServiceRefused("this needs more than a word", code="service.state", detail=stimulus)
    if stimulus in ("fail", "cancel") and not note.strip():
        raise ServiceRefused("say why", code="visit.no_note")
    with transaction.atomic():
        row, before = _moved(pk, stimulus, by)
        if stimulus == "arrive":
            row.arrived_at = now
        _tell_incident(row, stimulus, by)
        if stimulus == "fail":
            row.ended_at, row.note = now, note.strip()
        row.save()
        _step(row, stimulus, before, by, now, note=note)
    return row


def move(
    pk: int,
    starts_at: datetime,
    ends_at: datetime,
    by: User,
    now: datetime,
    *,
    technician: User | None = None,
) -> Visit:
    """Another time or another technician."""
    _check(starts_at, ends_at)
    _works(technician)
    with transaction.atomic():
        row, before = _moved(pk, "move", by)
        row.starts_at, row.ends_at, row.place = starts_at, ends_at, 0
        row.technician = technician or row.technician
        row.ended_at = row.arrived_at = None
        row.save()
        _step(row, "move", before, by, now)
        if row.incident is not None:
            _agree(row, row.incident, by, now)
        _tell_technician(row, by, now)
    return row


def attach(pk: int, kind: str, name: str, content: bytes, by: User, *, now: datetime) -> VisitFile:
    """A photograph or a signature; the same bytes are kept once. ServiceRefused visit.file_kind, visit.file_size,
    visit.file_type, visit.files."""
    _may_work(by)
    if kind not in KINDS:
        raise ServiceRefused("a photograph or a signature", code="visit.file_kind")
    if not 0 < len(content) <= FILE_MOST:
        raise ServiceRefused("the file is empty or too large", code="visit.file_size")
    media_type = next((told for magic, told in _MAGIC.items() if content.startswith(magic)), "")
    if not media_type:
        raise ServiceRefused("only PNG and JPEG are taken", code="visit.file_type")
    with transaction.atomic():
        row = _locked(pk)
        if row.state in ("cancelled", "done"):
            raise ServiceRefused("the visit is over", code="service.state", detail=row.state)
        digest = hashlib.sha256(content).hexdigest()
        if not row.files.filter(digest=digest).exists() and row.files.count() >= FILES_MOST:
            raise ServiceRefused("it has as many files as it can have", code="visit.files")
        found, _new = VisitFile.objects.get_or_create(
            visit=row, digest=digest,
            defaults={"kind": kind, "name": name[:200] or kind, "media_type": media_type, "at": now, "by": by,
                      "size_bytes": len(content), "content": content},
        )  # fmt: skip
    return found


def detach(pk: int, file: int, by: User) -> None:
    """A wrong picture, as long as the visit is not over."""
    _may_work(by)
    with transaction.atomic():
        row = _locked(pk)
        if row.state in flow.VISIT_OVER:
            raise ServiceRefused("the visit is over", code="service.state", detail=row.state)
        row.files.filter(pk=file).delete()


def finish(pk: int, proof: Proof, by: User, now: datetime) -> Visit:
    """Done, with proof. ServiceRefused visit.no_note, visit.no_time, visit.no_proof, visit.no_signer."""
    with transaction.atomic():
        row, before = _moved(pk, "finish", by)
        _proven(row, proof)
        row.note, row.minutes, row.travel_minutes = proof.note.strip(), proof.minutes, proof.travel_minutes
        row.signed_by, row.ended_at = proof.signed_by.strip()[:200], now
        row.save()
        VisitPart.objects.bulk_create(
            VisitPart(visit=row, name=one.name.strip()[:200], number=one.number.strip()[:100],
                      serial=one.serial.strip()[:100], quantity=one.quantity)
            for one in proof.parts if one.name.strip()
        )  # fmt: skip
        _step(row, "finish", before, by, now, note=row.note)
        if row.incident is not None:
            actions.note(row.incident.pk, by, row.note[:2000])
    return row


def day_of(technician: int | None, day: datetime) -> QuerySet[Visit]:
    """The visits of a day on the wall clock of Riga, in the order of the tour where one was planned."""
    zone = "Europe/Riga"
    date = day.astimezone(ZoneInfo(zone)).date()
    start, end = (rota.moment(date + timedelta(days=n), time(0), zone) for n in (0, 1))
    rows = Visit.objects.filter(starts_at__gte=start, starts_at__lt=end).exclude(state="cancelled")
    rows = rows.select_related("site__customer", "terminal", "technician", "incident")
    return (rows.filter(technician=technician) if technician else rows).order_by("place", "starts_at", "id")


def tour_of(technician: User, day: datetime) -> Tour:
    """What order is proposed, changing nothing."""
    stops = [
        Stop(one.pk, one.site.city, one.starts_at, one.fixed)
        for one in day_of(technician.pk, day)
        if one.state in ("planned", "confirmed")
    ]
    return tour.plan(stops, people.worker_of(technician).town, catalogue.towns())


def arrange(technician: User, day: datetime, by: User) -> Tour:
    """Keep the proposed order. Times stay as they were agreed."""
    _may_work(by)
    found = tour_of(technician, day)
    with transaction.atomic():
        for place, pk in enumerate(found.order, 1):
            Visit.objects.filter(pk=pk).update(place=place)
    live.publish_on_commit("visit", technician.pk)
    return found


def _agree(row: Visit, incident: Incident, by: User, now: datetime) -> None:
    """Its clock stands until the agreed time. One that nobody had is the technician's."""
    if not incident.is_open or row.starts_at <= now:
        return
    if incident.assignee_id is None:
        incident = actions.assign(incident.pk, by, row.technician or by)
    if can(incident.state, Stimulus.VISIT):
        actions.agree_visit(incident.pk, by, row.starts_at, row.purpose)


def _tell_technician(row: Visit, by: User, now: datetime) -> None:
    """Whoever plans for others tells them; nobody is told what they did themselves."""
    if row.technician is None or row.technician == by:
        return
    place = ", ".join(part for part in (row.site.city, row.site.name, row.site.address) if part)
    words = telling.text_of(
        "visit", f"/visits/{row.pk}/", start=row.starts_at, place=place, purpose=row.purpose
    )
    key = f"visit:{row.pk}:{row.starts_at:%Y%m%d%H%M}"
    telling.tell(row.technician, words, now, key=key, about=f"visit:{row.pk}")


def _tell_incident(row: Visit, stimulus: str, by: User) -> None:
    """Whoever arrives begins to work on it; a visit that comes to nothing ends the wait."""
    incident = row.incident
    if incident is None or incident.state != State.SCHEDULED_VISIT:
        return
    if stimulus == "arrive":
        actions.start(incident.pk, by)
    elif stimulus in ("fail", "cancel"):
        actions.wake(incident.pk, by)


def _proven(row: Visit, proof: Proof) -> None:
    if not proof.note.strip():
        raise ServiceRefused("say what was done", code="visit.no_note")
    if not 0 < proof.minutes <= LONGEST.total_seconds() / 60:
        raise ServiceRefused("say how many minutes it took", code="visit.no_time")
    if any(not 0 < one.quantity < 1000 for one in proof.parts):
        raise ServiceRefused("say how many of each part", code="visit.parts")
    kinds = set(row.files.values_list("kind", flat=True))
    if not kinds:
        raise ServiceRefused("a photograph or a signature is missing", code="visit.no_proof")
    if "signature" in kinds and not proof.signed_by.strip():
        raise ServiceRefused("say who signed", code="visit.no_signer")


def _moved(pk: int, stimulus: str, by: User) -> tuple[Visit, str]:
    _may_work(by)
    row = _locked(pk)
    before = row.state
    row.state = flow.VISITS.move(before, stimulus)
    return row, before


def _locked(pk: int) -> Visit:
    row = Visit.objects.select_for_update(of=("self",)).filter(pk=pk).first()
    if row is None:
        raise ServiceRefused("there is no such visit", code="visit.unknown")
    return row


def _check(starts_at: datetime, ends_at: datetime) -> None:
    if not timedelta() < ends_at - starts_at <= LONGEST:
        raise ServiceRefused("a visit ends after it begins, within a day", code="visit.times")


def _works(person: User | None) -> None:
    if person is not None and not (person.may_work and person.is_active):
        raise ServiceRefused("this person does not work at the desk", code="rota.not_a_worker")


def _may_work(by: User) -> None:
    if not by.may_work:
        raise ServiceRefused("only technicians and managers may do this", code="incident.not_allowed")


def _step(row: Visit, kind: str, before: str, by: User | None, now: datetime, *, note: str = "") -> None:
    VisitStep.objects.create(
        visit=row, kind=kind, from_state=before, to_state=row.state, at=now, by=by, note=note.strip()[:4000]
    )
    live.publish_on_commit("visit", row.pk)
