"""The command line as a person and a script meet it."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli import COMMANDS, main
from agent.cli.advice import exit_code
from protocols.errors import (
    CollectorUnreachable,
    ConfigError,
    NoReply,
    PlombaError,
    PortDenied,
    PortGone,
    PortHeld,
    ReportRefused,
)

EXAMPLE = Path(__file__).parents[3] / "config" / "agent.example.toml"


@pytest.mark.parametrize("argv", [["--help"], ["-h"]])
def test_help_names_every_command(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in COMMANDS)


@pytest.mark.parametrize("argv", [[], ["chekc"], ["--version-of-what"]])
def test_no_command_is_wrong_usage(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_helps(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert name in capsys.readouterr().out
    assert main([name, "--no-such-option"]) == 2


def test_help_starts_light() -> None:
    """No command, no configuration, no driver is imported to print the list."""
    code = "import sys; from agent.cli import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    loaded = set(done.stderr.split())
    assert "agent.cli" in loaded
    assert not {"pydantic", "serial", "agent.config", "cryptography", "urllib3"} & loaded


def test_the_example_is_right_once_its_recovery_key_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recovery.pub").write_text("key")
    config = tmp_path / "agent.toml"
    config.write_text(EXAMPLE.read_text().replace("/etc/plomba/recovery.pub", f"{tmp_path}/recovery.pub"))
    assert main(["check", "--config", str(config)]) == 0
    assert "ok, 2 devices" in capsys.readouterr().out


def test_a_wrong_configuration_is_one_line_and_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "agent.toml"
    path.write_text('[collector]\nurll = "https://c.example"\n')
    assert main(["check", "--config", str(path)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.startswith(f"plomba-agent: config.invalid: {path}: collector.url")


def test_missing_ports_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "agent.toml"
    device = '[[device]]\nid = "a"\nfamily = "escpos"\nport = "{}"\n'
    path.write_text('[collector]\nurl = "https://c.example"\n' + device.format("/dev/tty-none"))
    assert main(["check", "--config", str(path), "--ports"]) == 1
    assert "a: /dev/tty-none is not there" in capsys.readouterr().out
    path.write_text('[collector]\nurl = "https://c.example"\n' + device.format("/dev/null"))
    assert main(["check", "--config", str(path), "--ports"]) == 0


def test_a_port_that_is_not_there_is_a_failure_with_advice(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "/dev/tty-none"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("plomba-agent: port.gone: ")
    assert "Check the cable" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PlombaError("x"), 1),
        (NoReply("x"), 1),
        (PortGone("x"), 1),
        (ConfigError("f", "k", "p"), 2),
        (PortDenied("x"), 3),
        (ReportRefused("x"), 3),
        (PortGone("x", code="port.ambiguous"), 2),
        (PortGone("x", code="port.no_family"), 2),
        (PortHeld("x"), 75),
        (CollectorUnreachable("x"), 75),
    ],
)
def test_exit_codes(error: PlombaError, code: int) -> None:
    assert exit_code(error) == code


def test_probe_as_json(tmp_path: Path) -> None:
    """Both are processes: the emulator is one the agent does not know."""
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.emulators.escpos",
            "--pty",
            str(tmp_path / "p"),
            "--fault",
            "paper_end",
        ],
        stdout=subprocess.PIPE,
        cwd=EXAMPLE.parents[1],
    ) as emulator:
        assert emulator.stdout
        port = json.loads(emulator.stdout.readline())["pty"]
        command = [sys.executable, "-c", "import sys; from agent.cli import main; sys.exit(main())"]
        done = subprocess.run(
            [*command, "probe", port, "--json"], capture_output=True, text=True, check=False, timeout=60
        )
        emulator.terminate()
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["family"] == "escpos"
    assert "printer.paper_end" in found["faults"]
    assert found["state"]["drawer_open"] is None


ENROL = ["enrol", "--code", f"AAAAA-AAAAA.{'a' * 52}"]


@pytest.mark.parametrize(
    "url", ["http://c.example", "c.example:1", "https://c:abc", "https://[::1", "https://"]
)
def test_an_address_that_is_none_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(f'[agent]\nstate_dir = "{tmp_path}"\n[collector]\nurl = "https://c.example"\n')
    assert main([*ENROL, "--config", str(path), "--collector", url]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "https://HOST:PORT" in err


def test_a_folder_that_cannot_be_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the operating system refuses never ends in a traceback."""
    keys, file = tmp_path / "keys", tmp_path / "file"
    assert main(["recovery-key", "--out", str(keys)]) == 0
    file.write_text("")
    sqlite3.connect(tmp_path / "pos.db").close()
    capsys.readouterr()
    where = ["--repository", str(tmp_path / "r"), "--recovery-key", str(keys / "recovery.pub")]
    given = ["--engine", "sqlite", "--source", str(tmp_path / "pos.db"), "--state", str(file / "state")]
    assert main(["backup", *given, *where]) == 1
    err = capsys.readouterr().err
    assert err.startswith("plomba-agent: system.refused: ")
    assert err.count("\n") == 1


def test_a_missing_configuration_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", str(tmp_path / "none.toml")]) == 2
    assert "agent.example.toml" in capsys.readouterr().err


def test_what_is_no_port_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "nonsense"]) == 2
    assert "socket://HOST:PORT" in capsys.readouterr().err
