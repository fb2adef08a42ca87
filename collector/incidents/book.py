"""The book of the engine in the database: incidents, their transitions, and what is watched. Everything runs in the
transaction of the caller, on locked rows."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db.models import QuerySet

from collector.core import live
from collector.incidents.engine import storm
from collector.incidents.engine.decisions import (
    Clear,
    Decision,
    Escalate,
    Flap,
    Open,
    Release,
    Reopen,
    Repeat,
    Resolve,
    Suppress,
)
from collector.incidents.engine.facts import Known, Spot, Watch, Why
from collector.incidents.engine.place import Place
from collector.incidents.life import Stimulus, move
from collector.incidents.models import OPEN, Incident, Kind, State
from collector.incidents.place import about, in_place, name_of, place_named
from collector.incidents.steps import step
from collector.incidents.watch_models import Watched
from collector.inventory.models import Device
from protocols.status.faults import Severity

NEVER = (State.MERGED, State.CANCELLED)
"""What ended so is not gone on with."""
RESOLVED_BY_ITSELF = "recovered"
"""`Incident.resolution` where nobody had a hand in it; pages put it into words."""


def spot_of(incident: Incident) -> Spot:
    return Spot(name_of(incident), incident.subject_kind, incident.subject_id, incident.code)


def known_of(incident: Incident) -> Known:
    return Known(
        id=incident.pk,
        spot=spot_of(incident),
        rule=incident.rule,
        severity=Severity(incident.severity),
        since=incident.since,
        opened_at=incident.opened_at,
        open=incident.is_open,
        terminal=incident.terminal_id or "",
        site=incident.site_id,
        cleared_at=incident.cleared_at,
        by_itself=incident.state == State.RESOLVED and incident.resolution == RESOLVED_BY_ITSELF,
        cause=incident.cause_id,
        why=incident.suppressed_why,
    )


def watch_of(spot: Spot, row: Watched) -> Watch:
    return Watch(
        spot=spot,
        marks=tuple(row.marks),
        up_at=row.up_at,
        since=row.since,
        waits=row.waits,
        flapping_since=row.flapping_since,
        reason=row.reason,
        ahead=timedelta(seconds=row.ahead_s),
        due_at=row.due_at,
    )


class Ledger:
    """For one piece of work: what it has read it has locked, and does not read again. `ahead`: how much the server's
    clock is ahead of that of who told; for the holds that pages show."""

    def __init__(self, ahead: timedelta = timedelta()) -> None:
        self.ahead = ahead
        self._watched: dict[Spot, Watched] = {}
        self._rows: dict[int, Incident] = {}

    def watch(self, spot: Spot) -> Watch | None:
        row = Watched.objects.select_for_update(of=("self",)).filter(**columns(spot)).first()
        if row is None:
            return None
        self._watched[spot] = row
        return watch_of(spot, row)

    def keep(self, watch: Watch) -> None:
        self._put(watch).save()

    def _put(self, watch: Watch) -> Watched:
        """The row, as it is to be written."""
        row = self._watched.get(watch.spot) or Watched(**columns(watch.spot))
        row.marks, row.up_at, row.since = list(watch.marks), watch.up_at, watch.since
        row.waits, row.flapping_since, row.reason = watch.waits, watch.flapping_since, watch.reason[:400]
        row.ahead_s, row.due_at = watch.ahead.total_seconds(), watch.due_at
        self._watched[watch.spot] = row
        return row

    def newest(self, spot: Spot) -> Known | None:
        rows = locked().filter(
            in_place(spot.place), subject_kind=spot.kind, subject_id=spot.id, code=spot.code
        )
        incident = rows.exclude(state__in=NEVER).order_by("-id").first()
        if incident is None:
            return None
        return known_of(self._rows.setdefault(incident.pk, incident))

    def get(self, incident: int) -> Known | None:
        """The one that it was merged into, where it was."""
        if incident in self._rows:
            return known_of(self._rows[incident])
        found = Incident.objects.filter(pk=incident).select_related("merged_into").first()
        if found is not None and found.merged_into is not None:
            found = found.merged_into
        return known_of(found) if found else None

    def place_of(self, known: Known) -> Place:
        return place_named(known.spot.place)

    def around(self, place: Place, codes: Iterable[str]) -> Iterable[Known]:
        return _all(open_ones().filter(about(place), code__in=list(codes)))

    def within(self, cause: Known) -> Iterable[Known]:
        rows = open_ones().filter(suppressed_since=None)
        if cause.terminal:
            return _all(rows.filter(terminal=cause.terminal))
        if cause.site is not None:
            return _all(rows.filter(site=cause.site, terminal__isnull=False))
        kind, _colon, name = cause.spot.place.removeprefix("area/").partition(":")
        if kind not in ("provider", "region"):
            return []
        return _all(rows.filter(**{"terminal": None, f"site__{kind}": name}))

    def effects(self, cause: int) -> Iterable[Known]:
        return _all(open_ones().filter(cause=cause, suppressed_since__isnull=False))

    def standing(self, code: str, since: datetime, until: datetime, most: int) -> list[Known]:
        rows = open_ones().filter(code=code, opened_at__range=(since, until), site__isnull=False)
        return _all(rows.filter(suppressed_since=None).order_by("opened_at", "id")[:most])

    def stormed(self, code: str, since: datetime, until: datetime) -> bool:
        rows = open_ones().filter(code=code, opened_at__range=(since, until))
        return rows.filter(suppressed_why=Why.STORM.value).exists()

    def write(self, decision: Decision, place: Place, now: datetime) -> Known:
        if isinstance(decision, Open):
            opened = self._open(decision, place, now)
            self._rows[opened.pk] = opened
            return known_of(opened)
        incident = self._rows.get(decision.incident)
        if incident is None:
            incident = self._rows[decision.incident] = locked().get(pk=decision.incident)
        match decision:
            case Repeat() | Reopen() | Clear() | Resolve():
                self._lived(incident, decision, now)
            case Escalate():
                before, incident.severity = incident.severity, decision.severity.value
                self._step(incident, Kind.ESCALATED, decision.at, now, detail={"before": before})
            case Flap():
                self._step(incident, Kind.FLAPPING, decision.at, now)
            case Suppress():
                incident.suppressed_since, incident.suppressed_why = now, decision.why
                incident.cause_id = decision.cause
                why = {"why": decision.why, "cause": decision.cause}
                self._step(incident, Kind.SUPPRESSED, decision.at, now, detail=why)
            case Release():
                why = {"why": incident.suppressed_why, "cause": incident.cause_id}
                _stand(incident)
                self._step(incident, Kind.RELEASED, decision.at, now, detail=why)
        return known_of(incident)

    def _open(self, decision: Open, place: Place, now: datetime) -> Incident:
        spot, device = decision.spot, None
        if spot.kind == "device" and spot.id and place.terminal:
            device = self._device(place.terminal, spot.id, now)
        incident = Incident(
            terminal_id=place.terminal or None,
            site_id=place.site,
            area="" if place.site is not None else spot.place.removeprefix("area/"),
            device=device,
            subject_kind=spot.kind,
            subject_id=spot.id,
            code=spot.code,
            severity=decision.severity.value,
            state=State.NEW,
            rule=decision.rule,
            reason=decision.reason,
            since=decision.since,
            opened_at=decision.at,
            last_seen_at=decision.at,
        )
        self._step(incident, Kind.OPENED, decision.at, now)
        return incident

    def _lived(self, incident: Incident, decision: Repeat | Reopen | Clear | Resolve, now: datetime) -> None:
        quiet, kind, to = False, Kind.REPEATED, None
        match decision:
            case Repeat():
                _seen(incident, decision.at, decision.reason)
                quiet = decision.quiet
            case Clear():
                incident.cleared_at = decision.at
                ends_at = decision.at + timedelta(seconds=decision.hold_s) + self.ahead
                incident.resolve_due_at = max(ends_at, now)
                kind, quiet = Kind.CLEARED, decision.quiet
            case Reopen():
                _seen(incident, decision.at, decision.reason)
                kind, quiet, to = Kind.REOPENED, decision.quiet, _reopened(incident)
            case Resolve():
                incident.resolved_at, incident.resolve_due_at = decision.at, None
                incident.resolution = RESOLVED_BY_ITSELF
                kind, to = Kind.RESOLVED, State.RESOLVED
        if quiet and to in (None, incident.state):
            self._counted(incident, kind)
        else:
            self._step(incident, kind, decision.at, now, to=to)

    def _device(self, terminal: str, name: str, now: datetime) -> Device:
        return Device.objects.get_or_create(terminal_id=terminal, name=name, defaults={"first_seen_at": now})[
            0
        ]

    def _step(
        self,
        incident: Incident,
        kind: Kind,
        at: datetime,
        now: datetime,
        *,
        to: str | None = None,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        step(incident, kind, at, now, to=to, detail=detail)

    def _counted(self, incident: Incident, kind: Kind) -> None:
        """Something happened to it that gets no row of its own."""
        incident.save()
        live.publish_on_commit("incident", incident.pk, terminal=incident.terminal_id, kind=str(kind))


def is_summary(incident: Incident) -> bool:
    return not incident.terminal_id and not incident.site_id and incident.area == storm.AREA


def _reopened(incident: Incident) -> str:
    """The state that it has then; what suppressed it before is judged anew."""
    back_to = incident.state if incident.is_open else _reopened_state(incident)
    if not incident.is_open:
        _stand(incident)
        incident.reopen_count += 1
    incident.cleared_at = incident.resolve_due_at = incident.resolved_at = None
    incident.resolution = ""
    return back_to


def _stand(incident: Incident) -> None:
    incident.suppressed_since, incident.suppressed_why, incident.cause = None, "", None


def _seen(incident: Incident, at: datetime, reason: str) -> None:
    incident.count += 1
    incident.last_seen_at = max(incident.last_seen_at, at)
    incident.reason = reason or incident.reason


def _reopened_state(incident: Incident) -> str:
    """Whoever had it has it again; what it waited for before is over."""
    return move(incident.state, Stimulus.REOPEN if incident.assignee_id else Stimulus.RETURN)


def columns(spot: Spot) -> dict[str, str]:
    return {"place": spot.place, "subject_kind": spot.kind, "subject_id": spot.id, "code": spot.code}


def locked() -> QuerySet[Incident]:
    return Incident.objects.select_for_update(of=("self",))


def open_ones() -> QuerySet[Incident]:
    return Incident.objects.filter(state__in=OPEN)


def _all(rows: QuerySet[Incident]) -> list[Known]:
    return [known_of(row) for row in rows]
