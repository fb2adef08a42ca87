"""From a fault on a printer to a row in a real browser, and from its end to the resolved incident."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import launched
from tests.end_to_end.stage import MANAGER, PASSWORD, Stage, until

APPEARS_S = 5
RESOLVED_S = 10
POLL_S = 2


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path / "world", poll_s=POLL_S) as stage:
        yield stage.build()


@pytest.mark.timeout(240)
def test_a_fault_is_in_the_browser_in_time_and_resolved_in_time(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stage.printer
    with launched(stage.port) as browser:
        page = browser.new_page()
        sign_in(page, stage.url)
        page.goto(f"{stage.url}/incidents/")
        row = page.locator('[data-code="printer.paper_end"]')
        expect(row).to_have_count(0)
        began = time.perf_counter()
        stage.printer.fault(paper_end=True)
        row.first.wait_for(state="visible", timeout=APPEARS_S * 1000)
        appeared = time.perf_counter() - began
        stage.printer.reset()
        cleared = time.perf_counter()
        until(lambda: True if resolved(page) else None, "the row leaves the open queue", timeout_s=RESOLVED_S)
        gone = time.perf_counter() - cleared
    with capsys.disabled():
        print(f"\nfault to browser {appeared:.2f} s, clearing to resolved {gone:.2f} s")
    assert appeared <= APPEARS_S
    assert gone <= RESOLVED_S


def resolved(page: Page) -> bool:
    open_rows = page.locator(
        '[data-code="printer.paper_end"]:not([data-state="resolved"]):not([data-state="closed"])'
    )
    return open_rows.count() == 0


def sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/sign-in")
    page.fill("[name=username]", MANAGER)
    page.fill("[name=password]", PASSWORD)
    page.click("form.stack button")
    page.wait_for_url(f"{url}/")
