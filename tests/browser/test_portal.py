"""A shop manager's way through the portal, on a telephone and in three languages: the code comes by real mail, a till
says what is wrong, a fault is reported, paid work is agreed to, what is solved is rated. And the label on a till."""

import os
import re
from collections.abc import Callable, Iterator
from functools import partial

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import PASSWORD
from tests.collector.notify.servers import MailServer
from tests.collector.served import Served, event, until

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(300)]
SHOTS = os.environ.get("PLOMBA_SHOTS", "")
WORDS = {
    "lv": ("Printerim beidzies papīrs", "To pie kases jau redzam", "Novērtēts"),
    "en": ("Printer is out of paper", "We see this at the till already", "Rated"),
    "ru": ("В принтере закончилась бумага", "Это мы на кассе уже видим", "Оценено"),
}
"""What the till says, what the form knows, and what stands in the log after a rating."""
PRICE = "120,50\u00a0€"
MAKE = """
import sys, django
django.setup()
from collector.inventory.models import ContactPerson, Terminal
till = Terminal.objects.get(pk=sys.argv[1])
for language in ("lv", "en", "ru"):
    ContactPerson.objects.create(
        customer=till.site.customer, name="Anna Liepa", email=f"anna.{language}@karote.lv", language=language,
        approves_paid_work=True,
    )
from collector.core import clock
from collector.requests import labels
print(labels.address(till, clock.now()))
"""
Phone = Callable[..., Page]


@pytest.fixture(scope="module")
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, mail: MailServer) -> Iterator[Served]:
    sends = f'[mail]\nhost = "127.0.0.1"\nport = {mail.port}\nsecurity = "none"\nsender = "Serviss <p@serviss.lv>"\n'
    with Served(tmp_path_factory.mktemp("portal"), tables=sends) as running:
        yield running


@pytest.fixture(scope="module")
def label(served: Served) -> str:
    """The address on the label of a till whose printer is out of paper; three contact persons know it, too."""
    till = served.terminal()
    assert till.report(event(1, "raised")).ok
    return served.python(MAKE, till.id).strip()


@pytest.fixture(scope="module")
def staff(served: Served) -> Iterator[Callable[..., None]]:
    """`staff(request, act, **given)`: what a technician does meanwhile, over the API."""
    served.cli("user", "add", "liga", "--role", "technician", "--password-stdin", stdin=PASSWORD + "\n")
    with requests.Session() as session:
        session.verify, session.trust_env = served.authority, False
        known = session.post(
            f"{served.url}/api/v1/session", json={"username": "liga", "password": PASSWORD}, timeout=30
        )
        session.headers.update({"X-CSRFToken": known.json()["csrf_token"], "Referer": served.url})

        def act(pk: str, name: str, **given: object) -> None:
            done = session.post(f"{served.url}/api/v1/requests/{pk}/{name}", json=given, timeout=30)
            assert done.ok, done.text

        yield act


@pytest.fixture
def phone(browser: Browser, complaints: list[str]) -> Iterator[Phone]:
    contexts: list[BrowserContext] = []

    def fresh(width: int = 390) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 844}, locale="de-DE")
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on(
            "console",
            lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield fresh
    for context in contexts:
        context.close()
    assert complaints == [], complaints


def shot(page: Page, name: str) -> None:
    """For eyes, where a folder is given."""
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def code_for(mail: MailServer, address: str) -> str:
    found = until(lambda: mail.to(address), f"a mail to {address}")
    return re.findall(r"\b\d{6}\b", found[-1].message.get_content())[0]


def sign_in(page: Page, served: Served, mail: MailServer, language: str) -> None:
    page.goto(f"{served.url}/portal/")
    page.click(f"form[action='/language'] button[value={language}]")
    page.wait_for_selector(f"html[lang={language}]")
    shot(page, f"sign-in-{language}")
    mail.forget()
    page.fill("[name=email]", f"anna.{language}@karote.lv")
    page.click("form.stack button")
    page.wait_for_selector("[name=code]")
    page.fill("[name=code]", code_for(mail, f"anna.{language}@karote.lv"))
    shot(page, f"code-{language}")
    page.click("form.stack button")
    page.wait_for_selector("#tills")


@pytest.mark.parametrize("language", WORDS)
def test_the_way_of_a_shop_manager(  # noqa: PLR0917 - its fixtures
    language: str, served: Served, mail: MailServer, label: str, phone: Phone, staff: Callable[..., None]
) -> None:
    (out, known, rated), page = WORDS[language], phone()
    sign_in(page, served, mail, language)
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.locator(".portal-till")).to_contain_text(out)
    shot(page, f"tills-{language}")

    page.click(".portal-till")
    page.click("a[href*='/portal/ask/fault/']")
    expect(page.locator("#till option:checked")).not_to_have_text("")
    expect(page.locator(".portal-known")).to_contain_text(known)
    page.locator(".portal-known input").first.check()
    page.locator("[name=title]").press_sequentially("printer")
    expect(page.locator("#suggested a").first).to_be_visible()
    page.select_option("[name=field_selling]", "no")
    with page.expect_response(re.compile("/portal/suggest")):
        page.fill("textarea[name=text]", "Kopš rīta.")
    page.set_input_files(
        "[name=files]", {"name": "bilde.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n"}
    )
    shot(page, f"report-{language}")
    page.click(".portal-form button.btn-primary")
    page.wait_for_url(re.compile(r"/portal/requests/\d+/$"))
    desk = partial(staff, page.url.rstrip("/").rpartition("/")[2])
    expect(page.locator(".portal-file")).to_have_text(re.compile("bilde.png"))

    desk("take")
    desk("answer", text="Atvedīsim jaunu nazi.")
    desk("ask", text="Jauns nazis", price="120,50")
    page.reload()
    expect(page.locator(".portal-price")).to_contain_text(PRICE)
    shot(page, f"decide-{language}")
    page.click(".portal-ask button[value=yes]")
    expect(page.locator(".portal-price")).to_have_count(0)
    page.fill("form[action$='/say'] textarea", "Gaidām.")
    page.click("form[action$='/say'] button")
    expect(page.locator(".story")).to_contain_text("Gaidām.")

    desk("resolve", text="Nomainīts nazis.", code="hardware_repair")
    page.reload()
    page.locator(".stars label").nth(4).click()
    page.click("form[action$='/rate'] button")
    expect(page.locator(".story")).to_contain_text(rated)
    page.click("form[action$='/settle'] button")
    expect(page.locator("form[action$='/settle']")).to_have_count(0)
    shot(page, f"request-{language}")
    for name in ("requests/?show=done", "backups/", "visits/", "notices/"):
        page.goto(f"{served.url}/portal/{name}")
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, (
            f"{name} is wider than a telephone"
        )
        shot(page, f"{name.partition('/')[0]}-{language}")
    page.click("details.menu:has(form[action='/portal/sign-out']) summary")
    page.click("form[action='/portal/sign-out'] button")
    page.wait_for_selector("[name=email]")
    page.goto(f"{served.url}/portal/")
    page.wait_for_selector("[name=email]")


def test_the_label_on_a_till(label: str, phone: Phone, served: Served) -> None:
    page = phone()
    page.goto(label)
    expect(page.locator("h1")).to_be_visible()
    shot(page, "label")
    page.select_option("[name=field_selling]", "no")
    page.fill("[name=text]", "Ekrāns melns")
    page.click("form.stack button")
    expect(page.locator(".failure h1")).to_be_visible()
    assert served.rows("SELECT count(*) FROM requests_request WHERE source = 'label'") == [(1,)]


def test_a_wide_screen_has_the_same(served: Served, mail: MailServer, label: str, phone: Phone) -> None:
    page = phone(1280)
    sign_in(page, served, mail, "en")
    shot(page, "tills-wide")
    page.goto(f"{served.url}/portal/ask/")
    expect(page.locator(".portal-kind").first).to_be_visible()
    shot(page, "choose-wide")
