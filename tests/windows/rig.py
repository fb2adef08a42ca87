"""Runs the Windows half of the agent's tests in a genuine Windows Python on Wine, against devices and a collector that
are real processes. python -m tests.windows.rig [unit|serial|service ...]"""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.windows import installation, wine

PYTEST = ("-m", "pytest", "-c", "tests/windows/pytest.ini", "--rootdir", ".")
UNIT = (
    "-p", "tests.windows.selection", "tests/protocols", "tests/agent/config", "tests/agent/health",
    "tests/agent/devices", "tests/agent/system", "tests/agent/runtime", "tests/agent/jobs",
    "tests/agent/spool", "tests/agent/uplink", "tests/agent/ports/test_tcp_port.py",
    "tests/agent/ports/test_ieee1284.py", "tests/agent/cli/test_check.py",
)  # fmt: skip
"""Not here: what is on Linux only (taps, USB, HID), the command line beside its checks, and backups."""
LIMIT_S = 1500.0
DEVICES = ("escpos", "posnet", "datecs_isl_x", "shtrih_v2", "tremol_zfp")
_FIRST_PORT = 12
"""Wine gives COM1 and the next few to the ports of this machine."""


def main(wanted: list[str]) -> int:
    """0 where all went well, or where there is no Wine, which is said."""
    unknown = set(wanted) - set(GROUPS)
    if unknown:
        sys.stderr.write(
            f"test-windows: no such group: {', '.join(unknown)}; there are {', '.join(GROUPS)}\n"
        )
        return 2
    if lacks := wine.missing():
        sys.stderr.write(f"test-windows: SKIPPED: this machine has no {', '.join(lacks)}\n")
        return 0
    wine.HOME.mkdir(exist_ok=True)
    installation.make(sys.stdout.write)
    try:
        results = {name: GROUPS[name]() for name in wanted or GROUPS}
    finally:
        wine.end()
    for name, code in results.items():
        sys.stdout.write(f"test-windows: {name}: {'FAILED' if code else 'passed'}\n")
    return 1 if any(results.values()) else 0


def _unit() -> int:
    return _pytest(*UNIT)


def _service() -> int:
    return _pytest("-p", "no:randomly", "tests/windows/in_wine_service.py")


def _serial() -> int:
    with TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        ports = {
            family: running.enter_context(_device(family, Path(folder), _FIRST_PORT + number))
            for number, family in enumerate(DEVICES)
        }
        more = {"PLOMBA_COM_PORTS": json.dumps(ports)}
        return _pytest("-p", "no:randomly", "tests/windows/in_wine_serial.py", more=more)


@contextlib.contextmanager
def _device(family: str, folder: Path, number: int) -> Iterator[dict[str, str]]:
    """An emulated device behind a COM port; what `in_wine_serial` needs to know of it."""
    command = [sys.executable, "-m", f"tests.emulators.{family}", "--pty", str(folder / family)]
    with subprocess.Popen(command, cwd=wine.ROOT, stdout=subprocess.PIPE, text=True) as process:
        watchdog = threading.Timer(LIMIT_S, process.kill)
        watchdog.start()
        try:
            assert process.stdout
            ready = json.loads(process.stdout.readline())
            link = wine.PREFIX / "dosdevices" / f"com{number}"
            link.unlink(missing_ok=True)
            link.symlink_to(ready["pty"])
            yield {"port": f"COM{number}", "control": ready["control"]}
            link.unlink()
        finally:
            watchdog.cancel()
            process.terminate()


def _pytest(*arguments: str, more: Mapping[str, str] | None = None) -> int:
    try:
        return wine.python([*PYTEST, *arguments], limit_s=LIMIT_S, more=more)
    except wine.Timeout as e:
        sys.stdout.write(f"test-windows: {e}\n")
        return 1


GROUPS = {"unit": _unit, "serial": _serial, "service": _service}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
