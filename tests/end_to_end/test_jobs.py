"""From a click in a real browser to the printer and back: an operator signs, the collector hands on, the agent asks the
devices, and the answer stands on the page. All with the real programs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import launched
from tests.end_to_end.process import BIN, run
from tests.end_to_end.stage import MANAGER, PASSWORD, Stage, until

pytestmark = pytest.mark.xdist_group("browser")
COMES_MS = 180_000


class Company:
    """Its root key, one operator, and the list, made with the commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        run(BIN / "plomba-collector", "job", "root", "--out", folder)
        run(BIN / "plomba-collector", "job", "key", "--out", folder)
        public = (folder / "operator.pub").read_text().strip()
        people = folder / "people.toml"
        people.write_text(f'[[operator]]\nname = "Anna"\nkey = "{public}"\nmay = ["all"]\n')
        self.list = folder / "operators.json"
        root = folder / "root.key"
        sign = ("operators", people, "--root", root, "--number", "1", "--out", self.list)
        run(BIN / "plomba-collector", "job", *sign)

    @property
    def root(self) -> str:
        return (self.folder / "root.pub").read_text().strip()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    company = Company(tmp_path / "company")
    with Stage(tmp_path / "world") as stage:
        stage.make_collector()
        stage.make_devices()
        stage.make_agent()
        jobs = f'\n[jobs]\ncompany_root = "{company.root}"\nservices = ["plomba-not-there"]\n'
        stage.config.write_text(stage.config.read_text() + jobs)
        stage.start_agent()
        stage.wait_all_well()
        # a new agent begins with the backup that was never made; a receipt would let it wait, and a job with it
        until(lambda: stage.api.get("/backups/runs")["count"] or None, "the first backup", timeout_s=180)
        yield stage


@pytest.fixture
def page(stage: Stage, tmp_path: Path) -> Iterator[Page]:
    """The jobs of the one till, with the operator's key opened, after the list was handed in on its page."""
    [till] = stage.api.get("/terminals")["items"]
    with launched(stage.port) as browser:
        page = browser.new_context().new_page()
        page.goto(f"{stage.url}/sign-in")
        page.fill("[name=username]", MANAGER)
        page.fill("[name=password]", PASSWORD)
        page.click("form.stack button")
        page.goto(f"{stage.url}/operators/")
        page.set_input_files("input[name=file]", tmp_path / "company" / "operators.json")
        page.click(".split-side form button")
        expect(page.locator(".split-main")).to_contain_text("Anna")
        page.goto(f"{stage.url}/terminals/{till['id']}/jobs/")
        page.wait_for_selector("#job-form[data-ready]")
        page.set_input_files("#key-file", tmp_path / "company" / "operator.key")
        expect(page.locator("#key-name")).to_have_text("Anna")
        yield page


def send(page: Page, type_: str, **fields: str) -> None:
    page.select_option("#job-form [name=type]", type_)
    for name, value in fields.items():
        page.fill(f"#job-form fieldset:not([hidden]) [data-parameter={name}]", value)
    page.click("#job-form button.btn-primary")


@pytest.mark.timeout(600)
def test_from_the_page_to_the_printer_and_back(stage: Stage, page: Page) -> None:
    assert stage.printer
    assert stage.fiscal
    send(page, "read_state_now")
    done = page.locator("#jobs article[data-standing=done]")
    expect(done).to_have_count(1, timeout=COMES_MS)
    expect(done.locator(".job-output").first).to_contain_text("printer: online yes")
    expect(done.locator(".job-output").first).to_contain_text("fiscal: online yes")

    stage.fiscal.fault(receipt_open=True)
    send(page, "restart_service", service="plomba-not-there")
    refused = page.locator("#jobs article[data-code='job.receipt_open']")
    expect(refused).to_have_attribute("data-standing", "later", timeout=COMES_MS)
    stage.fiscal.reset()

    send(page, "self_test")
    tested = page.locator("#jobs article[data-standing=done]:has-text('all well')")
    expect(tested).to_have_count(1, timeout=COMES_MS)

    send(page, "run_backup", backup="pos")
    backed = page.locator("#jobs article[data-standing=done]")
    expect(backed).to_have_count(3, timeout=COMES_MS)
    assert stage.printer.forbidden() == []

    page.select_option("#job-form [name=type]", "drawer_test")
    page.select_option("#job-form fieldset:not([hidden]) [data-parameter=device]", "printer")
    page.click("#job-form button.btn-primary")
    opened = page.locator("#jobs article[data-standing=done]:has-text('the drawer is open now')")
    expect(opened).to_have_count(1, timeout=COMES_MS)
    assert stage.printer.forbidden() == ["1B 70 00 19 FA"], "one pulse, and nothing else"
    assert stage.fiscal.forbidden() == []


@pytest.mark.timeout(600)
def test_a_reloaded_agent_tells_its_job_and_goes_on(stage: Stage, page: Page) -> None:
    stage.config.write_text(stage.config.read_text() + "\n[host]\nsample_s = 45\n")
    send(page, "reload_configuration")
    expect(page.locator("#jobs article[data-standing=done]")).to_have_count(1, timeout=COMES_MS)
    send(page, "read_state_now")
    expect(page.locator("#jobs article[data-standing=done]")).to_have_count(2, timeout=COMES_MS)
    assert stage.agent
    assert stage.agent.alive()
    status = json.loads(stage.agent_command("status", "--json"))
    assert status["spool"]["quarantined"] == 0
