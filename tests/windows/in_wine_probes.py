"""What the probes read from Windows itself: its registry, services, processes, print queues and program files. Runs in
the Windows Python; keys are made for a test and taken out after it."""

import hashlib
import os
import sys
import winreg
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.config import Host
from agent.runtime.clock import SystemClock
from agent.system import (
    front,
    front_windows,
    pos,
    print_queue_windows,
    program,
    protection_windows,
    reach_windows,
    reboot_windows,
    services_windows,
    software_windows,
    time_sync_windows,
)
from agent.system.probe import NotKnown
from agent.system.registry import Around, probes
from agent.system.services import Run

UNINSTALL = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"
INTERFACES = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters\Interfaces"
Put = Callable[..., None]


@pytest.fixture
def put() -> Iterator[Put]:
    """`put(path, view=…, NAME=value)` makes a key under HKEY_LOCAL_MACHINE; values are put back or taken out after."""
    undo: list[Callable[[], object]] = []

    def make(path: str, *, view: int = winreg.KEY_WOW64_64KEY, **values: str | int | list[str]) -> None:
        hive, access = winreg.HKEY_LOCAL_MACHINE, winreg.KEY_ALL_ACCESS | view
        try:
            winreg.OpenKey(hive, path, 0, access).Close()
        except FileNotFoundError:
            undo.append(lambda: winreg.DeleteKeyEx(hive, path, view))
        key = winreg.CreateKeyEx(hive, path, 0, access)
        undo.append(key.Close)
        for name, value in values.items():
            kind = {str: winreg.REG_SZ, int: winreg.REG_DWORD, list: winreg.REG_MULTI_SZ}[type(value)]
            try:
                before = winreg.QueryValueEx(key, name)
                undo.append(lambda n=name, b=before: winreg.SetValueEx(key, n, 0, b[1], b[0]))  # type: ignore[misc]
            except FileNotFoundError:
                undo.append(lambda n=name: winreg.DeleteValue(key, n))  # type: ignore[misc]
            winreg.SetValueEx(key, name, 0, kind, value)

    yield make
    for step in reversed(undo):
        step()


def test_every_probe_looks_at_windows_or_says_why_not(tmp_path: Path) -> None:
    host = Host(
        services=("Spooler", "nowhere"), pos_process="python.exe", pos_programs=(Path(sys.executable),)
    )
    around = Around(tmp_path, SystemClock().now, lambda: None, collector="https://127.0.0.1:1")
    unknown = {}
    for probe in probes(host, around):
        try:
            probe.measure()
        except NotKnown as e:
            unknown[probe.name] = str(e)
    assert unknown.keys() <= {"smart", "software", "network", "pos"}, unknown
    assert unknown["smart"] == "smartctl is not installed"


def test_software_is_listed_of_both_widths_without_parts_of_others(put: Put) -> None:
    put(rf"{UNINSTALL}\PlombaA", DisplayName="Plomba A", DisplayVersion="1.2", Publisher="ACME")
    put(rf"{UNINSTALL}\PlombaB", view=winreg.KEY_WOW64_32KEY, DisplayName="Plomba B", DisplayVersion="3")
    put(rf"{UNINSTALL}\PlombaC", DisplayName="Plomba C", SystemComponent=1)
    put(rf"{UNINSTALL}\PlombaD", DisplayName="Plomba D", ParentKeyName="PlombaA")
    put(rf"{UNINSTALL}\PlombaE", DisplayVersion="5")
    found = [(i.name, i.version, i.vendor) for i in software_windows.look() if i.name.startswith("Plomba")]
    assert found == [("Plomba A", "1.2", "ACME"), ("Plomba B", "3", "")]


def test_till_programs_are_looked_for_in_the_profiles_of_all_accounts(put: Put, tmp_path: Path) -> None:
    folder = tmp_path / "Kase" / "AppData" / "Roaming" / "iiko" / "cashserver"
    folder.mkdir(parents=True)
    (folder / "config.xml").write_text(
        "<config><serverUrl>http://rms:8080/resto</serverUrl></config>", "utf-8"
    )
    listed = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList"
    put(rf"{listed}\S-1-5-21-1-2-3-1009", ProfileImagePath=str(tmp_path / "Kase"))
    roots = front_windows.roots()
    assert tmp_path / "Kase" in roots.profiles
    fact = front.Front(lambda: roots, SystemClock().now).measure().facts["pos.front"]
    assert (fact["account"], fact["server_url"]) == ("Kase", "http://rms:8080/resto")


def test_a_restart_that_waits_is_found_in_each_of_its_places(put: Put) -> None:
    version = r"SOFTWARE\Microsoft\Windows\CurrentVersion"
    before = list(reboot_windows.look())
    put(rf"{version}\WindowsUpdate\Auto Update\RebootRequired")
    assert reboot_windows.look() == [*before, "Windows Update"]
    put(r"SYSTEM\CurrentControlSet\Control\Session Manager", PendingFileRenameOperations=["\\??\\C:\\a", ""])
    assert "files to be replaced" in reboot_windows.look()


def test_the_way_out_is_that_of_the_interface_with_an_address(put: Put) -> None:
    put(rf"{INTERFACES}\{{plomba-1}}", DhcpIPAddress="0.0.0.0", DhcpDefaultGateway=["192.0.2.9"])
    put(
        rf"{INTERFACES}\{{plomba-2}}",
        DhcpIPAddress="192.0.2.15", DhcpDefaultGateway=["192.0.2.1"],
        DhcpNameServer="192.0.2.53 192.0.2.54", NameServer="",
    )  # fmt: skip
    way = reach_windows.way()
    assert way.gateway == "192.0.2.1"
    assert way.resolvers[-2:] == ("192.0.2.53", "192.0.2.54")


def test_a_neighbour_is_asked_for_by_its_number() -> None:
    assert reach_windows.neighbour("fe80::1") is None
    assert reach_windows.neighbour("192.0.2.254") in (True, False)


def test_a_firewall_that_is_off_for_one_profile_is_off(put: Put) -> None:
    policy = r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
    for profile, on in (("DomainProfile", 1), ("StandardProfile", 1), ("PublicProfile", 0)):
        put(rf"{policy}\{profile}", EnableFirewall=on)
    assert protection_windows.look()[0].on is False


def test_a_clock_that_is_set_by_nobody_is_not_kept_right(put: Put) -> None:
    parameters = r"SYSTEM\CurrentControlSet\Services\W32Time\Parameters"
    put(parameters, Type="NTP", NtpServer="time.example,0x9")
    assert time_sync_windows.look().source == "time.example,0x9"
    put(parameters, Type="NoSync")
    found = time_sync_windows.look()
    assert (found.kept_right, found.source) == (False, "nobody")


def test_services_are_known_by_their_short_names() -> None:
    found = services_windows.look(["Spooler", "PlombaNowhere"])
    assert found["PlombaNowhere"] is Run.MISSING
    assert found["Spooler"] in (Run.RUNNING, Run.DOWN)


def test_print_queues_are_asked_of_the_spooler() -> None:
    assert list(print_queue_windows.look(SystemClock().now())) == []


def test_processes_have_names_or_nothing_is_said_of_them() -> None:
    """Wine 8 does not tell the names of processes; Windows does."""
    try:
        found = {pid: name for pid, name, _ in pos.processes()}
    except NotKnown:
        return
    assert found[os.getpid()].casefold().startswith("python")


def test_a_genuine_program_of_windows_says_its_version() -> None:
    path = Path(sys.executable)
    found = program.read(path)
    assert found.version.split(".")[:2] == [str(part) for part in sys.version_info[:2]]
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
