"""Which of the agent's tests make no sense on Windows, each with its reason: a plugin of pytest there. What is not
named here runs. A name that no longer stands for anything fails the run."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path, WindowsPath

import pytest

PTY = "its device stands on a pty of Linux; in_wine_serial reads one from Windows"
TAP = "a tap works on Linux only"
SYSTEMD = "systemd"
UMOCKDEV = "its devices are pretended by umockdev, a library of Linux"
FILES = {
    "tests/protocols/test_pyshtrih.py": "pyshtrih is no wheel, and stands on a pty",
    "tests/protocols/test_python_escpos.py": "its line is a socket pair that Wine 8 does not connect",
    "tests/agent/devices/test_tapped.py": TAP,
    "tests/agent/runtime/test_tapped.py": TAP,
    "tests/agent/runtime/test_bad_devices.py": PTY,
    "tests/agent/runtime/test_systemd_service.py": SYSTEMD,
    "tests/agent/uplink/test_rekey.py": "its collector runs on Linux only",
    "tests/agent/spool/test_power_cut.py": "a power cut needs a file system of Linux on a loop device",
}
TESTS: dict[str, str] = {}
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
    for fixture in getattr(item, "fixturenames", ()):
        if fixture in FIXTURES:
            yield FIXTURES[fixture]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("not on Windows")
    for line, count in sorted(_left.items()):
        terminalreporter.line(f"{line} ({count})" if count > 1 else line)
