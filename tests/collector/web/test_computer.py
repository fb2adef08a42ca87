"""What a till says of its own computer, on its page and in three languages."""

import pytest
from django.utils.translation import override

from collector.inventory import holdings
from collector.inventory.models import Terminal
from collector.web import findings, states
from protocols.wire import v1
from tests.collector.web.world import NOW, signed_in, till

TILL = v1.Subject(kind=v1.SubjectKind.TERMINAL)

CASES = [
    ("host.network", {"line": "line_down", "reason": "agent's words", "gateway": True},
     "Line: The line out of the shop is down; Router answers: yes"),
    ("host.services", {"postgresql": "down", "cups": "running"}, "cups: Running; postgresql: Not running"),
    ("host.reboot", {"pending": False, "why": ""}, "Restart is pending: no"),
    ("host.protection", {"firewall": None, "firewall_is": ""}, "Firewall is on: unknown"),
    ("host.unknown", {"host.disk_failing": "asleep", "smart": "x"}, "Disk is failing: asleep; smart: x"),
    ("host.disks", {"sda": "ACME 240"}, "sda: ACME 240"),
    ("host.elsewhere", {"x": 1}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "detail", "words"), CASES)
def test_a_finding_in_one_line(name: str, detail: dict[str, object], words: str) -> None:
    with override("en"):
        assert findings.note(name, detail) == words
        assert states.fact_note(name, detail) == words


@pytest.mark.parametrize(
    ("name", "key", "value", "tone"),
    [
        ("host.network", "line", "line_down", "attention"),
        ("host.network", "line", "ok", ""),
        ("host.network", "line", "unknown", ""),
        ("host.services", "cups", "down", "attention"),
        ("host.services", "cups", "running", ""),
        ("host.protection", "firewall", False, "attention"),
        ("host.protection", "firewall", None, ""),
        ("host.reboot", "pending", True, "attention"),
        ("host.spooler", "stuck", "Receipt", "attention"),
        ("host.time_sync", "synchronised", False, "attention"),
    ],
)
def test_what_a_person_should_look_at_stands_out(name: str, key: str, value: object, tone: str) -> None:
    [one] = findings.said(name, {key: value})
    assert one.tone == tone


def test_a_figure_of_one_disk_is_named_after_it() -> None:
    with override("en"):
        assert states.sample_word("disk_free_bytes:/data") == "Disk free, B · /data"
        assert states.sample_word("disk_full_in_days") == "Disk full in, days"
        assert states.sample_word("something_new") == "something_new"


@pytest.fixture
def told(db: None) -> Terminal:
    terminal = till()
    for seq, (name, detail) in enumerate(
        [("host.network", {"line": "lan_down"}), ("host.reboot", {"pending": True, "why": "<b>libc6</b>"})], 1
    ):
        holdings.record(terminal.pk, 1, v1.Fact(seq=seq, at=NOW, subject=TILL, name=name, detail=detail), NOW)
    for seq, version in enumerate(("2.4", "2.5"), 10):
        items = tuple(
            v1.InventoryItem(name=n, version=version, vendor="<i>ACME</i>") for n in ("cups", "pos")
        )
        message = v1.Inventory(seq=seq, at=NOW, what="software", items=items, left_off=3)
        holdings.record(terminal.pk, 1, message, NOW)
    return terminal


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "The shop&#x27;s network is down"),
        ("lv", "Veikala tīkls nedarbojas"),
        ("ru", "Сеть магазина не работает"),
    ],
)
def test_the_page_of_a_till_shows_its_computer(told: Terminal, language: str, words: str) -> None:
    page = signed_in("technician", language=language).get(f"/terminals/{told.pk}/").content.decode()
    assert words in page
    assert "&lt;b&gt;libc6&lt;/b&gt;" in page
    assert f"/terminals/{told.pk}/software/" in page


def test_the_list_of_software_is_searched_and_escaped(told: Terminal) -> None:
    browser = signed_in("reader")
    page = browser.get(f"/terminals/{told.pk}/software/").content.decode()
    assert "2 entries" in page
    assert "2.4 → 2.5" in page
    assert "3 more entries did not fit." in page
    assert "&lt;i&gt;ACME&lt;/i&gt;" in page
    found = browser.get(f"/terminals/{told.pk}/software/", {"q": "CUPS"}).content.decode()
    assert "1 entry" in found
    assert browser.get("/terminals/nowhere/software/").status_code == 404


def test_a_till_that_told_nothing_says_so(db: None) -> None:
    terminal, browser = till(), signed_in("reader")
    assert "told nothing" in browser.get(f"/terminals/{terminal.pk}/software/").content.decode()
    assert "computer-card" not in browser.get(f"/terminals/{terminal.pk}/").content.decode()
