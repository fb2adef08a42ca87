"""The desk in a browser: an incident worked by keyboard with its clocks, and what a manager agrees with customers."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from protocols.wire import v1
from tests.browser.test_dashboard import hello
from tests.collector.served import Served, Till, event, until

Open = Callable[..., Page]
pytestmark = pytest.mark.xdist_group("browser")

CONTRACT = """
import datetime, django
django.setup()
from collector.core import clock
from collector.incidents import contracts
from collector.incidents.desk_models import Contract
if not Contract.objects.filter(key="visiem").exists():
    targets = [
        {"metric": "tto", "minutes": 30},
        {"metric": "ttr", "minutes": 240},
        {"metric": "ttr", "minutes": 120, "priority": 1},
    ]
    day = clock.now().date() - datetime.timedelta(days=30)
    calendars = {"reaction_calendar": "always", "solution_calendar": "always"}
    draft = contracts.Draft(key="visiem", name="Visiem", valid_from=day, targets=targets, **calendars)
    contracts.make(draft, clock.now())
"""


@pytest.fixture
def till(served: Served) -> Till:
    served.python(CONTRACT)
    found = served.terminal()
    hello(found)
    now = event(1, "raised").at
    found.report(v1.Event.model_validate({**event(4, "raised").model_dump(), "at": now}))
    return found


def number_of(served: Served, till: Till) -> int:
    sql = "SELECT id FROM incidents_incident WHERE terminal_id = ? AND renewed"
    return int(until(lambda: served.rows(sql, till.id), "the desk has looked at it")[0][0])


def test_an_incident_is_worked_by_keyboard(served: Served, open_page: Open, till: Till) -> None:
    number = number_of(served, till)
    page = open_page("/incidents/")
    expect(page.locator(f"[data-row='{number}'] .left")).to_contain_text("left")
    page.goto(f"{served.url}/incidents/{number}/")
    expect(page.locator("[data-clock=tto]")).to_have_attribute("data-standing", "running")
    page.keyboard.press("a")
    expect(page.locator("#incident[data-state=assigned]")).to_be_visible()
    expect(page.locator("[data-clock=tto]")).to_have_attribute("data-standing", "stopped")
    page.keyboard.press("u")
    expect(page.locator("#incident[data-state=new]")).to_be_visible()
    expect(page.locator("[data-clock=tto]")).to_have_attribute("data-standing", "running")
    page.keyboard.press("s")
    expect(page.locator("#incident[data-state=in_progress]")).to_be_visible()
    page.keyboard.press("w")
    page.fill("#more-wait [name=note]", "the owner brings the key")
    page.click("#more-wait button")
    expect(page.locator("#incident[data-state=pending_customer]")).to_be_visible()
    expect(page.locator("[data-clock=ttr]")).to_have_attribute("data-standing", "paused")
    expect(page.locator(".waits")).to_contain_text("the owner brings the key")
    page.keyboard.press("w")
    expect(page.locator("#incident[data-state=assigned]")).to_be_visible()
    page.keyboard.press("n")
    page.keyboard.type("we come at two")
    page.click("#log button:has-text('Answer the customer')")
    expect(page.locator("#log [data-public]")).to_contain_text("we come at two")
    expect(page.locator("#log [data-step=noted]")).to_have_count(0)
    page.keyboard.press("p")
    page.click(".matrix .cell >> nth=0")
    expect(page.locator("#clocks [data-priority='1']")).to_be_visible()
    page.keyboard.press("f")
    page.set_input_files(
        "#more-file [name=file]", {"name": "bon.txt", "mimeType": "text/html", "buffer": b"<script>"}
    )
    page.click("#more-file button")
    expect(page.locator("#work .entries")).to_contain_text("bon.txt")
    page.keyboard.press("r")
    page.keyboard.type("new roll")
    page.select_option(".acts [name=code]", "hardware_repair")
    page.click(".acts .btn-ok")
    expect(page.locator("#incident[data-state=resolved]")).to_be_visible()
    expect(page.locator("[data-clock=ttr]")).to_have_attribute("data-standing", "stopped")


def test_a_manager_writes_a_contract_and_changes_it(open_page: Open, complaints: list[str]) -> None:
    page = open_page("/contracts/new", role="manager")
    page.fill("[name=name]", "Nakts")
    page.fill("[name='ttr-']", "1:30")
    page.select_option("[name=solution]", "always")
    page.click("form.stack .btn-primary")
    expect(page.locator(".said-success")).to_be_visible()
    page.fill("[name='ttr-1']", "nonsense")
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    expect(page.locator("[role=alert].said")).to_contain_text("nonsense is not a time in hours")
    complaints[:] = [text for text in complaints if "422" not in text]
    page.fill("[name='ttr-1']", "0,5")
    page.click("form.stack .btn-primary")
    expect(page.locator(".history")).to_contain_text("2 ·")
    expect(page.locator("[name='ttr-1']")).to_have_value("0:30")
    page.goto(page.url.replace("/contracts/nakts/", "/calendars/legal/"))
    expect(page.locator(".days-off")).to_contain_text("Republic of Latvia Proclamation Day")
