"""An operator signs jobs in a real browser with a key of their own; a till that knows only the company's root believes
them. The private half is not to be had out of the browser."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from collector.core import clock
from protocols.wire import job_signing
from protocols.wire.job import Type
from tests.browser.test_dashboard import hello
from tests.collector.jobs.people import Office, fetch, result, staffed
from tests.collector.served import Served, Till
from tests.update.test_order import built

Open = Callable[..., Page]
pytestmark = pytest.mark.xdist_group("browser")

READ_OUT = """async () => {
  const key = await new Promise((resolve) => {
    const opening = indexedDB.open("plomba-operator", 1);
    opening.onsuccess = () => {
      const asked = opening.result.transaction("keys").objectStore("keys").get("mine");
      asked.onsuccess = () => { opening.result.close(); resolve(asked.result); };
    };
  });
  const forms = ["pkcs8", "jwk", "raw"];
  const tries = await Promise.allSettled(forms.map((form) => crypto.subtle.exportKey(form, key.sign)));
  return { extractable: key.sign.extractable, fields: Object.keys(key).sort(), had: tries.map((one) => one.status) };
}"""


@pytest.fixture(scope="module")
def office(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Office:
    return staffed(served, tmp_path_factory.mktemp("office"))


@pytest.fixture
def till(served: Served) -> Till:
    found = served.terminal()
    hello(found)
    return found


def with_key(page: Page, office: Office, name: str) -> None:
    page.wait_for_selector("#job-form[data-ready]")
    page.set_input_files("#key-file", office.key_file(name))
    expect(page.locator("#key-name")).to_have_text(name)


def test_a_job_is_signed_in_the_browser_and_done_at_the_till(
    office: Office, till: Till, open_page: Open
) -> None:
    page = open_page(f"/terminals/{till.id}/jobs/")
    with_key(page, office, "anna")
    page.select_option("#job-form [name=type]", Type.READ_STATE_NOW.value)
    page.select_option("#job-form fieldset:not([hidden]) [data-parameter=device]", "printer")
    page.click("#job-form button.btn-primary")
    row = page.locator("#jobs article")
    expect(row).to_have_attribute("data-standing", "queued")
    offer = fetch(till)
    [signed] = offer.jobs
    job = job_signing.verify(signed, office.checked(offer), till.id, clock.now())
    assert job.parameters.model_dump() == {"type": "read_state_now", "device": "printer"}
    assert signed.signatures[0].operator == office.key("anna")
    expect(row).to_have_attribute("data-standing", "fetched")
    assert till.report(result(4, job.id)).ok
    expect(row).to_have_attribute("data-standing", "done")
    expect(row.locator(".job-output").first).to_have_text("printer: cover_open no")
    page.goto(f"{office.served.url}/terminals/{till.id}/")
    expect(page.locator("#timeline [data-kind=job_result]")).to_contain_text("Read the state now")


def test_a_key_made_here_cannot_be_read_out(
    office: Office, till: Till, open_page: Open, complaints: list[str]
) -> None:
    page = open_page(f"/terminals/{till.id}/jobs/")
    page.wait_for_selector("#job-form[data-ready]")
    page.click("#key-make")
    expect(page.locator("#key-name")).to_have_text("not on the list of operators yet")
    public = page.inner_text("#key-public")
    assert len(public) == 43
    locked = {"extractable": False, "fields": ["public", "sign"], "had": ["rejected"] * 3}
    assert page.evaluate(READ_OUT) == locked
    page.click("#job-form button.btn-primary")
    expect(page.locator("#job-said")).to_contain_text("not on the list of operators")
    complaints[:] = [text for text in complaints if "422" not in text]
    expect(page.locator("#jobs article")).to_have_count(0)
    (office.folder / "new").mkdir()
    (office.folder / "new" / "operator.pub").write_text(public)
    office.make("anna", "janis", "new")
    page.reload()
    page.wait_for_selector("#job-form[data-ready]")
    expect(page.locator("#key-name")).to_have_text("new")
    page.click("#job-form button.btn-primary")
    expect(page.locator("#jobs article")).to_have_attribute("data-standing", "queued")
    offer = fetch(till)
    job_signing.verify(offer.jobs[0], office.checked(offer), till.id, clock.now())
    page.click("#key-forget")
    expect(page.locator("#key-make")).to_be_visible()


def test_an_opened_key_cannot_be_read_out_either(office: Office, till: Till, open_page: Open) -> None:
    page = open_page(f"/terminals/{till.id}/jobs/")
    with_key(page, office, "anna")
    assert page.evaluate(READ_OUT)["had"] == ["rejected"] * 3
    assert page.evaluate(READ_OUT)["extractable"] is False


def test_two_operators_sign_an_update(
    office: Office, till: Till, open_page: Open, complaints: list[str]
) -> None:
    page = open_page(f"/terminals/{till.id}/jobs/")
    with_key(page, office, "anna")
    page.select_option("#job-form [name=type]", Type.UPDATE.value)
    expect(page.locator("[data-hint=signatures]")).to_be_visible()
    expect(page.locator("#job-form [name=dry_run]")).to_be_disabled()
    page.fill("#job-form fieldset:not([hidden]) [data-parameter=version]", "1.2.3")
    page.fill("#job-form fieldset:not([hidden]) [data-parameter=sha256]", "ab" * 32)
    page.click("#job-form button.btn-primary")
    row = page.locator("#jobs article")
    expect(row).to_have_attribute("data-standing", "signing")
    assert fetch(till).jobs == ()
    page.click("[data-sign]")
    expect(page.locator("#job-said")).to_contain_text("Another operator must sign")
    complaints[:] = [text for text in complaints if "422" not in text]
    other = open_page(f"/terminals/{till.id}/jobs/", role="manager")
    with_key(other, office, "janis")
    other.click("[data-sign]")
    expect(row).to_have_attribute("data-standing", "queued")
    offer = fetch(till)
    job = job_signing.verify(offer.jobs[0], office.checked(offer), till.id, clock.now())
    assert job.type is Type.UPDATE


def test_a_kept_package_is_chosen_and_names_its_version(
    office: Office, till: Till, open_page: Open, tmp_path: Path
) -> None:
    for version in ("0.2.0", "0.3.1"):
        office.served.cli("package", "add", str(built(tmp_path, version=version)))
    page = open_page(f"/terminals/{till.id}/jobs/")
    with_key(page, office, "anna")
    page.select_option("#job-form [name=type]", Type.UPDATE.value)
    fields = "#job-form fieldset:not([hidden])"
    expect(page.locator(f"{fields} [data-parameter=version]")).to_have_value("0.3.1")
    page.select_option(f"{fields} [data-parameter=sha256]", index=1)
    expect(page.locator(f"{fields} [data-parameter=version]")).to_have_value("0.2.0")
    chosen = page.input_value(f"{fields} [data-parameter=sha256]")
    page.click("#job-form button.btn-primary")
    expect(page.locator("#jobs article")).to_contain_text(chosen)
    for line in office.served.cli("package", "list").splitlines():
        office.served.cli("package", "remove", line.split()[-1])


def test_a_job_is_cancelled_until_the_till_has_it(office: Office, till: Till, open_page: Open) -> None:
    page = open_page(f"/terminals/{till.id}/jobs/")
    with_key(page, office, "anna")
    page.click("#job-form button.btn-primary")
    page.click("#jobs .link-button")
    row = page.locator("#jobs article")
    expect(row).to_have_attribute("data-standing", "cancelled")
    assert fetch(till).jobs == ()
    page.wait_for_selector("#job-form[data-ready]")
    page.click("#job-form button.btn-primary")
    expect(page.locator("#jobs article[data-standing=queued]")).to_have_count(1)
    assert len(fetch(till).jobs) == 1
    expect(page.locator("#jobs article[data-standing=fetched]")).to_have_count(1)
    expect(page.locator("#jobs .link-button")).to_have_count(0)


def test_all_of_it_by_keyboard(office: Office, till: Till, open_page: Open) -> None:
    page = open_page(f"/terminals/{till.id}/jobs/")
    with_key(page, office, "anna")
    page.locator("h1").click()
    page.keyboard.press("r")
    expect(page.locator("#job-form [name=type]")).to_be_focused()
    page.keyboard.type("Test the agent")
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    row = page.locator("#jobs article")
    expect(row).to_have_attribute("data-standing", "queued")
    expect(row).to_contain_text("Test the agent itself")


def test_a_file_that_was_signed_elsewhere_is_handed_in(
    office: Office, till: Till, open_page: Open, complaints: list[str], tmp_path: Path
) -> None:
    file = office.sign("anna", till.id, "collect_logs")
    torn = tmp_path / "torn.json"
    torn.write_text(json.dumps(json.loads(file.read_text()) | {"signatures": []}))
    page = open_page(f"/terminals/{till.id}/jobs/")
    page.wait_for_selector("#job-form[data-ready]")
    page.click(".job-file summary")
    page.set_input_files("#job-file", torn)
    expect(page.locator("#job-said")).to_contain_text("A signature is missing")
    complaints[:] = [text for text in complaints if "422" not in text]
    page.set_input_files("#job-file", file)
    expect(page.locator("#jobs article")).to_have_attribute("data-standing", "queued")
    assert fetch(till).jobs[0].text == json.loads(file.read_text())["text"]


def test_a_reader_sees_jobs_and_is_offered_none(office: Office, till: Till, open_page: Open) -> None:
    office.served.cli("job", "queue", str(office.sign("anna", till.id, "self_test")))
    page = open_page(f"/terminals/{till.id}/jobs/", role="reader")
    expect(page.locator("#jobs article")).to_have_count(1)
    expect(page.locator("#job-form, #my-key, .link-button[type=submit]")).to_have_count(0)


@pytest.mark.parametrize(("language", "word"), [("lv", "Darbi"), ("ru", "Задания")])
def test_jobs_fit_a_phone_and_speak(
    office: Office, till: Till, open_page: Open, language: str, word: str
) -> None:
    for seq, (code, exit_) in enumerate([("", 0), ("job.receipt_open", 75), ("job.broken_off", 1)], 4):
        office.served.cli("job", "queue", str(office.sign("anna", till.id, "self_test")))
        [signed] = fetch(till).jobs
        told = result(seq, json.loads(signed.text)["id"], "self_test", code, exit_)
        assert till.report(told.model_copy(update={"output": "x" * 300})).ok
    page = open_page(f"/terminals/{till.id}/jobs/", language=language, width=360, role="manager")
    expect(page.locator("#jobs")).to_be_visible()
    expect(page.locator(".crumbs")).to_contain_text(word)
    for path in (f"/terminals/{till.id}/jobs/", "/operators/"):
        page.goto(office.served.url + path)
        page.wait_for_selector("html[data-live=on]")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
