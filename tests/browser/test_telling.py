"""My notifications, the messages and the notices, as people use them; and a browser that shows a pushed message."""

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PASSWORD
from tests.collector.notify.servers import MailServer
from tests.collector.served import Served, event, until

Open = Callable[..., Page]
pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(300)]
TEXTS = {
    "lv": (
        "Jauna čeku kārtība no 1. jūnija",
        "No **1. jūnija** katrā čekā jābūt:\n\n- preces nosaukumam,\n- PVN likmei.",
    ),
    "ru": (
        "Новый порядок чеков с 1 июня",
        "С **1 июня** в каждом чеке должны быть:\n\n- наименование,\n- ставка НДС.",
    ),
    "en": ("New rule for receipts from 1 June", "From **1 June** each receipt must show the VAT rate."),
}
WORLD = """
import json, sys, django
django.setup()
from datetime import timedelta
from collector.core import clock
from collector.core.models import User
from collector.inventory.enrolment import site_of
from collector.inventory.models import ContactPerson
from collector.incidents import apply
from collector.incidents.models import Incident, Kind
from collector.notices import giving
from collector.notices.models import Reading
from collector.notify import courier, outbox
from collector.notify.outbox import Channel, Letter

now = clock.now()
texts = {language: {"title": title, "text": text} for language, (title, text) in json.loads(sys.argv[1]).items()}
site = site_of("SIA Zaļā karote", "Kafejnīca Centrs")
till = site.terminals.create(name="Kase 1", public_key="k1", enrolled_at=now, last_seen_at=now)
boss = User.objects.get(username="manager")
incident = Incident(terminal=till, site=site, subject_kind="device", subject_id="printer", code="printer.paper_end",
    severity="error", rule="device", since=now, opened_at=now, last_seen_at=now)
apply.step(incident, Kind.OPENED, now, now)


def letter(key, to, subject, **more):
    outbox.put(Letter(Channel.EMAIL, to, "lv", subject, "Kur: Kafejnīca Centrs, Kase 1", key=key, **more), now)


gone = "gone@example.com"
courier.mark_bad(Channel.EMAIL, gone, "the mail server said 550 5.1.1 no such user", now)
letter("a", gone, "Kļūda: Printerim beidzies papīrs", about=f"incident:{incident.pk}", person=boss.pk)
letter("b", "anna@example.com", "Beidzies: Printerim beidzies papīrs")
courier.Courier(Channel.EMAIL)(now)
names = (("Anna Ozola", "lv"), ("Ivans Petrovs", "ru"), ("Jane Doe", "en"))
people = [
    ContactPerson.objects.create(customer=site.customer, name=name, email=f"{tongue}@example.com", language=tongue)
    for name, tongue in names
]
shape = giving.Shape(kind="guideline", acknowledge=True, confirm_by=(now + timedelta(days=9)).date())
notice = giving.save(None, texts, shape, boss, now)
version = giving.publish(notice, boss, now)
giving.confirm(people[2], version.pk, now)
giving.save(None, {"en": texts["en"]}, giving.Shape(kind="news"), boss, now)
print(incident.pk, notice.pk, *(giving.token(r) for r in Reading.objects.order_by("pk")))
"""
REGISTER = """async () => {
    const file = document.getElementById("this-browser").dataset.worker;
    const registration = await navigator.serviceWorker.register(file);
    const worker = registration.active ?? registration.waiting ?? registration.installing;
    while (worker.state !== "activated")
        await new Promise((done) => worker.addEventListener("statechange", done, { once: true }));
}"""
SHOWN = """async () => {
    const file = document.getElementById("this-browser").dataset.worker;
    const registration = await navigator.serviceWorker.getRegistration(file);
    return (await registration.getNotifications()).map((n) => [n.title, n.body, n.tag, n.data.url]);
}"""


MAIL = """
[notify]
group_s = 0
[mail]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "Plomba <plomba@example.lv>"
"""


@pytest.fixture(scope="module")
def mails() -> Iterator[MailServer]:
    with MailServer() as running:
        yield running


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, mails: MailServer) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("telling"), tables=MAIL.format(port=mails.port)) as running:
        running.people(PASSWORD, "manager", "technician")
        yield running


@pytest.fixture(scope="module")
def world(served: Served) -> list[str]:
    """Number of the incident, of the notice, and a link's token for a contact of each language: lv, ru, en."""
    return served.python(WORLD, json.dumps(TEXTS)).split()


def test_a_person_chooses_where_and_when(open_page: Open, served: Served, world: list[str]) -> None:
    page = open_page("/notifications/", role="manager")
    page.check("input[name=channel][value=sms]", force=True)
    page.fill("[name=address]", "2000 0000")
    page.click("form[action$='/add'] button")
    expect(page.locator(".way-to")).to_have_text("+37120000000")
    page.click(".wish:not(.wish-new) > summary")
    form = page.locator(".wish:not(.wish-new) form.wish-form")
    expect(form.locator("[name=mon_from]")).to_be_hidden()
    form.locator("[name=hours]").select_option("own")
    form.locator("[name=mon_from]").fill("22:00")
    form.locator("[name=mon_to]").fill("06:00")
    form.locator("[name=severity]").select_option("critical")
    form.locator("button.btn").click()
    expect(page.locator(".wish:not(.wish-new) > summary")).to_contain_text("My own hours")
    page.click("form[action$='/try'] button")
    expect(page.locator("table.rows")).to_contain_text("test message")


def test_from_the_till_to_the_mail_and_back_to_the_page(
    open_page: Open, served: Served, mails: MailServer
) -> None:
    """A person adds an address; a till tells of a fault, and then that it is gone."""
    page = open_page("/notifications/", role="technician")
    page.fill("[name=address]", "night@example.com")
    page.click("form[action$='/add'] button")
    expect(page.locator(".way-to")).to_have_text("night@example.com")
    till = served.terminal()
    till.report(event(1, "raised"))
    until(lambda: len(mails.to("night@example.com")) == 1, "the fault is told")
    till.report(event(2, "cleared"))
    until(lambda: len(mails.to("night@example.com")) == 2, "the end is told")
    began, ended = (mail.message for mail in mails.to("night@example.com"))
    assert "Printer is out of paper" in began["Subject"]
    assert ended["Subject"].startswith("Over")
    assert ended["In-Reply-To"] == began["Message-ID"]
    page.reload()
    expect(page.locator("table.rows tbody tr")).to_have_count(2)
    expect(page.locator("table.rows")).to_contain_text("Sent")


def test_messages_and_what_became_of_them(open_page: Open, world: list[str]) -> None:
    page = open_page("/outbox/", role="technician")
    expect(page.locator(".bad-ones")).to_contain_text("gone@example.com")
    page.check("input[name=show][value=failed]", force=True)
    expect(page.locator("#outbox-rows tbody tr")).to_have_count(1)
    page.click("#outbox-rows tbody a")
    expect(page.locator("main")).to_contain_text("Not delivered")
    page.goto(page.url.split("/outbox/")[0] + f"/incidents/{world[0]}/")
    expect(page.locator("#incident")).to_contain_text("Who was told")


@pytest.mark.parametrize(
    ("who", "words"),
    [(2, ("Es to izlasīju", "Paldies")), (3, ("Я прочитал(а)", "Спасибо")), (4, ("", "Thank you"))],
)
def test_a_contact_reads_and_confirms(
    served: Served, browser: Browser, world: list[str], who: int, words: tuple[str, str]
) -> None:
    """The third has confirmed before."""
    button, thanks = words
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(f"{served.url}/n/{world[who]}")
    if button:
        page.click(f"text={button}")
    expect(page.locator("[role=status]")).to_contain_text(thanks)
    context.close()


def test_a_pushed_message_is_shown_and_leads_to_its_page(
    served: Served, open_page: Open, world: list[str]
) -> None:
    """The browser's maker is played by the debugger's own way into the service worker."""
    page = open_page("/notifications/", role="technician")
    page.context.grant_permissions(["notifications"])
    expect(page.locator("#this-browser")).to_be_visible()
    debugger = page.context.new_cdp_session(page)
    found: list[str] = []
    debugger.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda told: found.extend(one["registrationId"] for one in told["registrations"]),
    )
    debugger.send("ServiceWorker.enable")
    page.evaluate(REGISTER)
    until(lambda: page.evaluate("1") and found, "the service worker is known")
    told = {
        "key": "told:1:1",
        "title": "Kļūda: Printerim beidzies papīrs",
        "text": "Kase 1",
        "lang": "lv",
        "url": "/x",
    }
    message = {"origin": served.url, "registrationId": found[0]}
    for data in (json.dumps(told), json.dumps(told), "{"):
        debugger.send("ServiceWorker.deliverPushMessage", {**message, "data": data})
    expected = [["Plomba", "", "unreadable", "/"], [told["title"], "Kase 1", "told:1:1", "/x"]]
    until(
        lambda: sorted(page.evaluate(SHOWN)) == sorted(expected),
        "two messages are shown, the doubled one once",
    )
