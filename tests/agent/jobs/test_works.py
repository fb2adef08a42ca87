"""What each type of job does on this computer, with real children and real files."""

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from agent.jobs import child
from agent.jobs.registry import WORKS
from agent.masking import personal
from agent.runtime.clock import SystemClock
from agent.runtime.drawer_pulse import Pulsed
from protocols.errors import JobError
from protocols.status.model import DeviceState
from protocols.wire.job import CATALOGUE, Type
from protocols.wire.v1 import Contact, JobResult
from tests.agent.jobs.till import Workplace
from tests.office import Office

WINDOWS = sys.platform == "win32"
SLEEP = "from threading import Event; Event().wait(600)"


def do(place: Workplace, parameters: dict[str, Any], **changes: Any) -> JobResult:
    office = place.office
    signed = office.signed(office.job(parameters, **changes), office.anna, office.janis)
    [result] = place.take(office.offer(signed))
    return result


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workplace]:
    made = Workplace(tmp_path, Office(), works=dict(WORKS))
    yield made
    made.spool.close()


def test_every_type_of_the_catalogue_can_be_done_and_nothing_else() -> None:
    assert set(WORKS) == set(CATALOGUE) == set(Type)


def test_reading_tells_what_the_devices_say(place: Workplace) -> None:
    place.devices.states = {"printer": DeviceState(cover_open=True, paper_end=False), "drawer": None}
    result = do(place, {"type": "read_state_now", "device": "printer"})
    assert (result.exit, result.output) == (0, "printer: cover_open yes, paper_end no")
    assert result.evidence["printer.cover_open"] is True
    both = do(place, {"type": "read_state_now", "device": ""})
    assert (both.exit, both.code) == (75, "job.not_looked")
    assert both.evidence["drawer.contact"] == Contact.UNKNOWN.value
    none = do(place, {"type": "read_state_now", "device": "other"})
    assert (none.exit, none.code) == (2, "job.no_such_device")


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"type": "run_backup", "backup": "pos"}, "job.no_such_backup"),
        ({"type": "run_drill", "backup": "pos"}, "job.no_such_backup"),
        ({"type": "restart_service", "service": "cron"}, "job.no_such_service"),
        ({"type": "clear_spooler", "printer": "kitchen"}, "job.no_such_printer"),
    ],
)
def test_what_the_till_does_not_name_is_not_touched(
    place: Workplace, parameters: dict[str, Any], code: str
) -> None:
    for dry_run in (True, False):
        result = do(place, parameters, dry_run=dry_run)
        assert (result.exit, result.code) == (2, code)


@pytest.mark.skipif(WINDOWS, reason="the stand-in is a shell script")
def test_a_named_service_is_restarted_with_one_argument(
    place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for systemctl writes down what it was given."""
    stand_in = tmp_path / "systemctl"
    stand_in.write_text(f'#!/bin/sh\nprintf "%s|" "$@" >> {tmp_path}/given\nexit $(cat {tmp_path}/exit)\n')
    stand_in.chmod(0o755)
    (tmp_path / "exit").write_text("0")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    place.more = 'services = ["pos agent"]\n'
    place.again()
    parameters = {"type": "restart_service", "service": "pos agent"}
    assert do(place, parameters, dry_run=True).output == "would run\nsystemctl restart -- pos agent"
    assert not (tmp_path / "given").exists()
    assert do(place, parameters).exit == 0
    assert (tmp_path / "given").read_text() == "restart|--|pos agent|"
    (tmp_path / "exit").write_text("5")
    result = do(place, parameters)
    assert (result.exit, result.code, result.evidence) == (1, "job.command_failed", {"exit_code": 5})


@pytest.mark.skipif(WINDOWS, reason="the stand-in is a shell script")
def test_only_the_queue_of_a_printer_that_is_there_is_cleared(
    place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stand-ins for the programs of CUPS. `cancel kitchen-20` would end job 20 where there is no such printer."""
    for name, code in (("lpstat", f"[ -e {tmp_path}/there ]"), ("cancel", "true")):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $@" >> {tmp_path}/given\n{code}\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    place.more = 'printers = ["kitchen-20"]\n'
    place.again()
    parameters = {"type": "clear_spooler", "printer": "kitchen-20"}
    assert do(place, parameters).exit == 1
    assert (tmp_path / "given").read_text() == "lpstat -p kitchen-20\n"
    (tmp_path / "there").touch()
    assert do(place, parameters).output == "the queue of kitchen-20 is empty"
    assert (tmp_path / "given").read_text().endswith("lpstat -p kitchen-20\ncancel -a kitchen-20\n")
    (tmp_path / "cancel").unlink()
    (tmp_path / "lpstat").unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = do(place, parameters)
    assert (missing.exit, missing.code) == (1, "job.system")


def test_logs_come_masked_and_bounded(place: Workplace, tmp_path: Path) -> None:
    secret = "paid with 4111 1111 1111 1111 by anna@example.lv, 010190-12345, +371 2912 3456, token=hunter2"
    (tmp_path / "private").write_text("another file")
    if not WINDOWS:  # where it takes a right to make one
        (tmp_path / "link.log").symlink_to(tmp_path / "private")
    (tmp_path / "pos.log").write_text("x" * 50_000 + "\n" + secret + "\n")
    place.more = f'logs = ["{tmp_path.as_posix()}/*.log"]\n'
    place.again()
    result = do(place, {"type": "collect_logs", "bytes_each": 1024})
    assert result.exit == 0
    assert "paid with" in result.output
    for hidden in ("4111", "anna@", "12345", "2912", "hunter2", "xxx", "another"):
        assert hidden not in result.output
    assert len(result.output) < 2000
    assert do(place, {"type": "collect_logs", "bytes_each": 1024}, dry_run=True).evidence == {"files": 1}


def test_a_changed_configuration_makes_the_agent_begin_anew(place: Workplace, tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    same = f'[collector]\nurl = "https://c"\n[agent]\nstate_dir = "{tmp_path.as_posix()}"\n'
    same += f'[jobs]\ncompany_root = "{place.root}"\n'
    file.write_text(same)
    assert do(place, {"type": "reload_configuration"}).output == "nothing has changed"
    file.write_text(same + "[host]\nsample_s = 30\n")
    assert do(place, {"type": "reload_configuration"}, dry_run=True).evidence == {"changed": 1}
    assert place.devices.begun_anew == 0
    assert do(place, {"type": "reload_configuration"}).exit == 0
    assert place.devices.begun_anew == 1
    file.write_text("[host]\nsample = 30\n")
    result = do(place, {"type": "reload_configuration"})
    assert (result.exit, place.devices.begun_anew) == (2, 1)


def test_a_child_has_an_end() -> None:
    """In time, in output, and with the agent."""
    clock = SystemClock()
    slow = child.run([sys.executable, "-c", SLEEP], clock, Event(), 0.5)
    assert (slow.exit, slow.why) == (None, "it took longer than 0 s")
    flood = child.run([sys.executable, "-c", "while True: print('x' * 9999)"], clock, Event(), 60)
    assert (flood.exit, flood.why) == (None, "its output had no end")
    assert len(flood.output) == child.OUTPUT_BYTES
    quick = child.run([sys.executable, "-c", "print('ready'); raise SystemExit(75)"], clock, Event(), 60)
    assert (quick.exit, quick.output.split()) == (75, ["ready"])


def test_a_bug_in_a_job_is_told_and_stops_no_other(place: Workplace) -> None:
    class Broken:
        def describe(self, parameters: object) -> str:
            return "break"

        def dry_run(self, context: object) -> Any:
            raise RuntimeError("password=hunter2")

        run = dry_run

    place.works[Type.SELF_TEST] = Broken()
    place.again()
    result = do(place, {"type": "self_test"})
    assert (result.exit, result.code) == (1, "job.failed")
    assert "hunter2" not in result.output
    place.pass_time(timedelta(seconds=1))
    assert do(place, {"type": "read_state_now", "device": ""}).code == "job.no_such_device"


def test_numbers_that_tell_of_nobody_stay() -> None:
    text = "at 2026-11-25 12:00:00 code 80-12345678 serial 010190123 DT517985"
    assert personal.mask(text) == text


DRAWER = {"type": "drawer_test", "device": "printer", "what": "pin_2"}


def test_a_drawer_is_pulsed_once_and_what_it_did_is_told(place: Workplace) -> None:
    place.devices.states = {"printer": DeviceState()}
    place.devices.families = {"printer": "escpos"}
    assert do(place, DRAWER, dry_run=True).output.startswith("would give one pulse on pin_2")
    assert place.devices.pulses == []
    opened = do(place, DRAWER)
    assert (opened.exit, opened.evidence["open_after"]) == (0, True)
    place.devices.pulsed = Pulsed(False, False, False)
    shut = do(place, DRAWER)
    assert (shut.exit, shut.code) == (1, "job.drawer_shut")
    place.devices.pulsed = JobError("open", code="job.drawer_open", retriable=True)
    assert do(place, DRAWER).code == "job.drawer_open"
    assert place.devices.pulses == [("printer", "pin_2")] * 3
    assert do(place, DRAWER | {"device": "other"}).code == "job.no_such_device"
