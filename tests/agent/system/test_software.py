"""Installed software, files of the cash program, their versions and their certificates; protection and restart."""

import hashlib
import json
import struct
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.system import certified, program, protection, reboot, software, versions
from agent.system.certified import Entry
from agent.system.command import Commands
from agent.system.probe import NotKnown, Plain
from agent.system.program import Program
from agent.system.programs import Programs
from agent.system.protection import Shield
from agent.system.services import Run
from agent.system.versions import Seen
from tests.agent.system.conftest import Play

AT = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def test_only_what_is_really_installed_is_listed(play: Play) -> None:
    play("dpkg-query", r"printf 'ii \tcups\t2.4.2-3\nrc \told\t1\nhi \tpos\t9.2\nnonsense\n'")
    [listing] = software.probe(Commands()).measure().lists
    assert [(item.name, item.version) for item in listing.items] == [("cups", "2.4.2-3"), ("pos", "9.2")]
    play("dpkg-query", "exit 0")
    with pytest.raises(NotKnown, match="empty"):
        software.probe(Commands()).measure()


def test_the_software_of_this_computer_is_what_dpkg_counts() -> None:
    if not Commands.has("dpkg-query"):
        pytest.skip("no dpkg here")
    counted = subprocess.run(
        ["dpkg-query", "-W", "-f=${db:Status-Abbrev}\n"], capture_output=True, check=True, text=True
    ).stdout.split()
    measured = software.probe(Commands()).measure()
    assert measured.values["software_items"] == sum(state[1] == "i" for state in counted)


def resource(version: tuple[int, int, int, int], padding: int = 2) -> bytes:
    """VS_VERSIONINFO as Microsoft documents it: length, value length, type, key, padding, VS_FIXEDFILEINFO."""
    high, low = version[0] << 16 | version[1], version[2] << 16 | version[3]
    fixed = struct.pack("<4I", 0xFEEF04BD, 0x10000, high, low) + bytes(36)
    key = "VS_VERSION_INFO".encode("utf-16-le") + b"\0\0"
    return struct.pack("<3H", 92, 52, 0) + key + bytes(padding) + fixed


def test_a_version_is_found_wherever_it_lies_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "pos.exe"
    found = resource((9, 2, 8035, 1))
    edge = program._CHUNK
    for place in (64, edge - len(found), edge - 40, edge - 90, edge - 1, edge, 3 * edge + 7):
        data = b"MZ" + bytes(place) + found + bytes(100)
        path.write_bytes(data)
        assert program.read(path).version == "9.2.8035.1", place
        assert program.read(path).sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"MZ",
        b"#!" + resource((1, 2, 3, 4)),  # no program of Windows
        b"MZ" + resource((1, 2, 3, 4))[:50],
        b"MZ" + resource((1, 2, 3, 4), padding=40),
        b"MZ" + "VS_VERSION_INFO".encode("utf-16-le") + bytes(100),
    ],
)
def test_a_file_without_a_whole_version_has_none(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "pos.exe"
    path.write_bytes(data)
    found = program.read(path)
    assert (found.version, found.sha256) == ("", hashlib.sha256(data).hexdigest())


def test_a_file_that_is_not_there_says_why(tmp_path: Path) -> None:
    found = program.read(tmp_path / "gone.exe")
    assert (bool(found.problem), found.sha256) == (True, "")


def pos(sha: str, version: str = "9.1", problem: str = "") -> Program:
    return Program("pos.exe", "/pos.exe", version, "" if problem else sha, problem)


STEPS = [
    ("seen for the first time", [(0, pos("a"))], 0.0),
    ("as it was", [(0, pos("a")), (1, pos("a"))], 0.0),
    ("changed", [(0, pos("a")), (1, pos("b", "9.2"))], 1.0),
    ("still told", [(0, pos("a")), (1, pos("b", "9.2")), (7, pos("b", "9.2"))], 1.0),
    ("known by now", [(0, pos("a")), (1, pos("b", "9.2")), (8, pos("b", "9.2"))], 0.0),
    ("taken back", [(0, pos("a")), (1, pos("b", "9.2")), (2, pos("a"))], 0.0),
    (
        "changed twice and taken back",
        [(0, pos("a")), (1, pos("b", "9.2")), (2, pos("c", "9.3")), (3, pos("a"))],
        0.0,
    ),
    ("the clock went back", [(9, pos("a")), (10, pos("b")), (2, pos("b"))], 0.0),
    ("could not be read", [(0, pos("a")), (1, pos("", problem="locked"))], None),
    ("nothing found", [(0, pos("a")), (1, None)], None),
]


@pytest.mark.parametrize(("name", "steps", "value"), STEPS, ids=[name for name, _, _ in STEPS])
def test_a_change_of_version_is_told_for_a_week(
    name: str, steps: Sequence[tuple[int, Program | None]], value: float | None
) -> None:
    known: dict[str, Seen] = {}
    found: list[Program] = []
    for day, one in steps:
        found = [one] if one else []
        known = versions.restore(json.loads(json.dumps(versions.export(known))))
        known = versions.look(known, found, AT + day * DAY)
    condition = versions.judge(known, found)
    assert (condition.code, condition.value) == ("software.version_changed", value), condition.reason


def test_a_change_is_told_in_words() -> None:
    known = versions.look({}, [pos("a")], AT)
    newer, patched = pos("b", "9.2"), pos("c")
    assert "pos.exe from 9.1 to 9.2" in versions.judge(versions.look(known, [newer], AT), [newer]).reason
    assert (
        "its content, not its version"
        in versions.judge(versions.look(known, [patched], AT), [patched]).reason
    )


@pytest.mark.parametrize(
    "kept", [None, "x", {"/pos": 1}, {"/pos": ["a"]}, {"/pos": ["1", "2", "3", "4", "when"]}]
)
def test_what_was_kept_and_cannot_be_read_begins_anew(kept: Plain) -> None:
    assert versions.restore(kept) == {}


LIST = [Entry("POS.exe", "9.1"), Entry("pos.exe", "9.2", "B" * 64), Entry("other.exe", "1")]


@pytest.mark.parametrize(
    ("entries", "programs", "value"),
    [
        (None, [pos("a")], None),
        ([], [pos("a")], None),
        (LIST, [], None),
        (LIST, [Program("third.exe", "/t", "1", "c")], None),
        (LIST, [pos("a", "9.1")], 0.0),
        (LIST, [pos("b" * 64, "9.2")], 0.0),
        (LIST, [pos("c" * 64, "9.2")], 1.0),
        (LIST, [pos("a", "9.3")], 1.0),
        (LIST, [pos("a", "")], 1.0),
        (LIST, [pos("", problem="locked")], None),
        (LIST, [pos("a", "9.3"), pos("", problem="locked")], 1.0),
    ],
)
def test_a_version_is_certified_when_the_list_has_it(
    entries: Sequence[Entry] | None, programs: Sequence[Program], value: float | None
) -> None:
    condition = certified.judge(entries, programs)
    assert (condition.code, condition.value) == ("software.uncertified", value), condition.reason


def test_the_list_is_a_file_that_the_collector_gave(tmp_path: Path) -> None:
    assert certified.read(tmp_path) is None
    rows = [{"name": "pos.exe", "version": "9.1"}, {"name": "pos.exe", "version": "9.2", "sha256": "b"}]
    (tmp_path / certified.FILE).write_text(json.dumps({"programs": rows, "valid": "later"}), "utf-8")
    assert certified.read(tmp_path) == (Entry("pos.exe", "9.1"), Entry("pos.exe", "9.2", "b"))
    for nonsense in ("", "[]", "{}", '{"programs": 1}', '{"programs": [1]}', '{"programs": [{"name": "x"}]}'):
        (tmp_path / certified.FILE).write_text(nonsense, "utf-8")
        with pytest.raises(NotKnown, match="certified versions cannot be read"):
            certified.read(tmp_path)


def test_an_exchanged_program_is_told_after_a_restart_too(tmp_path: Path) -> None:
    path, kept = tmp_path / "pos", dict[str, Plain]()
    path.write_bytes(b"one")

    def look() -> list[float | None]:
        probe = Programs(tmp_path, lambda: [path, path], lambda: AT, kept.get)
        measured = probe.measure()
        assert [item.name for item in measured.lists[0].items] == ["pos"]
        kept.update({"probe.programs": measured.keep} if measured.keep is not None else {})
        return [condition.value for condition in measured.conditions]

    assert look() == [0.0, None]
    path.write_bytes(b"two")
    (tmp_path / certified.FILE).write_text('{"programs": [{"name": "pos", "version": "1"}]}', "utf-8")
    assert look() == [1.0, 1.0]
    assert look() == [1.0, 1.0]
    path.write_bytes(b"one")
    assert look() == [0.0, 1.0]
    (tmp_path / certified.FILE).write_text("?", "utf-8")
    assert look() == [0.0, None]


def test_a_file_that_did_not_change_is_read_once_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, reads = tmp_path / "pos", list[Path]()
    path.write_bytes(b"one")
    read = program.read
    monkeypatch.setattr(program, "read", lambda path: (reads.append(path), read(path))[1])
    probe = Programs(tmp_path, lambda: [path], lambda: AT, lambda _key: None)
    for _ in range(48):
        probe.measure()
    assert len(reads) == 2
    path.write_bytes(b"other")
    assert probe.measure().conditions[0].value == 1.0


@pytest.mark.parametrize(
    ("units", "ufw", "firewall", "scanner"),
    [
        ({}, "", Shield(None), Shield(None)),
        ({"ufw": Run.RUNNING}, "ENABLED=yes", Shield(True, "ufw"), Shield(None)),
        ({"ufw": Run.RUNNING}, "# x\nENABLED = no\n", Shield(False, "ufw"), Shield(None)),
        ({"ufw": Run.MISSING, "nftables": Run.DOWN}, "", Shield(False, "nftables"), Shield(None)),
        (
            {"firewalld": Run.RUNNING, "clamav-daemon": Run.RUNNING},
            "",
            Shield(True, "firewalld"),
            Shield(True, "clamav-daemon"),
        ),
    ],
)
def test_a_firewall_that_nobody_knows_is_unknown_and_not_off(
    units: dict[str, Run], ufw: str, firewall: Shield, scanner: Shield
) -> None:
    told = {f"{name}.service": run for name, run in units.items()}
    assert protection.linux(told, ufw) == (firewall, scanner)
    fact = protection.judge(firewall, scanner).facts["host.protection"]
    assert (fact["firewall"], fact["virus_scanner"]) == (firewall.on, scanner.on)


def test_a_restart_that_waits_is_a_finding(tmp_path: Path) -> None:
    assert reboot.debian(tmp_path, told_here=True) == ()
    assert reboot.debian(tmp_path, told_here=False) is None
    (tmp_path / "reboot-required").touch()
    assert reboot.debian(tmp_path) == ["an update"]
    (tmp_path / "reboot-required.pkgs").write_text("linux-image\nlibc6\nlibc6\n", "utf-8")
    assert reboot.judge(reboot.debian(tmp_path)).facts["host.reboot"] == {
        "pending": True,
        "why": "linux-image, libc6",
    }
    assert reboot.judge(None).values == {}
