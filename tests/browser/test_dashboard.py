"""What a technician does all day, in a real browser against a real collector over TLS."""

import time
from collections.abc import Callable

import pytest
import requests
from playwright.sync_api import Page, Route, expect

from protocols.wire import v1
from tests.collector.served import Served, Till, event

Open = Callable[..., Page]
pytestmark = pytest.mark.xdist_group("browser")
ARRIVES_S = 2.0
"""From the answer to the agent until the row is painted. It is a fraction of a second on an idle machine."""


def hello(till: Till) -> None:
    """The agent's first words: one printer with paper."""
    now = event(1, "raised").at
    devices = (v1.DeviceInfo(id="printer", family="escpos", port="/dev/ttyS0"),)
    greeting = v1.Hello(
        seq=1, at=now, agent="0.1.0", hostname="kase", os="Linux", boot_at=now, devices=devices
    )
    state = v1.State(seq=2, at=now, device="printer", contact=v1.Contact.OK, state={"paper_end": False})
    figures = v1.Sample(
        seq=3, at=now, subject=v1.Subject(kind=v1.SubjectKind.TERMINAL), values={"cpu_percent": 3.5}
    )
    assert till.report(greeting, state, figures).ok


@pytest.fixture
def till(served: Served) -> Till:
    found = served.terminal()
    hello(found)
    return found


def test_a_wrong_password_is_told_and_a_right_one_opens(
    served: Served, open_page: Open, complaints: list[str]
) -> None:
    page = open_page("/")
    page.click("details.menu:has(form[action='/sign-out']) summary")
    page.click("form[action='/sign-out'] button")
    page.fill("[name=username]", "technician")
    page.fill("[name=password]", "wrong")
    page.click("form.stack button")
    expect(page.locator("[role=alert]")).to_be_visible()
    complaints[:] = [text for text in complaints if "422" not in text]
    page.goto(f"{served.url}/incidents/")
    assert "/sign-in?next=" in page.url


@pytest.mark.parametrize(
    ("language", "word"), [("lv", "Incidenti"), ("en", "Incidents"), ("ru", "Инциденты")]
)
def test_the_page_speaks_the_chosen_language(open_page: Open, language: str, word: str) -> None:
    page = open_page("/incidents/", language=language)
    expect(page.locator("h1")).to_have_text(word)


def test_dark_follows_the_system_and_the_switch_is_remembered(served: Served, open_page: Open) -> None:
    page = open_page("/", scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("[data-theme-switch]")
    page.goto(f"{served.url}/devices/")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark


def test_an_incident_arrives_without_a_reload_and_is_worked_by_keyboard(till: Till, open_page: Open) -> None:
    page = open_page("/incidents/")
    page.evaluate("window.kept = true")
    row = page.locator(f"tr[data-code='printer.cover_open']:has(a[href='/terminals/{till.id}/'])")
    expect(row).to_have_count(0)
    assert till.report(event(4, "raised", "printer.cover_open")).ok
    told = time.perf_counter()
    row.wait_for()
    assert time.perf_counter() - told < ARRIVES_S
    assert page.evaluate("window.kept"), "the page was loaded anew"

    for _ in range(20):
        page.keyboard.press("j")
        if "is-chosen" in (row.get_attribute("class") or ""):
            break
    page.keyboard.press("a")
    expect(row).to_have_attribute("data-state", "assigned")
    expect(row.locator(".c-who")).to_have_text("technician")
    page.keyboard.press("Enter")
    page.wait_for_selector("#incident")

    page.select_option("#assignee", label="manager")
    page.click("form[action$='/assign'] button")
    expect(page.locator(".story")).to_contain_text("Assigned")
    page.keyboard.press("r")
    page.keyboard.type("Cover closed")
    page.keyboard.press("Tab")  # the kind of solution, which may stay open
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#incident")).to_have_attribute("data-state", "resolved")
    expect(page.locator(".story")).to_contain_text("Cover closed")


def test_half_written_words_survive_a_change_from_elsewhere(till: Till, open_page: Open) -> None:
    assert till.report(event(4, "raised", "printer.cutter_error")).ok
    page = open_page("/incidents/?sort=newest")
    page.click("tr[data-code='printer.cutter_error'] a[data-open]")
    page.fill("#resolution", "I am still wri")
    page.locator("h1").click()
    assert till.report(event(5, "cleared", "printer.cutter_error")).ok
    page.wait_for_selector("html.is-paused")
    assert page.input_value("#resolution") == "I am still wri"
    page.fill("#resolution", "")
    page.keyboard.press("Escape")
    expect(page.locator(".story")).to_contain_text("Fault is gone")


def test_words_begun_while_an_answer_is_on_its_way_survive_it(
    till: Till, served: Served, open_page: Open
) -> None:
    assert till.report(event(4, "raised", "printer.cutter_error")).ok
    page = open_page("/incidents/?sort=newest")
    page.click(f"tr[data-code='printer.cutter_error']:has(a[href='/terminals/{till.id}/']) a[data-open]")
    page.wait_for_selector("html[data-live=on]")
    held: list[tuple[Route, str]] = []

    def slow(route: Route) -> None:
        if held or route.request.headers.get("hx-target") != "incident":
            route.continue_()
            return
        held.append((route, answer_of(served, route)))

    page.route("**/incidents/**", slow)
    assert till.report(event(5, "cleared", "printer.cutter_error")).ok
    while not held:
        page.evaluate("() => 0")  # lets the browser's messages in
    [(route, fresh)] = held
    assert "Fault is gone" in fresh
    page.fill("#resolution", "I am still wri")
    route.fulfill(body=fresh, content_type="text/html; charset=utf-8")
    page.wait_for_selector("html.is-paused")
    assert page.input_value("#resolution") == "I am still wri"
    expect(page.locator(".story")).not_to_contain_text("Fault is gone")
    page.fill("#resolution", "")
    page.keyboard.press("Escape")
    expect(page.locator(".story")).to_contain_text("Fault is gone")


def answer_of(served: Served, route: Route) -> str:
    headers = {n: v for n, v in route.request.all_headers().items() if not n.startswith(":")}
    return requests.get(route.request.url, headers=headers, verify=served.authority, timeout=30).text


def backed_up(number: int, source: str) -> v1.Backup:
    now = event(1, "raised").at
    return v1.Backup(
        seq=number,
        at=now,
        source=source,
        engine="sqlite",
        ok=True,
        snapshot="s1",
        started_at=now,
        duration_s=1,
    )


def test_news_that_comes_while_an_answer_is_on_its_way_is_not_lost(
    till: Till, served: Served, open_page: Open
) -> None:
    page = open_page("/backups/")
    page.evaluate(
        """() => { let heard = 0; document.addEventListener("htmx:sseMessage", (event) => {
             if (event.target.id === "backup-rows") document.documentElement.dataset.heard = ++heard; }); }"""
    )
    held: list[tuple[Route, str]] = []

    def slow(route: Route) -> None:
        if held:
            route.continue_()
            return
        held.append((route, answer_of(served, route)))

    page.route("**/backups/**", slow)
    assert till.report(backed_up(4, "early-bird")).ok
    while not held:
        page.evaluate("() => 0")  # lets the browser's messages in
    assert till.report(backed_up(5, "late-bird")).ok
    page.wait_for_selector("html[data-heard='2']")
    [(route, early)] = held
    assert "early-bird" in early
    assert "late-bird" not in early
    route.fulfill(body=early, content_type="text/html; charset=utf-8")
    expect(page.locator("#backup-rows")).to_contain_text("late-bird")


def test_keys_lead_everywhere_and_help_lists_them(open_page: Open) -> None:
    page = open_page("/")
    for keys, path in (("gi", "/incidents/"), ("gd", "/devices/"), ("gb", "/backups/"), ("gn", "/")):
        page.keyboard.press(keys[0])
        page.keyboard.press(keys[1])
        page.wait_for_url(f"**{path}")
        page.wait_for_selector("html[data-live=on]")
    page.keyboard.press("?")
    expect(page.locator("dialog#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog#keys")).to_be_hidden()
    page.keyboard.press("/")
    page.keyboard.type("centrs")
    page.keyboard.press("Enter")
    page.wait_for_url("**/devices/?q=centrs")


def test_filters_stand_in_the_address(till: Till, open_page: Open) -> None:
    page = open_page("/devices/")
    page.fill(".filters [name=q]", "KAFEJNICA")
    page.wait_for_url("**q=KAFEJNICA**")
    expect(page.locator("#device-rows tr[data-device]").first).to_be_visible()
    page.fill(".filters [name=q]", "nothing like it")
    expect(page.locator(".empty-state")).to_contain_text("No device matches")
    page.reload()
    assert page.input_value(".filters [name=q]") == "nothing like it"


def test_a_till_shows_its_chart_and_its_timeline(till: Till, open_page: Open) -> None:
    assert till.report(event(4, "raised", "printer.paper_end")).ok
    page = open_page(f"/terminals/{till.id}/")
    expect(page.locator(".sentence")).to_contain_text("Printer is out of paper")
    expect(page.locator("#timeline [data-kind=event]")).to_have_count(1)
    page.wait_for_selector(".u-over")
    page.check("#timeline input[value=facts]", force=True)
    expect(page.locator("#timeline [data-kind=event]")).to_have_count(0)
    expect(page.locator("#timeline [data-kind=hello]")).to_have_count(1)
    assert till.report(event(5, "cleared", "printer.paper_end")).ok
    expect(page.locator("#terminal")).to_have_attribute("data-standing", "ok")


def test_a_reader_sees_all_and_is_offered_nothing(till: Till, open_page: Open) -> None:
    assert till.report(event(4, "raised", "printer.head_overheat")).ok
    page = open_page("/incidents/", role="reader")
    expect(page.locator("tr[data-code='printer.head_overheat']").first).to_be_visible()
    expect(page.locator("[data-key=a]")).to_have_count(0)


PAGES = ["/", "/incidents/", "/devices/", "/backups/", "/enrol/", "/people/"]


@pytest.mark.parametrize("language", ["lv", "ru"])
def test_nothing_is_wider_than_a_phone(till: Till, served: Served, open_page: Open, language: str) -> None:
    assert till.report(event(4, "raised", "printer.mechanism_error")).ok
    page = open_page("/", role="manager", language=language, width=360)
    for path in [*PAGES, f"/terminals/{till.id}/"]:
        page.goto(served.url + path)
        page.wait_for_selector("html[data-live=on]")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_a_lost_link_is_shown_and_comes_back(till: Till, open_page: Open, complaints: list[str]) -> None:
    page = open_page("/incidents/")
    page.context.set_offline(True)
    expect(page.locator(".lost")).to_be_visible()
    assert till.report(event(4, "raised", "printer.power_supply")).ok
    page.context.set_offline(False)
    page.wait_for_selector("html[data-live=on]", timeout=30_000)
    expect(page.locator("tr[data-code='printer.power_supply']").first).to_be_visible()
    expected = ("ERR_INTERNET_DISCONNECTED", "htmx:sendError", "htmx:afterRequest")
    complaints[:] = [text for text in complaints if not any(part in text for part in expected)]


def test_the_policy_is_enforced_by_the_browser(open_page: Open, complaints: list[str]) -> None:
    """The control of every test here: an inline script does not run, and it is complained about."""
    page = open_page("/")
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = true'}))"
    )
    assert page.evaluate("window.ran") is None
    assert any("Content Security Policy" in text for text in complaints)
    complaints.clear()
