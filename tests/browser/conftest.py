"""A real collector over TLS and Debian's Chromium in a fresh profile. A violation of the content security policy,
an error in a script or a failed request fails the test in which it happens."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests.browser.chromium import launched
from tests.collector.served import Served

PASSWORD = "kafija un maize"
expect.set_options(timeout=20_000)  # other tests use the machine meanwhile
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("browsed")) as running:
        running.people(PASSWORD, "manager", "technician", "reader")
        yield running


@pytest.fixture(scope="module")
def browser(served: Served) -> Iterator[Browser]:
    """Not for the whole session: its event loop must be gone when other tests run theirs."""
    with launched(served.port) as running:
        yield running


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
        page.set_default_timeout(30_000)
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
