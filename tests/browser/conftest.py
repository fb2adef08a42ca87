"""A real collector over TLS and Debian's Chromium in a fresh profile. A violation of the content security policy,
an error in a script or a failed request fails the test in which it happens."""

import base64
import hashlib
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.collector.served import Served
from tests.conftest import missing

CHROMIUM = Path("/usr/bin/chromium")
PASSWORD = "kafija un maize"
Open = Callable[..., Page]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if not CHROMIUM.exists():
        missing("chromium")
    with Served(tmp_path_factory.mktemp("browsed")) as running:
        for role in ("manager", "technician", "reader"):
            add = ("user", "add", role, "--role", role, "--password-stdin")
            running.cli(*add, stdin=PASSWORD + "\n")
        yield running


@pytest.fixture(scope="session")
def browser(served: Served) -> Iterator[Browser]:
    """Trusts the one key of this collector and no other. (Chromium's own store of authorities can be written only
    with a program that Debian does not install beside it.)"""
    pem = ssl.get_server_certificate(("127.0.0.1", served.port))
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pin = base64.b64encode(hashlib.sha256(spki).digest()).decode()
    flags = ["--no-sandbox", "--disable-gpu", f"--ignore-certificate-errors-spki-list={pin}"]
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield running
        running.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained about; a test that expects a complaint takes it out."""
    return []


@pytest.fixture
def open_page(served: Served, browser: Browser, complaints: list[str]) -> Iterator[Open]:
    """`open_page("/devices/", role="reader", language="lv", width=390, scheme="dark")`: a page of a person who has
    just signed in through the form."""
    contexts: list[BrowserContext] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    def go(
        path: str = "/",
        *,
        role: str = "technician",
        language: str = "en",
        width: int = 1280,
        scheme: str = "light",
    ) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 860}, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{served.url}/sign-in")
        page.fill("[name=username]", role)
        page.fill("[name=password]", PASSWORD)
        page.click("form.stack button")
        page.wait_for_selector("html[data-live=on]")
        speak(page, language)
        page.goto(f"{served.url}{path}")
        page.wait_for_selector("html[data-live=on]")
        return page

    yield go
    for context in contexts:
        context.close()
    assert complaints == []


def speak(page: Page, language: str) -> None:
    """Through the menu, as a person does."""
    if page.get_attribute("html", "lang") != language:
        page.click("details.menu:has(form[action='/language']) summary")
        page.click(f"form[action='/language'] button[value={language}]")
        page.wait_for_selector(f"html[lang={language}][data-live=on]")
