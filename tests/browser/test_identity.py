"""Enrolment, approval and a cloned key, as a technician sees them: on a telephone before the till, and at the desk.
Agents are the real program."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from protocols.wire import v1
from tests.browser.conftest import PASSWORD
from tests.collector.served import ROOT, Served, Till, fact
from tests.conftest import missing

Open = Callable[..., Page]
pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(300)]
LATE_S = 0.3
SHOTS = os.environ.get("PLOMBA_SHOTS", "")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Waits for late reports but a moment."""
    tables = f"[identity]\nlate_s = {LATE_S}\nlive_s = 600\n"
    with Served(tmp_path_factory.mktemp("identities"), tables=tables) as running:
        running.people(PASSWORD, "manager", "technician", "reader")
        yield running


def shot(page: Page, name: str) -> None:
    """For eyes, where a folder is given."""
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


class Enrolling:
    """`plomba-agent enrol --qr` with a person at its keyboard."""

    def __init__(self, served: Served, folder: Path) -> None:
        config = folder / "agent.toml"
        config.write_text(
            f'[agent]\nstate_dir = "{folder}/state"\nname = "KASE-3"\n[collector]\nurl = "{served.url}"\n'
        )
        self._process = subprocess.Popen(
            [sys.executable, "-m", "agent.cli", "enrol", "--qr", "--config", str(config)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert self._process.stdout
        self.said = ""
        while "Number of this till" not in self.said:
            line = self._process.stdout.readline()
            assert line, self.said
            self.said += line

    @property
    def address(self) -> str:
        found = re.search(r"^https://\S+$", self.said, re.MULTILINE)
        assert found
        return found[0]

    @property
    def number(self) -> str:
        return self.said.rpartition("Number of this till: ")[2].strip()

    def type(self, word: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()

    def end(self) -> tuple[int, str]:
        said, _ = self._process.communicate(timeout=90)
        return self._process.returncode, said


@pytest.fixture
def enrolling(served: Served, tmp_path: Path) -> Iterator[Enrolling]:
    running = Enrolling(served, tmp_path)
    yield running
    if running._process.poll() is None:
        running._process.kill()
        running._process.communicate()


@pytest.mark.parametrize("language", ["en", "lv", "ru"])
def test_a_technician_claims_a_till_with_a_telephone(
    served: Served, open_page: Open, enrolling: Enrolling, language: str
) -> None:
    parts = urlsplit(enrolling.address)
    page = open_page(f"{parts.path}?{parts.query}", role="technician", language=language, width=390)
    expect(page.locator(".page-head .number")).to_have_text(enrolling.number)
    assert page.input_value("[name=terminal_name]") == "KASE-3"
    shot(page, f"claim-{language}")
    entered = {
        "customer": "SIA Zaļā karote",
        "site": "Kafejnīca Centrs",
        "maker": "Sam4s",
        "model": "Titan S360",
    }
    for name, value in {**entered, "serial": f"T-{language}", "place": "pie loga"}.items():
        page.fill(f"[name={name}]", value)
    page.click("form#claim button")
    page.wait_for_selector("#word")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
        "the page is wider than the telephone"
    )
    shot(page, f"claimed-{language}")
    word = page.inner_text("#word")
    enrolling.type("AAAAA-AAAAA")
    enrolling.type(word.lower())
    code, said = enrolling.end()
    assert code == 0, said
    assert "That is not the word" in said
    assert "Enrolled as KASE-3" in said
    page.click("#claimed a.btn-primary", timeout=20_000)
    card = page.locator("#identity-card")
    expect(card).to_contain_text("Titan S360")
    expect(card).to_contain_text(f"T-{language}")
    expect(card).to_contain_text("pie loga")
    expect(card.locator(".history")).to_contain_text("technician")
    shot(page, f"enrolled-{language}")


def test_three_wrong_words_and_nothing_is_sent(served: Served, enrolling: Enrolling) -> None:
    for _ in range(3):
        enrolling.type("AAAAA-AAAAA")
    code, said = enrolling.end()
    assert (code, "nothing secret was sent" in said) == (3, True), said
    key = urlsplit(enrolling.address).path.rpartition("/")[2]
    assert served.rows("SELECT count(*) FROM inventory_terminal WHERE public_key = ?", key) == [(0,)]


def test_a_code_is_shown_whole_with_a_picture_and_a_lifetime(
    served: Served, open_page: Open, tmp_path: Path
) -> None:
    page = open_page("/enrol/", role="manager")
    for name, value in {"customer": "SIA B", "site": "Ostas iela", "terminal_name": "Kase 1"}.items():
        page.fill(f"#new-code [name={name}]", value)
    page.select_option("[name=lifetime]", "900")
    page.select_option("[name=approval]", "yes")
    page.click("#new-code button")
    page.wait_for_selector("#secret")
    shot(page, "code")
    command = page.inner_text("#command")
    image = page.locator(".picture img")
    assert image.evaluate("i => i.naturalWidth > 0")
    file = tmp_path / "picture.png"
    image.screenshot(path=file)
    if which("zbarimg") is None:
        missing("zbarimg")
    read = ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", str(file)]
    assert (
        subprocess.run(read, capture_output=True, text=True, check=True, timeout=60).stdout.strip() == command
    )

    till = Till(served)
    secret = page.inner_text("#secret").partition(".")[0]
    assert till.enrol(secret).json()["waits"] is True
    assert till.report(fact(1)).json()["code"] == "terminal.waiting"
    desk = open_page("/enrol/", role="technician")
    row = desk.locator(f"[data-terminal='{till.id}']")
    expect(row).to_be_visible()
    expect(desk.locator("#new-code")).to_have_count(0)
    shot(desk, "approval")
    row.locator("button.btn-primary").click()
    expect(desk.locator(f"[data-terminal='{till.id}']")).to_have_count(0)
    desk.wait_for_timeout(2500)  # what the door knows of a terminal is two seconds old at most
    assert till.report(fact(1)).ok


def test_the_two_sessions_of_a_cloned_key_are_shown_and_one_is_chosen(
    served: Served, open_page: Open
) -> None:
    till = served.terminal()
    page = open_page("/")

    def says(session: str, host: str, *messages: v1.AnyMessage) -> dict[str, object]:
        at = fact(1).at
        run = v1.Run(hostname=host, boot_at=at).model_dump(mode="json")
        answer = till.post(v1.PATH_REPORTS, till.document(*messages, session=session, run=run))
        return dict(json.loads(answer.content))

    hosts = {"one": "KASE-1", "two": "KASE-1-COPY"}
    says("one", "KASE-1", fact(1))
    codes: list[object] = []
    while "terminal.quarantined" not in codes:
        assert len(codes) < 20, codes
        page.wait_for_timeout(LATE_S * 1300)
        codes += [says(session, host).get("code") for session, host in hosts.items()]
    page.goto(f"{served.url}/terminals/{till.id}/")
    quarantine = page.locator("#identity-card .quarantine")
    expect(quarantine.locator(".session")).to_have_count(2)
    expect(quarantine).to_contain_text("KASE-1-COPY")
    shot(page, "clone")
    quarantine.locator("[data-session='one'] button").click()
    expect(page.locator("[data-session='one']")).to_contain_text("chosen")
    expect(page.locator("[data-session='one'] button")).to_have_count(0)
    shot(page, "chosen")
    page.wait_for_timeout(2500)
    assert says("one", "KASE-1").get("waiting") == ["rekey"]
    assert says("two", "KASE-1-COPY").get("waiting") is None


def test_another_disk_is_seen_and_a_reader_changes_nothing(served: Served, open_page: Open) -> None:
    till = served.terminal()
    for seq, disk in ((1, "WD-OLD-1"), (2, "WD-NEW-2")):
        at = fact(1).at
        machine = v1.Machine(disk_serial=disk, board_serial="MB-7", machine_id="0" * 31 + "1")
        hello = v1.Hello(
            seq=seq, at=at, agent="0.1.0", hostname="kase", os="Linux", boot_at=at, machine=machine
        )
        assert till.report(hello).ok
    page = open_page(f"/terminals/{till.id}/", role="reader")
    history = page.locator("#identity-card .history")
    expect(history).to_contain_text("WD-OLD-1 → WD-NEW-2")
    expect(history).not_to_contain_text("MB-7")
    expect(page.locator("#timeline, .story").first).to_contain_text("A part of the computer was changed")
    expect(page.locator("#identity-card button")).to_have_count(0)
    shot(page, "disk")
