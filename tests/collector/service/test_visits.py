"""A visit is planned, driven to, and done with proof; the order of a day keeps agreed times."""

from datetime import timedelta
from itertools import pairwise, permutations, starmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.service import catalogue, tour, visits
from collector.service.refusing import ServiceRefused
from collector.service.tour import Stop
from collector.service.visit_models import Visit
from collector.service.visits import Part, Plan, Proof
from tests.collector.service import office
from tests.collector.service.office import HOUR, NOW

PNG = b"\x89PNG\r\n\x1a\n" + b"drawn"
GOOD = Proof(
    note="new head", minutes=40, travel_minutes=25, signed_by="Anna", parts=(Part("head", "H-1", "S9"),)
)


def refused(code: str) -> "pytest.RaisesExc[ServiceRefused]":
    return pytest.raises(ServiceRefused, check=lambda e: e.code == code)


def planned(city: str = "Rīga", hours: int = 1, **more: object) -> Visit:
    worker = more.pop("technician", None) or office.person()
    fields: dict[str, object] = {
        "site": office.site(f"Veikals {city} {hours}", city), "purpose": "printer head", "technician": worker,
        "starts_at": NOW + hours * HOUR, "ends_at": NOW + (hours + 1) * HOUR,
    }  # fmt: skip
    return visits.plan(Plan(**{**fields, **more}), worker, NOW)  # type: ignore[arg-type]


@pytest.mark.django_db
def test_a_visit_is_done_with_note_time_part_and_signature() -> None:
    row = planned()
    by = row.technician
    assert by is not None
    for stimulus in ("confirm", "leave", "arrive"):
        visits.act(row.pk, stimulus, by, NOW)
    for proof, code in (
        (Proof(note=" ", minutes=4), "visit.no_note"),
        (Proof(note="x", minutes=0), "visit.no_time"),
        (Proof(note="x", minutes=4), "visit.no_proof"),
    ):
        with refused(code):
            visits.finish(row.pk, proof, by, NOW)
    visits.attach(row.pk, "signature", "s.png", PNG, by, now=NOW)
    visits.attach(row.pk, "signature", "s.png", PNG, by, now=NOW)
    with refused("visit.no_signer"):
        visits.finish(row.pk, Proof(note="x", minutes=4), by, NOW)
    visits.finish(row.pk, GOOD, by, NOW + HOUR)
    row.refresh_from_db()
    assert (row.state, row.minutes, row.signed_by, row.files.count()) == ("done", 40, "Anna", 1)
    assert [(one.name, one.serial) for one in row.parts.all()] == [("head", "S9")]
    assert [one.kind for one in row.steps.all()] == ["plan", "confirm", "leave", "arrive", "finish"]
    with refused("service.state"):
        visits.attach(row.pk, "photo", "late.png", PNG + b"2", by, now=NOW)


@pytest.mark.django_db
def test_what_is_wrong_with_a_file_or_a_plan_is_said() -> None:
    row = planned()
    by = row.technician
    assert by is not None
    for kind, content, code in (
        ("selfie", PNG, "visit.file_kind"),
        ("photo", b"", "visit.file_size"),
        ("photo", b"<svg onload=x>", "visit.file_type"),
        ("photo", PNG + bytes(visits.FILE_MOST), "visit.file_size"),
    ):
        with refused(code):
            visits.attach(row.pk, kind, "x", content, by, now=NOW)
    with refused("visit.times"):
        planned(ends_at=NOW - HOUR)
    with refused("visit.no_purpose"):
        planned(purpose=" ")
    with refused("visit.place"):
        planned(terminal=office.till())
    with refused("visit.no_note"):
        visits.act(row.pk, "cancel", by, NOW)
    with refused("service.state"):
        visits.finish(row.pk, GOOD, by, NOW)
    with refused("incident.not_allowed"):
        visits.act(row.pk, "confirm", office.person("reader"), NOW)


@pytest.mark.django_db
def test_a_visit_that_failed_is_moved_to_another_day() -> None:
    row = planned()
    by = row.technician
    assert by is not None
    for stimulus in ("leave", "arrive"):
        visits.act(row.pk, stimulus, by, NOW)
    visits.act(row.pk, "fail", by, NOW, "the shop was shut")
    visits.move(row.pk, NOW + 25 * HOUR, NOW + 26 * HOUR, by, NOW)
    row.refresh_from_db()
    assert (row.state, row.arrived_at) == ("planned", None)


@pytest.mark.django_db
def test_the_order_of_a_day_is_kept_when_asked() -> None:
    worker = office.person(town="Rīga")
    rows = [
        planned(city, hour, technician=worker) for hour, city in enumerate(("Valmiera", "Jelgava", "Cēsis"))
    ]
    assert visits.tour_of(worker, NOW).order != tuple(one.pk for one in rows)
    found = visits.arrange(worker, NOW, worker)
    assert [one.site.city for one in visits.day_of(worker.pk, NOW)] == [
        next(row.site.city for row in rows if row.pk == pk) for pk in found.order
    ]
    assert visits.day_of(worker.pk, NOW + timedelta(days=1)).count() == 0


TOWNS = st.sampled_from([*sorted(catalogue.towns()), "Nekurene"])
STOPS = st.lists(st.tuples(TOWNS, st.integers(0, 600), st.booleans()), max_size=9).map(
    lambda rows: [
        Stop(n, town, NOW + timedelta(minutes=minute), fixed) for n, (town, minute, fixed) in enumerate(rows)
    ]
)


@given(STOPS, st.sampled_from(["Rīga", "", "Nekurene"]))
def test_every_stop_is_visited_once_and_agreed_times_keep_their_order(stops: list[Stop], home: str) -> None:
    found = tour.plan(stops, home, catalogue.towns())
    assert sorted(found.order) == [one.id for one in stops]
    at = {one.id: one for one in stops}
    fixed = [at[pk] for pk in found.order if at[pk].fixed and at[pk].town in catalogue.towns()]
    assert fixed == sorted(fixed, key=lambda one: (one.at, one.id))
    assert set(found.unknown) == {one.town for one in stops} - set(catalogue.towns())


def test_a_town_on_the_way_is_visited_on_the_way() -> None:
    stops = [
        Stop(1, "Valmiera", NOW),
        Stop(2, "Daugavpils", NOW),
        Stop(3, "Cēsis", NOW),
        Stop(4, "Jēkabpils", NOW),
    ]
    found = tour.plan(stops, "Rīga", catalogue.towns())
    at = catalogue.towns()
    ways = ([at["Rīga"], *(at[one.town] for one in way), at["Rīga"]] for way in permutations(stops))
    assert found.km == pytest.approx(min(sum(starmap(tour.km, pairwise(way))) for way in ways), abs=0.1)
    assert found.km < tour.plan([*stops, Stop(5, "Liepāja", NOW)], "Rīga", catalogue.towns()).km


def test_one_town_is_driven_to_once() -> None:
    stops = [Stop(1, "Cēsis", NOW), Stop(2, "Liepāja", NOW + HOUR), Stop(3, "Cēsis", NOW + 2 * HOUR)]
    order = tour.plan(stops, "Rīga", catalogue.towns()).order
    assert abs(order.index(1) - order.index(3)) == 1
