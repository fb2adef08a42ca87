"""Named services, the cash program's process, print queues and the clock's keeper."""

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

import psutil
import pytest

from agent.system import pos, print_queue, services, time_sync
from agent.system.command import Commands
from agent.system.front import Front, Roots
from agent.system.pos import Pos
from agent.system.print_queue import Job, PrintQueue
from agent.system.probe import NotKnown
from agent.system.services import Run
from agent.system.time_sync import Sync, TimeSync
from tests.agent.system.conftest import Play

AT = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
UNITS = """Id=postgresql.service
Names=postgresql.service
LoadState=loaded
ActiveState=active

Id=dbus-broker.service
Names=dbus-broker.service dbus.service
LoadState=loaded
ActiveState=inactive

Id=nowhere.service
Names=nowhere.service
LoadState=not-found
ActiveState=inactive

Id=cups.socket
Names=cups.socket
LoadState=loaded
ActiveState=activating
"""


def test_systemd_tells_of_each_unit_under_all_its_names() -> None:
    assert services.systemd(UNITS) == {
        "postgresql.service": Run.RUNNING,
        "dbus-broker.service": Run.DOWN,
        "dbus.service": Run.DOWN,
        "nowhere.service": Run.MISSING,
        "cups.socket": Run.MOVING,
    }


@pytest.mark.parametrize(
    ("states", "value", "words"),
    [
        ({"a": Run.RUNNING, "b": Run.RUNNING}, 0.0, "all named services are running"),
        ({"a": Run.RUNNING, "b": Run.DOWN}, 1.0, "not running: b"),
        ({"a": Run.MISSING, "b": Run.DOWN}, 1.0, "not running: b"),
        ({"a": Run.DOWN, "b": Run.DOWN}, 2.0, "not running: a, b"),
        ({"a": Run.RUNNING, "b": Run.MOVING}, None, "b is just being started or stopped"),
        ({"a": Run.RUNNING}, None, "b is not known to the system"),
    ],
)
def test_a_service_that_is_down_is_told_by_name(
    states: dict[str, Run], value: float | None, words: str
) -> None:
    [condition] = services.judge(states, ["a", "b"]).conditions
    assert (condition.code, condition.value, condition.reason) == ("host.service_down", value, words)


def test_services_are_asked_of_systemd(play: Play) -> None:
    play("systemctl", f'[ "$5" = cups.socket ] && cat <<E\n{UNITS}E')
    probe = services.probe(["postgresql", "cups.socket"], Commands())
    measured = probe.measure()
    assert measured.conditions[0].reason == "cups.socket is just being started or stopped"
    assert measured.facts["host.services"] == {"postgresql": "running"}
    play("systemctl", f"cat <<E\n{UNITS.replace('activating', 'failed')}E")
    measured = probe.measure()
    assert measured.conditions[0].reason == "not running: cups.socket"
    play("systemctl", f"cat <<E\n{UNITS}E")
    assert probe.measure().facts["host.services"] == {"postgresql": "running", "cups.socket": "down"}


@pytest.mark.parametrize(
    ("hours", "now", "is_open"),
    [
        (None, time(3), True),
        ((time(8), time(23)), time(8), True),
        ((time(8), time(23)), time(23), False),
        ((time(18), time(2)), time(23), True),
        ((time(18), time(2)), time(1, 59), True),
        ((time(18), time(2)), time(12), False),
    ],
)
def test_the_hours_of_a_shop_may_go_over_midnight(hours: pos.Hours | None, now: time, is_open: bool) -> None:
    assert pos.open_now(hours, now) is is_open


@pytest.mark.parametrize(
    ("running", "wanted", "value"), [(2, True, 0.0), (1, False, 0.0), (0, True, 1.0), (0, False, None)]
)
def test_a_cash_program_is_missed_while_the_shop_is_open(
    running: int, wanted: bool, value: float | None
) -> None:
    [condition] = pos.judge("pos", running, wanted=wanted).conditions
    assert (condition.code, condition.value) == ("host.pos_not_running", value)


@pytest.mark.parametrize(
    ("name", "command", "found"),
    [
        ("iikoFront.Net.exe", [], True),
        ("IIKOFRONT.NET.EXE", [], True),
        ("mono", ["/usr/bin/mono", "/opt/pos/iikoFront.Net.exe"], True),
        ("wine64", ["wine64", "C:\\Program Files\\iiko\\iikoFront.Net.exe"], True),
        ("iikoFront.Net.exe.config", [], False),
        ("less", ["less", "-R", "+F", "iikoFront.Net.exe"], False),
    ],
)
def test_a_program_is_known_by_its_name_or_as_what_an_interpreter_runs(
    name: str, command: list[str], found: bool
) -> None:
    assert pos.is_program("iikoFront.Net.exe", name, command) is found


def test_processes_are_gone_through_only_while_the_program_is_not_found() -> None:
    looks: list[int] = []

    def table() -> Iterator[tuple[int, str, list[str]]]:
        looks.append(1)
        yield os.getpid(), "pos", []
        yield 2**22 + 1, "pos", []  # ended meanwhile: no such process

    probe = Pos("pos", None, lambda: AT, table)
    assert [probe.measure().values["pos_processes"] for _ in range(3)] == [1.0, 1.0, 1.0]
    assert len(looks) == 1
    missing = Pos("other", (time(0), time(0, 1)), lambda: AT, table)
    assert [missing.measure().conditions[0].value for _ in range(2)] in ([None, None], [1.0, 1.0])
    assert len(looks) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="tests/windows/in_wine_probes.py looks there")
def test_this_very_process_is_among_those_of_the_system() -> None:
    assert os.getpid() in {pid for pid, _, _ in pos.processes()}


def test_a_system_that_names_no_process_says_nothing_of_what_does_not_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Nameless:
        def name(self) -> str:
            raise OSError(22, "Invalid parameter")

    monkeypatch.setattr(psutil, "process_iter", lambda: [Nameless()])
    with pytest.raises(NotKnown, match="which programs run"):
        Pos("pos", None, lambda: AT).measure()
    assert Front(lambda: Roots([], []), lambda: AT, pos.processes)._running() is None


LPSTAT = """Receipt-12               kase              1024   Wed Nov 25 11:40:00 2026
Receipt-13               kase              1024   Wed Nov 25 11:59:00 2026
A-4-Printer-7            kase              9216   nonsense
no job at all
"""


def test_cups_tells_jobs_with_their_age() -> None:
    jobs = print_queue.cups(LPSTAT, AT)
    assert [job.printer for job in jobs] == ["Receipt", "Receipt", "A-4-Printer"]
    told = [job.at.replace(tzinfo=None).isoformat() if job.at else None for job in jobs]
    assert told == ["2026-11-25T11:40:00", "2026-11-25T11:59:00", None]


def test_a_queue_is_figures_and_an_old_job_a_finding() -> None:
    jobs = [Job("Receipt", AT - timedelta(minutes=20)), Job("Kitchen", AT), Job("A4", None)]
    measured = print_queue.judge(jobs, AT)
    assert measured.values == {
        "spooler_jobs": 3.0, "spooler_oldest_s": 1200.0,
        "spooler_jobs:A4": 1.0, "spooler_jobs:Kitchen": 1.0, "spooler_jobs:Receipt": 1.0,
    }  # fmt: skip
    assert measured.facts["host.spooler"] == {"stuck": "Receipt"}


def test_a_queue_that_is_empty_again_says_so() -> None:
    looks = iter([[Job("Receipt", AT)], []])
    probe = PrintQueue(lambda _now: next(looks), lambda: AT)
    probe.measure()
    assert probe.measure().values == {
        "spooler_jobs": 0.0,
        "spooler_oldest_s": 0.0,
        "spooler_jobs:Receipt": 0.0,
    }


def test_a_computer_without_a_print_system_has_no_such_probe(play: Play) -> None:
    assert print_queue.probe(Commands(), lambda: AT) is None
    play("lpstat", f"cat <<E\n{LPSTAT}E")
    probe = print_queue.probe(Commands(), lambda: AT)
    assert probe is not None
    assert probe.measure().values["spooler_jobs"] == 3


@pytest.mark.parametrize(
    ("state", "status", "right"),
    [(0, 0x0001, True), (0, 0x2001, True), (5, 0x0041, False), (0, 0x0041, False), (5, 0x0001, False)],
)
def test_the_kernel_knows_whether_its_clock_is_kept(state: int, status: int, right: bool) -> None:
    word = 8 if sys.maxsize > 1 << 32 else 4

    def adjtimex(timex: bytearray) -> int:
        assert not any(timex), "modes 0: nothing is changed"
        timex[3 * word : 4 * word] = (12_500).to_bytes(word, sys.byteorder)
        timex[5 * word : 5 * word + 4] = status.to_bytes(4, sys.byteorder)
        return state

    assert time_sync.kernel(adjtimex) == Sync(right, "", 0.013)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("NTP=yes\nNTPSynchronized=yes\n", Sync(True, "the network")),
        ("NTP=yes\nNTPSynchronized=no\n", Sync(False, "the network")),
        ("NTP=no\nNTPSynchronized=yes\n", Sync(True)),
    ],
)
def test_systemds_daemon_is_asked_first(play: Play, text: str, found: Sync) -> None:
    play("timedatectl", f"printf '{text}'")
    told = TimeSync(Commands()).measure()
    assert told.values["clock_synchronised"] == found.kept_right
    assert told.facts["host.time_sync"]["source"] == found.source
    play("timedatectl", "echo Timezone=Europe/Riga")
    assert TimeSync(Commands()).measure().facts["host.time_sync"]["source"] == "", "then the kernel is asked"


@pytest.mark.skipif(sys.platform == "win32", reason="adjtimex is of Linux")
def test_this_computers_clock_is_looked_at() -> None:
    measured = TimeSync(Commands()).measure()
    assert measured.facts["host.time_sync"]["synchronised"] is bool(measured.values["clock_synchronised"])
