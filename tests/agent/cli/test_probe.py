"""`probe` without a port as a person meets it: table, JSON, lines to paste. Processes of their own, with
pretended devices and emulated ones."""

import io
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from agent.cli import main
from agent.cli.probe import ShownProgress
from agent.devices.prober import Asking
from tests.agent.devices.bench import SkewedClock, Till
from tests.agent.ports import pretended
from tests.emulators.machine import Machine
from tests.emulators.runner import PtyLine

PROBE = [sys.executable, "-c", "import sys; from agent.cli import main; sys.exit(main())", "probe"]
CONFIG = '[collector]\nurl = "https://c.example"\n'


IDENTIFIED = ("posnet", "epson_printer")
"""Their numbers vouch for them, so they are asked; nobody answers there, which takes seconds."""
DEVICES = tuple(name for name in pretended.EVERYTHING if name not in IDENTIFIED)


def probed(
    *arguments: str, config: Path, devices: Sequence[str] = DEVICES, behind: tuple[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    done = pretended.run([*PROBE, "--config", str(config), *arguments], devices, behind)
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "agent.toml"
    file.write_text(CONFIG)
    return file


@pytest.fixture
def printer(tmp_path: Path) -> Iterator[Till]:
    till = Till(tmp_path, "escpos")
    till.plug_in()
    yield till
    till.unplug()


class Trigger(Machine):
    """A drawer's trigger box: any byte opens it."""

    family = "trigger"
    models = ("box",)
    faults_known = ()

    def answer(self, data: bytes) -> bytes:
        return b""


@pytest.fixture
def trigger(tmp_path: Path) -> Iterator[PtyLine]:
    line = PtyLine(Trigger(), tmp_path / "trigger")
    line.start()
    yield line
    line.stop()


def checked(lines: str, tmp_path: Path) -> int:
    """Pasted into a configuration and checked."""
    file = tmp_path / "pasted.toml"
    file.write_text(f"{CONFIG}\n{lines}")
    return main(["check", "--config", str(file)])


def test_a_table_says_what_is_there_why_and_what_was_left_alone(config: Path, printer: Till) -> None:
    done = probed("--ports", printer.port, config=config)
    assert (done.returncode, done.stderr) == (0, "")
    table, *details = done.stdout.split("\n\n")
    assert table.split()[:3] == ["PORT", "WHAT", "IT"]
    rows = {line.split()[0]: line for line in table.splitlines()[1:]}
    assert "TM-T20III" in rows[printer.port]
    assert "certain" in rows[printer.port]
    assert "none" in rows["/dev/ttyUSB1"]
    why = {text.splitlines()[0].split()[0]: text for text in details}
    assert "it calls itself EPSON TM-T20III" in why[printer.port]
    assert "bare WCH (CH340) adapter" in why["/dev/ttyUSB1"]
    assert "probe --ports /dev/serial/by-path/" in why["/dev/ttyUSB1"]
    assert "not asked  HID devices are only looked at" in why["hid:0d3a:0207"]
    assert printer.machine.forbidden == []


def test_json_says_the_same(config: Path, printer: Till) -> None:
    done = probed("--json", "--ports", printer.port, config=config)
    ports = {port["port"]: port for port in json.loads(done.stdout)["ports"]}
    found = ports[printer.port]
    assert (found["family"], found["confidence"], found["asked"]) == ("escpos", "certain", True)
    assert found["identity"]["model"] == "TM-T20III"
    datecs = ports["/dev/serial/by-id/usb-Datecs_Fiscal_Printer_DT700001-if00-port0"]
    assert (datecs["family"], datecs["asked"], datecs["in_use"]) == (None, False, False)
    assert {c["family"] for c in datecs["candidates"]} == {"datecs_isl_legacy", "datecs_isl_x"}
    assert datecs["not_asked"][0]["code"] == "leave.adapter"
    drawer = ports["hid:0d3a:0207"]
    assert (drawer["asked"], drawer["not_asked"][0]["code"]) == (False, "leave.kind")


def test_the_lines_can_be_pasted_and_checked(config: Path, tmp_path: Path, printer: Till) -> None:
    done = probed("--json", "--ports", printer.port, config=config)
    lines = json.loads(done.stdout)["configuration"]
    devices = {device["port"]: device for device in tomllib.loads(lines)["device"]}
    device = {"id": "tm-t20iii", "family": "escpos", "port": printer.port, "baud": 9600}
    assert devices[printer.port] == device
    assert checked(lines, tmp_path) == 0
    shown = probed("--ports", printer.port, config=config).stdout
    assert checked(shown[shown.index("# ") :], tmp_path) == 0


def test_what_its_numbers_identify_has_lines_before_it_was_asked(config: Path, tmp_path: Path) -> None:
    done = probed("--json", "--dry-run", config=config, devices=IDENTIFIED)
    lines = json.loads(done.stdout)["configuration"]
    devices = {device["family"]: device["port"] for device in tomllib.loads(lines)["device"]}
    assert devices["escpos"] == "usb:04b8:0e15:4E4C4B593132333435"
    assert devices["posnet"].startswith("/dev/serial/by-id/usb-Posnet_Polska")
    assert checked(lines, tmp_path) == 0


def test_a_dry_run_opens_no_port(config: Path, printer: Till) -> None:
    done = probed("--dry-run", "--json", "--ports", printer.port, config=config)
    assert printer.machine.received == 0
    ports = {port["port"]: port for port in json.loads(done.stdout)["ports"]}
    assert ports[printer.port]["not_asked"][0]["code"] == "leave.dry_run"
    assert not any(port["asked"] for port in ports.values())


def test_a_drawer_behind_a_bare_adapter_gets_no_byte(config: Path, trigger: PtyLine) -> None:
    behind = (trigger.path, "/dev/ttyUSB1")
    assert probed(config=config, behind=behind).returncode == 0
    assert trigger.machine.received == 0
    # The control: somebody said that no drawer is on it. Then it is opened; umockdev lets no settings of a line through
    # to anything under /dev, so the byte itself arrives only by a name elsewhere.
    listed = ("--family", "escpos", "--baud", "9600")
    tried = probed("--ports", "/dev/ttyUSB1", *listed, config=config, behind=behind)
    assert "cannot be opened" in tried.stdout
    probed("--ports", str(trigger.link), *listed, config=config)
    assert trigger.machine.received


def test_the_configuration_lists_ports_too(config: Path, printer: Till) -> None:
    config.write_text(f'{CONFIG}[discovery]\nports = ["{printer.port}"]\n')
    found = json.loads(probed("--json", config=config).stdout)["ports"]
    assert [port["family"] for port in found if port["port"] == printer.port] == ["escpos"]


def test_what_is_configured_is_left_to_the_agent(config: Path, tmp_path: Path) -> None:
    config.write_text(f'{CONFIG}[[device]]\nid = "posnet"\nfamily = "posnet"\nport = "/dev/ttyACM0"\n')
    shown = json.loads(probed("--json", config=config, devices=["posnet"]).stdout)
    (port,) = [port for port in shown["ports"] if port["usb"]]
    assert (port["configured"], port["asked"]) == ("posnet", False)
    assert port["not_asked"][0]["code"] == "leave.configured"
    assert shown["configuration"] == ""


def test_a_wrong_configuration_is_told_and_nothing_is_looked_at(config: Path) -> None:
    """It could say that a port is a drawer's."""
    config.write_text(f"{CONFIG}[discovery]\nport = []\n")
    done = probed(config=config)
    assert done.returncode == 2
    assert "discovery.port: unknown key, did you mean 'ports'?" in done.stderr


def test_nothing_attached_is_said_in_words(
    monkeypatch: pytest.MonkeyPatch, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("agent.cli.probe.look", lambda listed=(), ask=False: [])
    assert main(["probe", "--config", str(config)]) == 0
    assert "No serial port" in capsys.readouterr().out


# With a port


def test_a_port_in_use_is_exit_75_and_one_sentence(
    trigger: PtyLine, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "import serial, sys; p = serial.Serial(sys.argv[1], exclusive=True); print('held', flush=True); input()"
    command = [sys.executable, "-c", code, trigger.path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        assert main(["probe", trigger.path]) == 75
        holder.communicate("\n", timeout=30)
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "is in use by another program" in error
    assert trigger.machine.received == 0


def test_a_port_that_is_seen_to_be_a_drawer_is_refused(config: Path) -> None:
    command = [*PROBE, "/dev/ttyUSB0"]
    done = pretended.run(["sh", "-c", f'{RENAME}; exec "$@"', "sh", *command], ["ftdi_fiscal"])
    assert done.returncode == 3
    assert "port.drawer" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_that_the_configuration_reads_by_its_signals_is_refused(
    config: Path, trigger: PtyLine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLOMBA_AGENT_CONFIG", str(config))
    port, once = str(trigger.link), ["--baud", "9600"]
    config.write_text(
        f'{CONFIG}[[device]]\nid = "drawer"\nfamily = "signal_drawer"\nport = "signals:{trigger.path}"\n'
    )
    assert main(["probe", port, *once]) == 3
    assert "port.drawer" in capsys.readouterr().err
    assert trigger.machine.received == 0
    assert main(["probe", port, "--family", "escpos", *once]) == 1  # the control: somebody knows better
    assert trigger.machine.received > 0


RENAME = 'printf "USB Cash Drawer" > $UMOCKDEV_DIR/sys/devices/pci0000:00/0000:00:14.0/usb1/1-1/product'


@pytest.mark.parametrize("more", [["--ports", "COM1"], ["--dry-run"], ["--config", "x"]])
def test_what_is_for_discovery_does_not_go_with_a_port(
    more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["probe", "/dev/tty-none", *more]) == 2
    assert "without PORT" in capsys.readouterr().err


def test_what_is_no_port_cannot_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "--ports", "nonsense"]) == 2
    assert "socket://HOST:PORT" in capsys.readouterr().err


# Progress


def test_progress_is_shown_once_it_takes_long() -> None:
    clock, stream = SkewedClock(), io.StringIO()
    show = ShownProgress(clock, stream)
    show(Asking("/dev/ttyUSB0", "escpos", 9600, 1, 50))
    assert stream.getvalue() == ""
    clock.forward(2.1)
    show(Asking("/dev/ttyUSB0", "posnet", 115200, 40, 50))
    assert stream.getvalue() == "/dev/ttyUSB0: asking as posnet at 115200 baud, try 40 of at most 50\n"
