"""The service desk in a real browser: work is given with a key, a visit is proven on a telephone with a photograph, a
drawn signature, and words that survive a reload."""

import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.collector.served import Served

Open = Callable[..., Page]
pytestmark = pytest.mark.xdist_group("browser")

SHOP = """
import django; django.setup()
from datetime import timedelta
from collector.core import clock
from collector.core.models import User
from collector.incidents.models import Incident
from collector.inventory.models import Customer, Site
from collector.service.models import Visit, Worker
now = clock.now()
worker = User.objects.get(username="technician")
Worker.objects.get_or_create(user=worker, defaults={"skills": ["printer"], "town": "Cēsis"})
site = Site.objects.create(customer=Customer.objects.create(name="SIA Zaļā karote"), name="Pie strauta", city="Cēsis")
visit = Visit.objects.create(site=site, technician=worker, purpose="Printera galva", starts_at=now,
                             ends_at=now + timedelta(hours=1), created_at=now)
incident = Incident.objects.create(site=site, area="x", code="printer.cover_open", subject_kind="terminal",
    severity="error", rule="device", since=now, opened_at=now, last_seen_at=now, queue="technical")
print(visit.pk, incident.pk)
"""


def picture(path: Path) -> Path:
    """A white PNG of 40 by 30."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = (40).to_bytes(4, "big") + (30).to_bytes(4, "big") + bytes((8, 0, 0, 0, 0))
    rows = zlib.compress((b"\0" + b"\xff" * 40) * 30)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", rows), chunk(b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


@pytest.fixture(scope="module")
def shop(served: Served) -> tuple[int, int]:
    """A visit and an incident."""
    home = {"PLOMBA_COLLECTOR_HOME": str(served.home), "DJANGO_SETTINGS_MODULE": "collector.settings"}
    made = subprocess.run(
        [sys.executable, "-c", SHOP], env={**os.environ, **home}, capture_output=True, text=True, check=True
    )
    visit, incident = made.stdout.split()
    return int(visit), int(incident)


def test_a_visit_is_proven_on_a_telephone(shop: tuple[int, int], open_page: Open, tmp_path: Path) -> None:
    page = open_page(f"/visits/{shop[0]}/", language="lv", width=390)
    for name in ("confirm", "leave", "arrive"):
        page.click(f"form[action$='/do/{name}'] button")
    expect(page.locator("#visit")).to_have_attribute("data-state", "on_site")
    page.fill("#finish-form [name=note]", "Jauna galva, čeks izdrukāts")
    page.set_input_files("#photo", picture(tmp_path / "photo.png"))
    expect(page.locator(".proof-picture")).to_have_count(1)
    expect(page.locator("#finish-form [name=note]")).to_have_value("Jauna galva, čeks izdrukāts")
    page.click("details.sign summary")
    box = page.locator("#pad").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 20, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 60, steps=4)
    page.mouse.up()
    page.click("#pad-keep")
    expect(page.locator(".proof-picture")).to_have_count(2)
    page.fill("[name=minutes]", "35")
    page.fill("[name=signed_by]", "Anna")
    page.click("#finish-form .btn-ok")
    expect(page.locator("#visit")).to_have_attribute("data-state", "done")
    expect(page.locator("#proof")).to_contain_text("Jauna galva")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    kept = page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('plomba-visit'))")
    assert kept == []


def test_work_is_given_with_the_keyboard(shop: tuple[int, int], open_page: Open) -> None:
    page = open_page("/desk/")
    row = page.locator(f"[data-incident='{shop[1]}']")
    expect(row).to_be_visible()
    for _ in range(20):
        page.keyboard.press("j")
        if "is-chosen" in (row.get_attribute("class") or ""):
            break
    page.keyboard.press("a")
    expect(row).to_have_count(0)
    page.goto(page.url.replace("/desk/", f"/incidents/{shop[1]}/"))
    expect(page.locator("#incident")).to_have_attribute("data-state", "assigned")
