"""Which of the agent's tests make no sense on Windows, each with its reason: a plugin of pytest there. What is not
named here runs. A name that no longer stands for anything fails the run."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path, WindowsPath

import pytest

PTY = "its device stands on a pty of Linux; in_wine_serial reads one from Windows"
TAP = "a tap works on Linux only"
SYSTEMD = "systemd"
MODE = "a file has no mode bits there; test_key_store looks at the access list"
SIGNAL = "it is ended by a signal, which Windows has not; in_wine_service ends it as Windows does"
FILES = {
    "tests/protocols/test_pyshtrih.py": "pyshtrih is no wheel, and stands on a pty",
    "tests/protocols/test_python_escpos.py": "its line is a socket pair that Wine 8 does not connect",
    "tests/agent/config/test_sharing.py": TAP,
    "tests/agent/devices/test_tapped.py": TAP,
    "tests/agent/devices/test_discovery_confirm.py": PTY,
    "tests/agent/runtime/test_tapped.py": TAP,
    "tests/agent/runtime/test_bad_devices.py": PTY,
    "tests/agent/runtime/test_drawer_pulse.py": PTY,
    "tests/agent/runtime/test_ending.py": SIGNAL,
    "tests/agent/runtime/test_systemd_service.py": SYSTEMD,
    "tests/agent/uplink/test_system_key.py": "the OpenSSL of the system, which Windows has not",
    "tests/agent/uplink/test_rekey.py": "its collector runs on Linux only",
    "tests/agent/spool/test_power_cut.py": "a power cut needs a file system of Linux on a loop device",
}
TESTS = {
    "tests/agent/config/test_reader.py::test_the_environment_names_the_file": "the usual place is another",
    "tests/agent/config/test_desired.py::test_without_the_wall_it_would_have_got_in": "a path of Linux in words",
    "tests/agent/config/test_trial.py::test_what_is_kept_is_read_back": MODE,
    "tests/agent/devices/test_poller.py::test_garbage_is_never_an_exception_and_never_a_state": PTY,
    "tests/agent/devices/test_poller.py::test_a_question_that_is_never_answered_becomes_a_rare_one": PTY,
    "tests/agent/devices/test_poller.py::test_what_changes_slowly_is_asked_seldom_and_kept": PTY,
    "tests/agent/devices/test_poller.py::test_the_clock_of_a_fiscal_printer_is_compared_with_the_till": PTY,
    "tests/agent/devices/test_poller.py::test_another_kind_of_device_is_a_mismatch": PTY,
    "tests/agent/devices/test_poller.py::test_a_busy_device_is_in_contact": PTY,
    "tests/agent/devices/test_runner.py::test_the_reply_comes_back": PTY,
    "tests/agent/devices/test_runner.py::test_silence_is_told_and_the_tries_are_the_exchange_s": PTY,
    "tests/agent/devices/test_runner.py::test_no_exchange_goes_on_after_the_poll_must_end": PTY,
    "tests/agent/devices/test_runner.py::test_a_wait_that_is_longer_than_the_deadline_is_cut": PTY,
    "tests/agent/devices/test_runner.py::test_an_exchange_that_goes_on_after_its_end_is_a_bug": PTY,
    "tests/agent/devices/test_runner.py::test_a_lost_port_comes_out_as_such": PTY,
    "tests/agent/runtime/test_backups.py::test_a_backup_runs_once_when_due_and_its_sudden_death_is_told"
    "[import os; os.abort()-told1]": "a program that is aborted ends with 3 there, which a refusal does as well",
    "tests/agent/runtime/test_logs.py::test_the_file_stays_small_and_what_is_newest_is_kept": MODE,
    "tests/agent/runtime/test_selling.py::test_a_receipt_that_is_open_is_no_quiet_minute": PTY,
    "tests/agent/runtime/test_service.py::test_a_life_of_the_agent": SIGNAL,
    "tests/agent/runtime/test_service.py::test_systemd_is_told": SYSTEMD,
    "tests/agent/uplink/test_enrol.py"
    "::test_a_till_enrols_and_its_next_report_is_signed_with_the_key_that_the_collector_has": MODE,
}
FIXTURES = {"till": PTY, "printer": PTY, "pty": PTY}
_ROOT = Path(__file__).resolve().parents[2]
_left: Counter[str] = Counter()


class Slashed(WindowsPath):
    """Says itself with slashes, which Windows takes too: a backslash in the text of a TOML file begins an
    escape, and many tests write a path there."""

    def __str__(self) -> str:
        return super().__str__().replace("\\", "/")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Path) and WindowsPath(str(self)) == WindowsPath(str(other))

    def __hash__(self) -> int:
        return hash(WindowsPath(str(self)))


@pytest.fixture
def tmp_path(tmp_path: Path) -> Path:
    return Slashed(tmp_path)


def pytest_configure(config: pytest.Config) -> None:
    stale = [name for name in (*FILES, *TESTS) if not _stands(name)]
    if stale:
        raise pytest.UsageError(f"tests/windows/selection.py names what is not there: {', '.join(stale)}")


def _stands(name: str) -> bool:
    file, _, test = name.partition("[")[0].partition("::")
    path = _ROOT / file
    return path.is_file() and (not test or f"def {test}(" in path.read_text("utf-8"))


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    name = collection_path.relative_to(_ROOT).as_posix()
    if name in FILES:
        _left[f"{name}: {FILES[name]}"] += 1
        return True
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    reasons = {item.nodeid: reason for item in items for reason in _reasons(item)}
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in reasons])
    items[:] = [item for item in items if item.nodeid not in reasons]
    _left.update(f"{nodeid.partition('[')[0]}: {reason}" for nodeid, reason in reasons.items())


def _reasons(item: pytest.Item) -> Iterator[str]:
    for name in {item.nodeid, item.nodeid.partition("[")[0]} & set(TESTS):
        yield TESTS[name]
    if item.nodeid.startswith(("tests/agent/devices/", "tests/agent/ports/")):
        yield from (FIXTURES[name] for name in getattr(item, "fixturenames", ()) if name in FIXTURES)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("not on Windows")
    for line, count in sorted(_left.items()):
        terminalreporter.line(f"{line} ({count})" if count > 1 else line)
