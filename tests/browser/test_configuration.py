"""A manager writes what tills shall go by, by keyboard alone, sees what it would change, and what the till says."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from collector.core import clock
from protocols.wire import v1
from tests.collector.served import Served, Till

Open = Callable[..., Page]
pytestmark = pytest.mark.xdist_group("browser")
SHOTS = os.environ.get("PLOMBA_SCREENSHOTS", "")
"""A folder for pictures of the pages, for people who want to look at them."""


@pytest.fixture
def till(served: Served) -> Till:
    found = served.terminal()
    assert found.report().ok
    return found


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def tell(till: Till, seq: int, outcome: str, **more: object) -> None:
    """What the agent of this till would say of the version that is wished now."""
    [(number, digest)] = till.served.rows(
        "SELECT number, digest FROM inventory_desiredstate WHERE terminal_id = ?", till.id
    )
    message = v1.Configuration(
        seq=seq, at=clock.now(), number=number, digest=digest, outcome=v1.Outcome(outcome), holds=1, **more
    )
    assert till.report(message).ok


def write(page: Page, text: str, comment: str) -> None:
    """By keyboard: e leads into the text, Ctrl+Enter shows, s saves."""
    page.keyboard.press("e")
    expect(page.locator("textarea[name=text]")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)
    page.keyboard.press("Tab")
    page.keyboard.insert_text(comment)
    page.keyboard.press("Control+Enter")


def test_written_shown_saved_and_answered(till: Till, open_page: Open) -> None:
    page = open_page(f"/terminals/{till.id}/", role="manager")
    page.keyboard.press("c")
    page.wait_for_url(f"**/configuration/terminal/{till.id}/")
    expect(page.locator("[data-till]")).to_have_attribute("data-state", "none")
    page.wait_for_selector("html[data-live=on]")
    write(page, "[host]\nsample_s = 30\ndisk_low_percent = 15\n", "Mazāk trokšņa")
    expect(page.locator("[data-change='host.sample_s'] .is-new")).to_have_text("30")
    shot(page, "shown")
    page.locator("h1").click()
    page.keyboard.press("s")
    expect(page.locator(".said-success")).to_contain_text("Version 1 is saved")
    expect(page.locator("[data-setting='host.disk_low_percent']")).to_contain_text("Till")
    expect(page.locator("[data-version='1']")).to_contain_text("Mazāk trokšņa")
    expect(page.locator("[data-till]")).to_have_attribute("data-state", "waiting")

    page.wait_for_selector("html[data-live=on]")
    difference = v1.Difference(key="host.sample_s", reason=v1.DifferenceReason.LOCAL, local="5", desired="30")
    tell(till, 1, "applied", differs=(difference,))
    page.wait_for_selector("[data-till][data-state=differs]", timeout=30_000)
    shot(page, "differs")
    tell(
        till,
        2,
        "refused",
        code="config.wall",
        key="device[bar].port",
        error="the till does not list this port",
    )
    page.wait_for_selector("[data-till][data-state=refused]", timeout=30_000)
    expect(page.locator(".refusal-why")).to_contain_text("device[bar].port")
    shot(page, "refused")


@pytest.mark.parametrize("language", ["lv", "ru"])
def test_a_mistake_is_said_and_the_text_stays(
    till: Till, open_page: Open, language: str, complaints: list[str]
) -> None:
    page = open_page(
        f"/configuration/terminal/{till.id}/", role="technician", language=language, scheme="dark"
    )
    write(page, "[hosts]\nsample_s = 0\n", "x")
    expect(page.locator(".mistakes li")).to_have_count(1)
    expect(page.locator(".mistakes code")).to_have_text("hosts")
    assert page.input_value("textarea[name=text]") == "[hosts]\nsample_s = 0\n"
    expect(page.locator("button[name=save]")).to_have_count(0)
    shot(page, f"mistake-{language}")
    complaints[:] = [text for text in complaints if "422" not in text]


def test_an_old_version_is_brought_back(till: Till, open_page: Open) -> None:
    page = open_page(f"/configuration/terminal/{till.id}/", role="manager")
    for seconds in (30, 40):
        write(page, f"[host]\nsample_s = {seconds}\n", f"every {seconds} s")
        expect(page.locator("[data-change='host.sample_s'] .is-new")).to_have_text(str(seconds))
        page.locator("h1").click()
        page.keyboard.press("s")
        expect(page.locator("#history [data-version]")).to_have_count(seconds // 10 - 2)
        page.wait_for_selector("html[data-live=on]")
    page.click("[data-version='1'] a")
    expect(page.locator("textarea[name=text]")).to_have_value("[host]\nsample_s = 30\n")
    expect(page.locator("[name=comment]")).to_have_value("Back to version 1")
    shot(page, "brought-back")


def test_a_reader_looks_and_a_phone_shows_all(till: Till, open_page: Open, served: Served) -> None:
    page = open_page(f"/configuration/terminal/{till.id}/", role="reader", width=360)
    expect(page.locator("textarea")).to_have_count(0)
    customer = page.locator(".levels a").first.get_attribute("href")
    for path in (f"/configuration/terminal/{till.id}/", customer):
        page.goto(f"{served.url}{path}")
        page.wait_for_selector("html[data-live=on]")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    shot(page, "phone")
