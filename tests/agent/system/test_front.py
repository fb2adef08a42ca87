"""iiko and Syrve as a tree of folders, with the accounts and the spellings that are in use, and what of people must
not leave the till."""

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.masking import personal
from agent.system import front, front_places, log_tail
from agent.system.front import Front, Roots
from agent.system.front_log import FrontLog
from agent.system.front_places import Place

LOG = """2026-07-10 21:03:01 INFO  Current time zone is (UTC+02:00) Riga with effective UTC offset 03:00
2026-07-10 21:03:02 INFO  ID организации : 12345
2026-07-10 21:03:02 INFO  Is MainCash: True
2026-07-10 21:03:02 INFO  Is MainCash configured: False
2026-07-10 21:05:00 WARN  ID организации:\t67890
2026-07-10 21:05:01 INFO  Is MainCash configured: True
"""
CONFIG = """<?xml version="1.0"?><config><password>secret</password>
<serverUrl>https://admin:secret@rms.example:443/resto/?key=1&amp;b=2</serverUrl></config>"""
INFO = """<CashServerInfo><CurrentCafeSessionNumber>17</CurrentCafeSessionNumber>
<CurrentCafeSessionOpenDate>2026-11-25T08:00:00</CurrentCafeSessionOpenDate></CashServerInfo>"""


def cash_server(profile: Path, brand: str, when: int, *, config: str = CONFIG, log: str = LOG) -> Path:
    folder = profile / "AppData" / "Roaming" / brand / "CashServer"
    (folder / "Logs").mkdir(parents=True)
    (folder / "config.xml").write_text(config, "utf-8-sig")
    (folder / "CashServerInfo.xml").write_text(INFO, "utf-8")
    (folder / "Logs" / "cash-server.log").write_text(log, "utf-8")
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (when, when))
    return folder


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    profiles = [tmp_path / "Users" / name for name in ("Kase", "Admin", "Default")]
    for profile in profiles:
        profile.mkdir(parents=True)
    cash_server(profiles[0], "iiko", when=2_000)
    cash_server(profiles[1], "syrve", when=1_000)
    programs = [tmp_path / name for name in ("Program Files", "Program Files (x86)", "nowhere")]
    net = programs[0] / "iiko" / "iikoRMS" / "Front.Net"
    plugin = net / "Plugins" / "Loyalty"
    plugin.mkdir(parents=True)
    (net / "iikoFront.Net.exe").write_bytes(b"MZ")
    (net / "BackOffice.exe").write_bytes(b"MZ")
    (plugin / "manifest.xml").write_text("<Manifest><FileName>loyalty.dll</FileName></Manifest>", "utf-8")
    (plugin / "Loyalty.dll").write_bytes(b"MZ")
    (net / "Plugins" / "NoPlugin").mkdir()
    syrve = programs[1] / "Syrve"
    syrve.mkdir(parents=True)
    (syrve / "Front.Net.exe").write_bytes(b"MZ")
    return Roots(profiles, programs)


def test_the_folders_of_all_accounts_and_both_brands_are_found(roots: Roots) -> None:
    found = [(place.account, place.brand) for place in front_places.places(roots.profiles)]
    assert found == [("Kase", "iiko"), ("Admin", "Syrve")]


def test_programs_and_the_libraries_of_plugins_are_what_a_certificate_is_about(roots: Roots) -> None:
    names = [path.name for path in front.program_files(roots)]
    assert names == ["iikoFront.Net.exe", "Loyalty.dll", "Front.Net.exe"]


@pytest.mark.parametrize(
    "named", ["../../../../secret", "..", "C:\\Windows\\system32\\config\\SAM", "/etc/passwd"]
)
def test_a_manifest_leads_out_of_its_folder_nowhere(roots: Roots, named: str) -> None:
    manifest = next(roots.programs[0].rglob("manifest.xml"))
    manifest.write_text(f"<Manifest><FileName>{named}</FileName></Manifest>", "utf-8")
    assert [path.name for path in front.program_files(roots)] == ["iikoFront.Net.exe", "Front.Net.exe"]


def test_the_last_word_of_the_log_counts(roots: Roots) -> None:
    told = front.read(front_places.places(roots.profiles)[0])
    assert told == front.Told(
        server_url="https://rms.example:443/resto/",
        organisation="67890",
        is_main=True,
        main_set=True,
        time_zone="UTC+02:00",
        session=17,
        session_opened="2026-11-25T08:00:00",
    )


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (None, None),
        ("", None),
        ("rms.example", None),
        ("http://[broken", None),
        ("http://rms.example/resto", "http://rms.example/resto"),
        ("http://u:p@10.0.0.5:8080/resto?x#y", "http://10.0.0.5:8080/resto"),
    ],
)
def test_an_address_is_told_without_passwords(url: str | None, told: str | None) -> None:
    assert front.server(url) == told


def test_files_that_are_not_there_say_nothing(tmp_path: Path) -> None:
    assert front.read(Place("x", "iiko", tmp_path)) == front.Told()


def table() -> Iterator[tuple[int, str, list[str]]]:
    yield 1, "explorer.exe", []
    yield 2, "iikofront.net.exe", []


def test_the_account_that_was_written_to_last_speaks(roots: Roots) -> None:
    fact = Front(lambda: roots, lambda: AT, table).measure().facts["pos.front"]
    assert (fact["account"], fact["brand"], fact["other_accounts"]) == ("Kase", "iiko", "Admin")
    assert (fact["installed"], fact["running"], fact["plugins"]) == (True, True, "Loyalty")
    other = roots.profiles[1] / "AppData" / "Roaming" / "syrve" / "CashServer" / "config.xml"
    os.utime(other, (3_000, 3_000))
    assert Front(lambda: roots, lambda: AT, table).measure().facts["pos.front"]["brand"] == "Syrve"
    assert "secret" not in str(fact)


def test_a_computer_without_either_says_only_that() -> None:
    measured = Front(lambda: Roots([], []), lambda: AT, table).measure()
    assert measured.facts == {"pos.front": {"installed": False}}


def test_only_the_end_of_a_long_log_is_read_and_in_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "cash-server.log"
    path.write_bytes(b"first\n" + b"x" * 90 + b"\nsecond\nthird\n")
    assert log_tail.read(path, 20) == "second\nthird\n"
    assert log_tail.read(path).startswith("first\n")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
def test_the_token_is_found_in_the_encodings_in_use(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "cash-server.log"
    path.write_bytes("ID организации: 42\n".encode(encoding))
    assert "ID организации: 42" in log_tail.read(path)


MASKED = [
    ("guest +371 20 110 545 ordered", "20 110 545"),
    ("phone=20110545;", "20110545"),
    ("call 67 123 456 now", "67 123 456"),
    ("sms to 37120110545 sent", "37120110545"),
    ("тел. 8 (912) 345-67-89", "912"),
    ("mail anna.berzina+pos@example.lv ok", "berzina"),
    ("card 4111 1111 1111 1111 approved", "4111 1111"),
    ("pan=5555555555554444", "5555555555554444"),
    ("track 4111111111111111=2512", "4111111111111111"),
    ("code 010190-12345", "010190-12345"),
    ("code 321234-56789", "321234-56789"),
    ("IBAN LV80BANK0000435195001 paid", "LV80BANK"),
    ('{"customerName": "Anna Bērziņa", "sum": 5}', "Anna"),
    ("<phone>12 34</phone>", "12 34"),
    ("<Guest id='1'>Anna</Guest>", "Anna"),
    ("Клиент: Иван Петров; сумма 5", "Иван"),
    ("vārds: Jānis", "Jānis"),
]


@pytest.mark.parametrize(("text", "secret"), MASKED)
def test_what_tells_of_people_is_masked(text: str, secret: str) -> None:
    masked = personal.mask(text)
    assert secret not in masked
    assert personal.MASK in masked


@pytest.mark.parametrize(
    "text",
    [
        "2026-07-10 21:03:01,311 [12] INFO Resto.Front.Main order 17 closed, sum 12345678.90",
        "version 9.2.8035.0 build 20261125120000",
        "ID организации: 67890",
        "session 6fa459ea-ee8a-3ca4-894e-db77e160355e",
        "ticks 638676432000000001 took 1120110545 ms",
        "http://10.0.0.5:8080/resto/service",
        "card 4111 1111 1111 1112 is no card",
        "0x00000000DEADBEEF at 1795645522.123",
    ],
)
def test_what_a_technician_needs_stays(text: str) -> None:
    assert personal.mask(text) == text


AT = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def say(folder: Path, text: str, name: str = "error.log") -> None:
    with (folder / name).open("ab") as file:
        file.write(text.encode())


def test_errors_are_counted_as_they_come_and_told_masked(tmp_path: Path) -> None:
    log = FrontLog()
    say(tmp_path, "1 ERROR old\n")
    assert log.look(tmp_path, AT) == (0, ""), "what was before is not news"
    say(tmp_path, "2 ERROR guest anna@example.lv\n3 INFO fine\n4 FATAL pan 4111111111111111 half")
    say(tmp_path, "5 ERRORS are no level\n", "cash-server.log")
    assert log.look(tmp_path, AT) == (1, f"2 ERROR guest {personal.MASK}")
    say(tmp_path, " a line\n")
    later = AT + timedelta(minutes=10)
    assert log.look(tmp_path, later) == (1, f"2 ERROR guest {personal.MASK}"), "no oftener than once an hour"
    say(tmp_path, "6 ERROR new\n")
    assert log.look(tmp_path, AT + timedelta(hours=1)) == (1, "6 ERROR new")
    assert log.look(tmp_path, AT + timedelta(hours=2)) == (0, "6 ERROR new")


def test_a_log_that_begins_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = FrontLog()
    say(tmp_path, "x" * 500 + "\n")
    log.look(tmp_path, AT)
    (tmp_path / "error.log").write_bytes(b"1 ERROR after\n")
    assert log.look(tmp_path, AT) == (1, "1 ERROR after")


def test_of_a_flood_only_the_end_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_tail, "TAIL_BYTES", 100)
    log = FrontLog()
    say(tmp_path, "")
    log.look(tmp_path, AT)
    say(tmp_path, "".join(f"{i:04} ERROR x\n" for i in range(1000)))
    assert log.look(tmp_path, AT) == (7, "0999 ERROR x")
    assert log.look(tmp_path, AT)[0] == 0


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there that few accounts have")
def test_a_log_that_is_a_link_out_of_its_folder_is_not_read(tmp_path: Path) -> None:
    secret, folder, log = tmp_path / "shadow", tmp_path / "Logs", FrontLog()
    folder.mkdir()
    secret.write_bytes(b"")
    (folder / "error.log").symlink_to(secret)
    log.look(folder, AT)
    secret.write_bytes(b"root ERROR secret\n")
    assert log.look(folder, AT) == (0, "")
    secret.write_text(CONFIG + LOG, "utf-8")
    (folder / "config.xml").symlink_to(secret)
    (folder / "Logs").mkdir()
    (folder / "Logs" / "cash-server.log").symlink_to(secret)
    assert front.read(Place("x", "iiko", folder)) == front.Told()


def test_the_probe_tells_the_last_error_of_the_folder_that_speaks(roots: Roots) -> None:
    probe = Front(lambda: roots, lambda: AT, table)
    assert probe.measure().values == {"front_log_errors": 0.0}
    place = front_places.places(roots.profiles)[0]
    say(place.logs, "ERROR no paper\n")
    measured = probe.measure()
    assert measured.values == {"front_log_errors": 1.0}, "error.log was not there before: all of it is news"
    assert measured.facts["pos.front_log"] == {"last_error": "ERROR no paper"}
