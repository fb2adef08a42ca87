"""The book of the engine for many events in one transaction: what they need is read once for all of them, the engine
decides on it in memory, and `end` writes what became of it. Whoever reads or writes incidents otherwise in the same
transaction calls `end` before."""

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast

from django.db import connection, models, transaction
from django.db.models import Max

from collector.core import live
from collector.incidents import kept_rules
from collector.incidents.book import NEVER, Ledger, known_of, locked, open_ones, watch_of
from collector.incidents.engine.decisions import Decision, Open
from collector.incidents.engine.driver import Driver
from collector.incidents.engine.facts import (
    Happening,
    Known,
    Spot,
    Watch,
    Why,
    area_place,
    site_place,
    till_place,
)
from collector.incidents.engine.place import Place
from collector.incidents.models import Incident, Kind, Transition
from collector.incidents.place import in_place, name_of, place_named
from collector.incidents.steps import prepared
from collector.incidents.watch_models import Watched
from collector.inventory.models import Device

WIDER = timedelta(seconds=60)
"""More of a code's time is read than was asked for: the next event asks for a little later."""
_KEPT = ("marks", "up_at", "since", "waits", "flapping_since", "reason", "ahead_s", "due_at")
_LIVED = (
    "severity", "state", "reason", "count", "last_seen_at", "cleared_at", "resolve_due_at", "resolved_at", "resolution",
    "cause", "suppressed_since", "suppressed_why", "pending_until", "pending_reason", "reopen_count", "renewed",
)  # fmt: skip
"""All of an incident that the engine may change."""
Moment = tuple[datetime, int]


class Lately:
    """Open incidents of one code that opened within some time, by when they did: those that stand, and those that are
    of a storm."""

    def __init__(self, code: str, since: datetime, until: datetime) -> None:
        self.since, self.until = since, until
        self._stand: list[Moment] = []
        self._storm: list[Moment] = []
        rows = open_ones().filter(code=code, opened_at__range=(since, until))
        for row in rows.only("opened_at", "suppressed_since", "suppressed_why", "site"):
            self._list(row)

    def covers(self, since: datetime, until: datetime) -> bool:
        return self.since <= since and until <= self.until

    def see(self, row: Incident) -> None:
        """As it is now."""
        one = (row.opened_at, row.pk)
        for times in (self._stand, self._storm):
            found = bisect_left(times, one)
            if times[found : found + 1] == [one]:
                del times[found]
        if row.is_open and self.since <= row.opened_at <= self.until:
            self._list(row)

    def standing(self, since: datetime, until: datetime, most: int) -> list[int]:
        first = bisect_left(self._stand, (since, -1))
        return [pk for at, pk in self._stand[first : first + most] if at <= until]

    def stormed(self, since: datetime, until: datetime) -> bool:
        found = bisect_left(self._storm, (since, -1))
        return found < len(self._storm) and self._storm[found][0] <= until

    def _list(self, row: Incident) -> None:
        if row.suppressed_since is None and row.site_id is not None:
            insort(self._stand, (row.opened_at, row.pk))
        elif row.suppressed_why == Why.STORM.value:
            insort(self._storm, (row.opened_at, row.pk))


class Batch(Ledger):
    """`expect` says what will be told, so that it is read together; anything else is read when it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self._driver: Driver | None = None
        self._expected: set[Spot] = set()
        self._forget()

    def expect(self, spots: Iterable[Spot]) -> None:
        """Of tills; before the first of them is told."""
        self._expected.update(spots)

    def tell(self, terminal: str, happening: Happening, now: datetime, ahead: timedelta) -> None:
        if self._driver is None:
            self._driver = Driver(self, kept_rules.current())
            self._read(sorted(self._expected))
        self.ahead = ahead
        self._driver.tell(happening, self._place(till_place(terminal)), now, ahead)

    def end(self) -> None:
        """Write it all, and read anew what is asked for from now on."""
        if self._driver is not None:
            self._write_out()
            _publish(self._news)
            self._forget()

    def _forget(self) -> None:
        self._driver = None
        self._watched.clear()
        self._rows.clear()
        self._others: dict[int, Incident] = {}
        self._read_spots: set[Spot] = set()
        self._newest: dict[Spot, int | None] = {}
        self._in: dict[str, dict[int, Incident]] = {}
        self._lately: dict[str, Lately] = {}
        self._places: dict[str, Place] = {}
        self._devices: dict[tuple[str, str], Device] = {}
        self._news: dict[int, str | None] = {}
        self._forget_changes()

    def _forget_changes(self) -> None:
        self._kept: dict[Spot, Watched] = {}
        self._changed: dict[int, Incident] = {}
        self._told: list[Transition] = []

    def _read(self, spots: Sequence[Spot]) -> None:
        """In a fixed number of queries. What is locked is locked in the order of its numbers."""
        if not spots:
            return
        tills = sorted({spot.place.removeprefix("till/") for spot in spots})
        codes = sorted({spot.code for spot in spots})
        rows = Watched.objects.select_for_update(of=("self",)).order_by("id")
        for row in rows.filter(place__in=[till_place(till) for till in tills], code__in=codes):
            self._watched[Spot(row.place, row.subject_kind, row.subject_id, row.code)] = row
        self._read_spots.update(spots)
        for device in Device.objects.filter(terminal__in=tills):
            self._devices[device.terminal_id, device.name] = device
        self._read_incidents(tills, codes, spots)

    def _read_incidents(self, tills: Collection[str], codes: Collection[str], spots: Iterable[Spot]) -> None:
        of_tills = Incident.objects.filter(terminal__in=tills)
        newest = of_tills.filter(code__in=codes).exclude(state__in=NEVER).order_by()
        found = newest.values("terminal", "subject_kind", "subject_id", "code").annotate(newest=Max("id"))
        self._newest = dict.fromkeys(spots)
        for one in found:
            spot = Spot(till_place(one["terminal"]), one["subject_kind"], one["subject_id"], one["code"])
            self._newest[spot] = one["newest"]
        still = set(open_ones().filter(terminal__in=tills).values_list("pk", flat=True))
        wanted = still.union(pk for pk in self._newest.values() if pk is not None)
        self._rows = {row.pk: row for row in locked().filter(pk__in=wanted).order_by("id")}
        self._in = {till_place(till): {} for till in tills}
        for row in self._rows.values():
            self._see(row)

    def watch(self, spot: Spot) -> Watch | None:
        if spot not in self._watched and spot not in self._read_spots:
            self._read_spots.add(spot)
            return super().watch(spot)
        row = self._watched.get(spot)
        return None if row is None else watch_of(spot, row)

    def keep(self, watch: Watch) -> None:
        self._kept[watch.spot] = self._put(watch)

    def newest(self, spot: Spot) -> Known | None:
        if spot not in self._newest:
            found = super().newest(spot)
            self._newest[spot] = None if found is None else found.id
        pk = self._newest[spot]
        return None if pk is None else known_of(self._rows[pk])

    def place_of(self, known: Known) -> Place:
        return self._place(known.spot.place)

    def around(self, place: Place, codes: Iterable[str]) -> Iterator[Known]:
        names = [place.name, *(area_place(area) for area in place.areas)]
        if place.terminal and place.site is not None:
            names.append(site_place(place.site))
        return (known_of(row) for name in names for row in self._open_in(name) if row.code in codes)

    def within(self, cause: Known) -> Iterable[Known]:
        if not cause.terminal:
            self._write_out()
            return super().within(cause)
        rows = [row for row in self._open_in(cause.spot.place) if row.suppressed_since is None]
        return [known_of(row) for row in sorted(rows, key=lambda row: (row.opened_at, row.pk), reverse=True)]

    def effects(self, cause: int) -> Iterable[Known]:
        self._write_out()
        return super().effects(cause)

    def standing(self, code: str, since: datetime, until: datetime, most: int) -> list[Known]:
        numbers = self._of_code(code, since, until).standing(since, until, most)
        missing = [pk for pk in numbers if pk not in self._rows and pk not in self._others]
        if missing:
            self._others |= Incident.objects.in_bulk(missing)
        return [known_of(self._rows.get(pk) or self._others[pk]) for pk in numbers]

    def stormed(self, code: str, since: datetime, until: datetime) -> bool:
        return self._of_code(code, since, until).stormed(since, until)

    def write(self, decision: Decision, place: Place, now: datetime) -> Known:
        known = super().write(decision, place, now)
        self._see(self._rows[known.id])
        return known

    def _open(self, decision: Open, place: Place, now: datetime) -> Incident:
        if self._newest.get(decision.spot) in self._changed:
            self._write_out()  # the one before has ended, and the table has room for one that is open
        row = super()._open(decision, place, now)
        self._newest[decision.spot] = row.pk
        return row

    def _see(self, row: Incident) -> None:
        name = name_of(row)
        if name in self._in:
            self._in[name][row.pk] = row
        if row.code in self._lately:
            self._lately[row.code].see(row)

    def _open_in(self, name: str) -> Iterator[Incident]:
        if name not in self._in:
            self._write_out()
            rows = open_ones().filter(in_place(name))
            self._in[name] = {row.pk: self._rows.get(row.pk, row) for row in rows}
        return (row for row in self._in[name].values() if row.is_open)

    def _of_code(self, code: str, since: datetime, until: datetime) -> Lately:
        found = self._lately.get(code)
        if found is None or not found.covers(since, until):
            self._write_out()
            found = self._lately[code] = Lately(code, since - WIDER, until + WIDER)
        return found

    def _place(self, name: str) -> Place:
        if name not in self._places:
            self._places[name] = place_named(name)
        return self._places[name]

    def _device(self, terminal: str, name: str, now: datetime) -> Device:
        if (terminal, name) not in self._devices:
            self._devices[terminal, name] = super()._device(terminal, name, now)
        return self._devices[terminal, name]

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
        row = prepared(incident, kind, at, now, to=to, detail=detail)
        if incident.pk is None:
            incident.save()
            row.incident = incident
        self._changed[incident.pk] = incident
        self._told.append(row)

    def _counted(self, incident: Incident, kind: Kind) -> None:  # noqa: ARG002 - as a Ledger
        self._changed[incident.pk] = incident

    def _write_out(self) -> None:
        new = [row for row in self._kept.values() if row.pk is None]
        known = [row for row in self._kept.values() if row.pk is not None]
        changed = list(self._changed.values())
        for incident in changed:
            incident.renewed = False
        Watched.objects.bulk_create(new)
        _update(known, _KEPT)
        _update(changed, _LIVED)
        Transition.objects.bulk_create(self._told)
        self._news.update((row.pk, row.terminal_id) for row in changed)
        self._forget_changes()


def _update(rows: Sequence[models.Model], names: Sequence[str]) -> None:
    """One prepared statement for all of them: Django's own would be as long as there are rows."""
    if not rows:
        return
    meta, quoted = rows[0]._meta, connection.ops.quote_name
    fields = [cast("models.Field[object, object]", meta.get_field(name)) for name in names]
    setting = ", ".join(f"{quoted(str(one.column))} = %s" for one in fields)
    statement = f"UPDATE {quoted(meta.db_table)} SET {setting} WHERE id = %s"  # noqa: S608 - our own names
    values = [
        [*(one.get_db_prep_save(getattr(row, one.attname), connection) for one in fields), row.pk]
        for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(statement, values)


def _publish(changed: Mapping[int, str | None]) -> None:
    """Once for each, however much happened to it."""

    def publish() -> None:
        for pk, terminal in changed.items():
            live.publish({"topic": "incident", "id": pk, "terminal": terminal})

    transaction.on_commit(publish)
