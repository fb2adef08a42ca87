"""A customer's month, from what is in the database to the files that are read elsewhere."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

import openpyxl
import pytest
from pypdf import PdfReader

from collector.backups.models import Drill, Run
from collector.incidents.models import Incident, Kind, Transition
from collector.inventory.models import ContactPerson, Terminal
from collector.notify.models import Outgoing
from collector.reports import load, making
from collector.reports.gathering import gather, month_of
from collector.reports.models import Report
from tests.collector.web import world

pytestmark = pytest.mark.django_db
OCTOBER = datetime(2026, 9, 30, 21, tzinfo=UTC)  # midnight in Riga, summer time
NOVEMBER = datetime(2026, 10, 31, 22, tzinfo=UTC)  # and in winter time
NOW = datetime(2026, 11, 1, 4, 30, tzinfo=UTC)


def at(days: float) -> datetime:
    return OCTOBER + timedelta(days=days)


@pytest.fixture
def till() -> Terminal:
    """Its printer had no paper for 31 hours in two stretches; nobody saw the till for one day."""
    place = world.site()
    found = world.till(place, enrolled_at=OCTOBER - timedelta(days=40))
    printer = world.device(found, first_seen_at=OCTOBER - timedelta(days=40))
    fault = incident(
        found, "printer.paper_end", at(2), device=printer, subject_kind="device", subject_id="printer"
    )
    step(fault, Kind.CLEARED, at(3))
    step(fault, Kind.REOPENED, at(3.5))
    end(fault, at(3.5) + timedelta(hours=7))
    silence = incident(found, "agent.silent", at(10), subject_kind="terminal")
    end(silence, at(11))
    effect = incident(
        found, "device.no_reply", at(10), subject_kind="device", subject_id="printer", cause=silence
    )
    end(effect, at(11))
    for day in range(1, 31):
        ran(Run, found, at(day), ok=day != 7, engine="sqlite")
    ran(Drill, found, at(15), ok=True)
    ran(Drill, found, at(22), ok=False)
    return found


def incident(till: Terminal, code: str, begin: datetime, **more: object) -> Incident:
    times = {"since": begin, "opened_at": begin, "last_seen_at": begin}
    found = Incident.objects.create(
        terminal=till, site=till.site, code=code, severity="error", rule="device", **times, **more
    )
    step(found, Kind.OPENED, begin, to="new")
    return found


def step(found: Incident, kind: Kind, when: datetime, to: str = "new") -> None:
    Transition.objects.create(incident=found, kind=kind, at=when, recorded_at=when, to_state=to)


def end(found: Incident, when: datetime) -> None:
    step(found, Kind.CLEARED, when)
    step(found, Kind.RESOLVED, when, to="resolved")
    Incident.objects.filter(pk=found.pk).update(state="resolved", resolved_at=when, cleared_at=when)


def ran(kind: type[Run] | type[Drill], till: Terminal, when: datetime, **more: object) -> None:
    kind.objects.create(
        terminal=till, source="pos", started_at=when, received_at=when, duration_s=4.5, **more
    )


def test_the_month_is_what_its_rows_say(till: Terminal) -> None:
    customer = till.site.customer
    facts = gather(customer, month_of(customer, 2026, 10), NOW)
    assert (facts.begins_at, facts.ends_at) == (OCTOBER, NOVEMBER)
    [printer] = facts.devices
    hours = (NOVEMBER - OCTOBER).total_seconds() / 3600
    assert printer.counted_min == hours * 60
    assert (printer.down_min, printer.unknown_min) == (31 * 60, 24 * 60)
    assert printer.percent == pytest.approx(100 * (hours - 24 - 31) / (hours - 24), abs=0.001)
    assert facts.incidents_opened == 3
    causes = {one.code: (one.opened, one.minutes, one.effects) for one in facts.causes}
    assert causes == {"printer.paper_end": (1, 31 * 60, 0), "agent.silent": (1, 24 * 60, 1)}
    [proof] = facts.backups
    assert (proof.sets, proof.failed, proof.drills, proof.drills_failed) == (29, 1, 2, 1)
    assert facts.proven == 1


def test_only_opening_hours_count_where_they_are_known(till: Terminal) -> None:
    week = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    till.site.hours = week
    till.site.save()
    facts = gather(till.site.customer, month_of(till.site.customer, 2026, 10), NOW)
    [printer] = facts.devices
    assert printer.trading_hours
    assert printer.counted_min == 31 * 8 * 60
    # a whole day; and from 12:00 to 19:00, when it closes at 17:00
    assert printer.down_min == (8 + 5) * 60


def test_what_another_customer_has_is_not_in_it(till: Terminal) -> None:
    stranger = world.till(world.site("Kūriņš", "Ventspils", "SIA Jūras vējš"), "Kase 9", enrolled_at=OCTOBER)
    incident(stranger, "printer.paper_end", at(4), subject_kind="device", subject_id="printer")
    customer = till.site.customer
    facts = gather(customer, month_of(customer, 2026, 10), NOW)
    assert "Kase 9" not in facts.model_dump_json()
    assert facts.incidents_opened == 3


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("lv", ("Mēneša pārskats: oktobris 2026", "Pieejamība", "Printerim beidzies papīrs")),
        ("en", ("Monthly report: October 2026", "Availability", "Printer is out of paper")),
        ("ru", ("Отчёт за месяц: октябрь 2026", "Доступность", "В принтере закончилась бумага")),
    ],
)
def test_other_programs_read_both_files(till: Terminal, language: str, words: tuple[str, ...]) -> None:
    customer = till.site.customer
    report = making.make(customer, month_of(customer, 2026, 10), NOW)
    printed = PdfReader(BytesIO(making.draw(report, "pdf", language)))
    text = "\n".join(page.extract_text() for page in printed.pages)
    flat = " ".join(text.split())
    for word in (*words, customer.name, report.digest[:16]):
        assert word in flat
    book = openpyxl.load_workbook(BytesIO(making.draw(report, "xlsx", language)))
    cells = [
        str(cell.value)
        for sheet in book
        for row in sheet.iter_rows()
        for cell in row
        if cell.value is not None
    ]
    assert set(words[1:]) <= set(cells)
    figures = [row[6].value for row in book.worksheets[1].iter_rows(min_row=2)]
    assert 31 * 60 in figures


def test_the_same_report_is_the_same_bytes(till: Terminal) -> None:
    report = making.make(till.site.customer, month_of(till.site.customer, 2026, 10), NOW)
    assert making.draw(report, "pdf", "lv") == making.draw(report, "pdf", "lv")
    assert report.digest == making.digest(making.facts_of(report))


def test_a_cell_is_never_a_formula(till: Terminal) -> None:
    till.site.name = '=HYPERLINK("https://plomba.invalid";"x")'
    till.site.save()
    report = making.make(till.site.customer, month_of(till.site.customer, 2026, 10), NOW)
    book = openpyxl.load_workbook(BytesIO(making.draw(report, "xlsx", "lv")))
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)


def test_it_is_made_once_and_told_to_who_sees_all_shops(till: Terminal) -> None:
    customer = till.site.customer
    ContactPerson.objects.create(customer=customer, name="Birojs", email="birojs@plomba.invalid")
    limited = ContactPerson.objects.create(customer=customer, name="Veikals", email="veikals@plomba.invalid")
    limited.sites.add(till.site)
    ContactPerson.objects.create(
        customer=customer, name="Klusais", email="klusais@plomba.invalid", takes_notices=False
    )
    assert making.make_due(NOVEMBER) == 0, "tills may still come back with what they kept"
    assert making.make_due(NOW) == 1
    assert making.make_due(NOW + timedelta(minutes=1)) == 0
    [letter] = Outgoing.objects.all()
    assert letter.address == "birojs@plomba.invalid"
    assert "95," in letter.text


def test_a_month_is_not_made_long_after(till: Terminal) -> None:
    assert making.make_due(NOW + timedelta(days=making.LATEST_DAYS)) == 0


def test_made_again_it_is_another_number_and_the_first_stays(till: Terminal) -> None:
    month = month_of(till.site.customer, 2026, 10)
    first = making.make(till.site.customer, month, NOW)
    Incident.objects.all().delete()
    second = making.make(till.site.customer, month, NOW + timedelta(hours=1))
    assert (first.number, second.number) == (1, 2)
    assert Report.objects.get(pk=first.pk).facts == first.facts != second.facts


def test_a_month_that_has_not_begun_is_refused(till: Terminal) -> None:
    with pytest.raises(making.ReportRefused):
        making.make(till.site.customer, month_of(till.site.customer, 2026, 12), NOW)


def test_faults_by_model_leave_consequences_out(till: Terminal) -> None:
    [bar] = load.pareto(OCTOBER, NOVEMBER)
    assert (bar.model, bar.code, bar.count, bar.up_to) == ("TM-T20III", "printer.paper_end", 1, 100.0)
