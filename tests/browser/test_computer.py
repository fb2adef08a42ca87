"""What a till says of its own computer, in a real browser: findings appear while the page is open, and the list of
software is searched."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from protocols.wire import v1
from tests.collector.served import Served, Till, event

Open = Callable[..., Page]
pytestmark = pytest.mark.xdist_group("browser")
OF_TILL = v1.Subject(kind=v1.SubjectKind.TERMINAL)


@pytest.fixture
def till(served: Served) -> Till:
    return served.terminal()


def test_findings_and_software_are_on_the_page_of_the_till(till: Till, open_page: Open) -> None:
    now = event(1, "raised").at
    items = tuple(v1.InventoryItem(name=n, version=v, vendor=m) for n, v, m in (
        ("cups", "2.4.2-3+deb12u9", ""), ("iikoFront", "9.2.8035.0", "iiko"), ("postgresql-15", "15.8-0", ""),
    ))  # fmt: skip
    program = v1.InventoryItem(name="iikoFront.Net.exe", version="9.2.8035.0", sha256="7d96a4ed" * 8)
    facts: dict[str, dict[str, v1.Scalar]] = {
        "host.network": {
            "line": "server_down",
            "gateway": True,
            "dns": True,
            "collector": True,
            "pos_server": False,
        },
        "host.services": {"postgresql": "running", "cups": "down"},
        "host.protection": {
            "firewall": True,
            "firewall_is": "ufw",
            "virus_scanner": None,
            "virus_scanner_is": "",
        },
        "host.unknown": {"smart": "smartctl is not installed"},
    }
    told = [
        v1.Fact(seq=i, at=now, subject=OF_TILL, name=n, detail=d) for i, (n, d) in enumerate(facts.items(), 1)
    ]
    assert till.report(*told).ok
    page = open_page(f"/terminals/{till.id}/")
    card = page.locator("#computer-card")
    expect(card).to_contain_text("A server of the cash program is not reached")
    expect(card.locator("dd.tone-attention")).to_have_count(2)
    assert till.report(
        v1.Inventory(seq=5, at=now, what="software", items=items),
        v1.Inventory(seq=6, at=now, what="programs", items=(program,)),
    ).ok
    page.reload()
    card.get_by_role("link", name="Software").click()
    expect(page.locator("[data-holding=software] tbody tr")).to_have_count(3)
    page.get_by_role("searchbox", name="Name, version or maker").fill("iiko")
    page.get_by_role("button", name="Find").click()
    expect(page.locator("[data-holding=software] tbody tr")).to_have_count(1)
    expect(page.locator("[data-holding=programs] tbody tr")).to_contain_text("7d96a4ed7d96a4ed")
