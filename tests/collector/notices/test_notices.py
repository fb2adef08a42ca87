"""A notice from its draft to the proof that it was read."""

import csv
import hashlib
import io
import json
import zipfile
from datetime import date, timedelta

import pytest

from collector.core.models import Role, User
from collector.incidents.desk_models import Contract
from collector.inventory.models import ContactPerson, Customer, Site
from collector.notices import audience, evidence, giving, lists, portal
from collector.notices.giving import NoticeRefused
from collector.notices.models import How, Kind, Notice, Reading, Sheet, Version
from collector.notify.models import Outgoing
from tests.collector.still import START, StillClock
from tests.collector.web import world

pytestmark = pytest.mark.django_db
TEXTS = {
    "lv": {"title": "Jauna čeku kārtība", "text": "No **1. jūnija** čekā jābūt\n\n- nosaukumam"},
    "ru": {"title": "Новый порядок чеков", "text": "С 1 июня"},
}


@pytest.fixture
def boss() -> User:
    return world.person(Role.MANAGER)


def contact(customer: str = "SIA Zaļā karote", language: str = "lv", **more: object) -> ContactPerson:
    owner, _made = Customer.objects.get_or_create(name=customer)
    number = ContactPerson.objects.count()
    fields: dict[str, object] = {"name": f"Persona {number}", "email": f"p{number}@example.com", **more}
    return ContactPerson.objects.create(customer=owner, language=language, **fields)


def notice(boss: User, still: StillClock, **more: object) -> Notice:
    fields: dict[str, object] = {"kind": Kind.GUIDELINE, **more}
    made = Notice.objects.create(made_at=still.now(), by=boss, **fields)
    giving.write(made, TEXTS, boss, still.now())
    return made


def mails(to: ContactPerson) -> list[Outgoing]:
    return list(Outgoing.objects.filter(address=to.email).order_by("pk"))


def days(still: StillClock, count: float) -> None:
    still.seconds += count * 86_400


def test_each_contact_gets_it_in_the_own_language_and_confirms_by_the_link(
    boss: User, still: StillClock
) -> None:
    latvian, russian, english = contact(), contact(language="ru"), contact(language="en")
    version = giving.publish(notice(boss, still), boss, still.now())
    assert [mails(one)[0].subject for one in (latvian, russian, english)] == [
        "Jauna čeku kārtība",
        "Новый порядок чеков",
        "Jauna čeku kārtība",
    ]
    (mail,) = mails(latvian)
    assert version.digest in mail.text
    link = next(word for word in mail.text.split() if "/n/" in word)
    reading = giving.reading_of(link.rpartition("/")[2])
    assert reading
    assert reading.contact == latvian
    days(still, 1)
    done = giving.confirm(reading.contact, reading.version_id, still.now(), How.LINK)
    days(still, 1)
    again = giving.confirm(reading.contact, reading.version_id, still.now(), How.PORTAL)
    assert (again.confirmed_at, again.how) == (done.confirmed_at, How.LINK)
    assert lists.progress(version, still.now().date()) == lists.Progress(3, 1, 0, 0, late=False)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t[:-1] + "0",
        lambda t: "9" + t,
        lambda t: t.upper(),
        lambda t: "",
        lambda t: "..",
        lambda t: "1.2",
    ],
)
def test_a_spoiled_link_opens_nothing(boss: User, still: StillClock, spoil: object) -> None:
    contact()
    giving.publish(notice(boss, still), boss, still.now())
    good = giving.token(Reading.objects.get())
    bad = spoil(good)  # type: ignore[operator]
    assert giving.reading_of(good)
    assert bad == good or giving.reading_of(bad) is None


def test_reminders_go_on_until_all_have_confirmed(boss: User, still: StillClock) -> None:
    quick, slow = contact(), contact()
    version = giving.publish(notice(boss, still, remind_days=3), boss, still.now())
    portal.confirm(quick, version.pk, still.now())
    for day in range(1, 11):
        days(still, 1)
        giving.remind_due(still.now())
        giving.remind_due(still.now())
        assert len(mails(slow)) == 1 + day // 3
    assert len(mails(quick)) == 1
    reminder = mails(slow)[-1]
    assert reminder.subject == "Atgādinājums: Jauna čeku kārtība"
    assert reminder.thread == mails(slow)[0].key
    portal.confirm(slow, version.pk, still.now())
    days(still, 10)
    assert giving.remind_due(still.now()) == 0


def test_a_new_version_takes_the_place_of_the_old_one(boss: User, still: StillClock) -> None:
    one = contact()
    made = notice(boss, still)
    first = giving.publish(made, boss, still.now())
    giving.write(made, {"lv": {"title": "Citādi", "text": "Citādi"}}, boss, still.now())
    second = giving.publish(made, boss, still.now())
    assert (first.number, second.number) == (1, 2)
    assert first.digest != second.digest
    days(still, 4)
    giving.remind_due(still.now())
    assert [mail.subject for mail in mails(one)][2:] == ["Atgādinājums: Citādi"]
    newest, oldest = portal.for_contact(one)
    assert (newest.title, newest.waits, newest.counts) == ("Citādi", True, True)
    assert (oldest.title, oldest.waits, oldest.counts) == ("Jauna čeku kārtība", False, False)


def test_what_is_published_does_not_change(boss: User, still: StillClock) -> None:
    contact()
    made = notice(boss, still)
    version = giving.publish(made, boss, still.now())
    giving.write(made, {"en": {"title": "Other", "text": "Other"}}, boss, still.now())
    version.refresh_from_db()
    assert version.texts == TEXTS
    assert evidence.digest_of(version.texts) == version.digest


def test_whom_it_is_for(boss: User, still: StillClock) -> None:
    everyone = contact()
    by_contract, by_model = contact("SIA Līgums"), contact("SIA Modelis")
    contact("SIA Cits")
    contact("SIA Līgums", takes_notices=False)
    contact("SIA Modelis", retired_at=START)
    contact("SIA Modelis", email="")
    old = contact("SIA Vecs līgums")
    for who, until in ((by_contract, None), (old, date(2026, 1, 1))):
        Contract.objects.create(
            key=f"c{who.pk}", kind="gold", number=1, customer=who.customer, name="x", valid_from=date(2025, 1, 1),
            valid_until=until, made_at=START,
        )  # fmt: skip
    shop = Site.objects.create(customer=by_model.customer, name="Veikals")
    world.device(world.till(shop), identity={"model": "FP-2000 KL"})
    named = notice(boss, still)
    named.customers.set([everyone.customer])
    cases = {
        "customer": (named, [everyone]),
        "contract": (notice(boss, still, contracts=["gold"]), [by_contract]),
        "model": (notice(boss, still, device_models=["fp-2000"]), [by_model]),
    }
    for name, (made, expected) in cases.items():
        assert list(audience.contacts_of(made, still.now())) == expected, name
    assert audience.contacts_of(notice(boss, still), still.now()).count() == 5


def test_a_guideline_is_given_to_who_comes_later_and_news_are_not(boss: User, still: StillClock) -> None:
    contact()
    giving.publish(notice(boss, still), boss, still.now())
    giving.publish(notice(boss, still, kind=Kind.NEWS), boss, still.now())
    late = contact()
    assert giving.give_newcomers(still.now()) == 1
    assert giving.give_newcomers(still.now()) == 0
    assert len(mails(late)) == 1


def test_a_withdrawn_notice_is_quiet_and_comes_back(boss: User, still: StillClock) -> None:
    one = contact()
    made = notice(boss, still)
    giving.publish(made, boss, still.now())
    giving.withdraw(made, boss, still.now())
    days(still, 9)
    assert giving.remind_due(still.now()) == 0
    assert not portal.for_contact(one)[0].waits
    giving.restore(made, boss, still.now())
    days(still, 4)
    assert giving.remind_due(still.now()) == 1


def test_who_may_do_what(boss: User, still: StillClock) -> None:
    reader, technician = world.person(Role.READER), world.person(Role.TECHNICIAN)
    made = notice(boss, still)
    for refused in (
        lambda: giving.write(made, TEXTS, reader, still.now()),
        lambda: giving.publish(made, technician, still.now()),
        lambda: giving.withdraw(made, technician, still.now()),
    ):
        with pytest.raises(NoticeRefused) as why:
            refused()
        assert why.value.code == "notice.not_allowed"


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"lv": {"title": "x", "text": " "}},
        {"lv": {"text": "x"}},
        {"lv": {"title": "x" * 201, "text": "x"}},
    ],
)
def test_what_cannot_be_written(boss: User, still: StillClock, texts: dict[str, dict[str, str]]) -> None:
    with pytest.raises(NoticeRefused):
        giving.write(notice(boss, still), texts, boss, still.now())


def test_a_stranger_cannot_confirm(boss: User, still: StillClock) -> None:
    contact()
    made = notice(boss, still)
    made.customers.set([Customer.objects.get()])
    version = giving.publish(made, boss, still.now())
    with pytest.raises(NoticeRefused) as why:
        portal.confirm(contact("SIA Cits"), version.pk, still.now())
    assert why.value.code == "notice.unknown"


def test_lists_of_shops(boss: User, still: StillClock) -> None:
    one = contact()
    shops = [Site.objects.create(customer=one.customer, name=f"Veikals {n}") for n in range(2)]
    version = giving.publish(notice(boss, still, acknowledge=True), boss, still.now())
    assert lists.progress(version, still.now().date()).shops == 2
    lists.enter(version, shops[0], names=[{"name": "Anna", "on": "2026-05-04"}], by=boss, now=still.now())
    lists.enter(version, shops[0], names=[], by=boss, now=still.now(), scan=b"%PDF-1.7 x")
    found = lists.progress(version, still.now().date())
    assert (found.signed, found.whole) == (1, False)
    for wrong in ({"names": []}, {"names": [], "scan": b"MZ"}, {"names": [{"name": "A", "on": "soon"}]}):
        with pytest.raises(NoticeRefused):
            lists.enter(version, shops[1], by=boss, now=still.now(), **wrong)  # type: ignore[arg-type]


def test_the_archive_can_be_checked_without_plomba(boss: User, still: StillClock) -> None:
    one = contact("=SIA")
    shop = Site.objects.create(customer=one.customer, name="Veikals")
    made = notice(boss, still, acknowledge=True)
    version = giving.publish(made, boss, still.now())
    portal.confirm(one, version.pk, still.now())
    lists.enter(version, shop, names=[{"name": "Anna"}], by=boss, now=still.now(), scan=b"\x89PNG\r\n\x1a\nx")
    packed = evidence.archive(made)
    assert packed == evidence.archive(Notice.objects.get())
    with zipfile.ZipFile(io.BytesIO(packed)) as files:
        content = {name: files.read(name) for name in files.namelist()}
    for line in content.pop("sha256sums").decode().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256(content.pop(name)).hexdigest() == digest
    assert content == {}
    with zipfile.ZipFile(io.BytesIO(packed)) as files:
        texts, facts = files.read("v1/texts.json"), json.loads(files.read("v1/facts.json"))
        readings = list(csv.DictReader(io.StringIO(files.read("v1/readings.csv").decode())))
        sheet = Sheet.objects.get()
        assert files.read(f"v1/lists/{shop.pk}-{sheet.pk}.png").endswith(b"x")
    assert hashlib.sha256(texts).hexdigest() == facts["digest"] == version.digest
    assert json.loads(texts) == TEXTS
    assert readings[0]["customer"] == "'=SIA"
    assert (readings[0]["how"], readings[0]["confirmed_at"]) == ("portal", still.now().isoformat())


def test_a_spoiled_text_is_found_out(boss: User, still: StillClock) -> None:
    """Control: the digest is of the text and of nothing else."""
    contact()
    made = notice(boss, still)
    version = giving.publish(made, boss, still.now())
    spoiled = {**version.texts, "lv": {**version.texts["lv"], "text": "Cits"}}
    Version.objects.filter(pk=version.pk).update(texts=spoiled)
    with zipfile.ZipFile(io.BytesIO(evidence.archive(made))) as files:
        assert hashlib.sha256(files.read("v1/texts.json")).hexdigest() != version.digest


def test_what_waits_stands_first(boss: User, still: StillClock) -> None:
    one = contact()
    older = giving.publish(notice(boss, still), boss, still.now())
    still.seconds += 60
    newer = giving.publish(notice(boss, still, confirm=False, kind=Kind.NEWS), boss, still.now())
    shown = portal.for_contact(one, "ru")
    assert [found.version for found in shown] == [older.pk, newer.pk]
    assert shown[0].title == "Новый порядок чеков"
    assert "<strong>" in portal.for_contact(one)[0].html
    assert portal.waiting_of(one) == 1


def test_reminders_have_a_day_by_which(boss: User, still: StillClock) -> None:
    one = contact(language="ru")
    made = notice(boss, still)
    made.versions.update(confirm_by=(still.now() + timedelta(days=7)).date())
    giving.publish(made, boss, still.now())
    assert "Просим подтвердить до 11.05.2026." in mails(one)[0].text
    assert lists.progress(made.versions.get(), date(2026, 5, 12)).late
