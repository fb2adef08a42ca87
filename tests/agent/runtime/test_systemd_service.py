"""The unit that the agent installs is the shipped one, lets it do its work, and lets it do little else."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from agent.cli import main
from agent.runtime import systemd_service as systemd
from agent.runtime.service_manager import ServiceStatus
from tests.conftest import missing

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = ROOT / "packaging/systemd/plomba-agent.service"
EXPOSURE_MOST = 2.0
CONFIG = """\
[agent]
{state}
[collector]
url = "https://127.0.0.1:1"
[[backup]]
name = "pos"
engine = "sqlite"
source = "/srv/pos.db"
repository = "{repository}"
recovery_key = "/etc/plomba/recovery.pub"
every = "6h"
"""


@pytest.fixture
def places(tmp_path: Path) -> systemd.Places:
    made = systemd.Places(tmp_path / "etc", tmp_path / "usr", tmp_path / "run", tmp_path / "rules")
    for folder in (made.units, made.shipped):
        folder.mkdir()
    return made


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "agent.toml"
    file.write_text(CONFIG.format(state="", repository="collector"))
    return file


def exposure(unit: Path) -> float:
    if not shutil.which("systemd-analyze"):
        missing("systemd-analyze")
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    [found] = re.findall(r"Overall exposure level for \S+: (\d+\.\d)", said)
    return float(found)


def test_the_shipped_unit_is_hardened() -> None:
    assert exposure(SHIPPED) <= EXPOSURE_MOST


def test_the_measure_of_hardening_sees_a_unit_that_is_not(tmp_path: Path) -> None:
    bare = tmp_path / "plomba-agent.service"
    bare.write_text("[Service]\nExecStart=/bin/true\n")
    assert exposure(bare) > EXPOSURE_MOST


def test_systemd_understands_every_line_of_the_shipped_unit(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        missing("systemd-analyze")
    unit = tmp_path / SHIPPED.name
    unit.write_text(re.sub(r"^ExecStart=.*$", "ExecStart=/bin/true", SHIPPED.read_text(), flags=re.M))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert str(unit) not in done.stderr


def test_what_is_installed_is_the_shipped_unit_with_its_own_place(
    config: Path, places: systemd.Places
) -> None:
    plan = systemd.to_install(config, "/usr/local/bin/plomba-agent", places)
    [file] = plan.files
    assert file.path == places.units / "plomba-agent.service"
    differ = [
        (ours, shipped)
        for ours, shipped in zip(file.text.splitlines(), SHIPPED.read_text().splitlines(), strict=True)
        if ours != shipped
    ]
    [(start, _)] = differ
    assert start == f"ExecStart=/usr/local/bin/plomba-agent run --wait --config {config}"
    assert systemd.unit("/bin/x", Path("/a b/$c")).count('run --wait --config "/a b/$$c"') == 1
    assert [command[:2] for command in plan.commands] == [
        ("systemd-sysusers", "--inline"),
        ("systemctl", "daemon-reload"),
        ("systemctl", "enable"),
        ("systemctl", "restart"),
    ]


def test_the_unit_of_a_package_is_left_alone_and_not_hidden(places: systemd.Places, config: Path) -> None:
    (places.shipped / "plomba-agent.service").write_text(systemd.unit("/opt/plomba/bin/plomba-agent", config))
    own = places.units / "plomba-agent.service"
    own.write_text("an older one, written by hand\n")
    plan = systemd.to_install(config, "/opt/plomba/bin/plomba-agent", places)
    assert (plan.files, plan.gone) == ((), (own,))


def test_the_agent_may_write_where_its_configuration_says(places: systemd.Places, tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(CONFIG.format(state='state_dir = "/srv/50% $x/state"', repository="/mnt/usb disk"))
    plan = systemd.to_install(config, "/bin/agent", places)
    [_, beside] = plan.files
    chown = ("chown", "--recursive", "--no-dereference", "plomba:", "/srv/50% $x/state")
    assert chown in plan.commands
    assert beside.path == places.units / "plomba-agent.service.d" / "paths.conf"
    assert beside.text.splitlines()[1:] == [
        "[Service]", 'ReadWritePaths=-"/srv/50%% $x/state"', 'ReadWritePaths=-"/mnt/usb disk"',
    ]  # fmt: skip


def test_the_agent_may_write_beside_what_a_job_may_restore_over(
    places: systemd.Places, tmp_path: Path
) -> None:
    config = tmp_path / "agent.toml"
    text = CONFIG.format(state="", repository="collector")
    for names, opened in (("[]", False), ('["pos"]', True)):
        config.write_text(f"{text}[jobs]\nrestore_over = {names}\n")
        written = "".join(file.text for file in systemd.to_install(config, "/bin/agent", places).files[1:])
        assert ("ReadWritePaths=-/srv\n" in written) is opened


def test_jobs_may_do_what_the_configuration_names_and_no_more(places: systemd.Places, tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    text = CONFIG.format(state="", repository="collector")
    config.write_text(text + '[jobs]\nservices = ["postgresql", "a\\"b@1.timer"]\nprinters = ["Receipt"]\n')
    [_, beside, rule] = systemd.to_install(config, "/bin/agent", places, {"lpadmin"}).files
    assert "SupplementaryGroups=lpadmin" in beside.text
    assert rule.path == tmp_path / "rules" / "50-plomba-agent.rules"
    assert '["postgresql.service", "a\\"b@1.timer"].indexOf(action.lookup("unit"))' in rule.text
    assert 'subject.user == "plomba"' in rule.text
    without = systemd.to_install(config, "/bin/agent", places, set()).files
    assert "lpadmin" not in "".join(file.text for file in without), (
        "a unit with an unknown group does not start"
    )


def test_what_is_not_needed_any_more_is_taken_away(places: systemd.Places, config: Path) -> None:
    for path in (places.drop_in, places.rule):
        path.parent.mkdir(parents=True)
        path.write_text("an earlier one")
    assert systemd.to_install(config, "/bin/agent", places).gone == (places.drop_in, places.rule)


def test_a_program_in_somebody_s_home_can_be_started(
    places: systemd.Places, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/home/anna/venv/bin/python")
    [_, beside] = systemd.to_install(config, "/home/anna/venv/bin/plomba-agent", places).files
    assert "ProtectHome=read-only" in beside.text


def test_removing_takes_what_was_written_and_nothing_where_nothing_is(places: systemd.Places) -> None:
    assert systemd.to_remove(places) == systemd.Plan((), (), ())
    own = places.units / "plomba-agent.service"
    own.write_text("x")
    plan = systemd.to_remove(places)
    assert plan.gone == (own,)
    assert plan.commands[0] == ("systemctl", "disable", "--now", "plomba-agent.service")


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("LoadState=not-found\nActiveState=inactive", ServiceStatus(installed=False, detail="not-found")),
        (
            "LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\nMainPID=42\nNRestarts=3",
            ServiceStatus(
                installed=True,
                enabled=True,
                running=True,
                pid=42,
                detail="active (running), started anew 3 times",
            ),
        ),
        (
            "LoadState=loaded\nActiveState=inactive\nSubState=dead\nUnitFileState=disabled\nMainPID=0\nNRestarts=0",
            ServiceStatus(
                installed=True, enabled=False, running=False, detail="inactive (dead), started anew 0 times"
            ),
        ),
    ],
)
def test_what_systemd_shows_is_understood(shown: str, expected: ServiceStatus) -> None:
    assert systemd.parse(shown) == expected


def test_a_dry_run_says_every_step_and_does_none(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["service", "install", "--dry-run", "--config", str(config)]) == 0
    said = capsys.readouterr().out
    assert "Type=notify" in said
    assert "run systemctl enable plomba-agent.service" in said
    assert not Path("/etc/systemd/system/plomba-agent.service").exists()


def test_a_wrong_configuration_is_not_installed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "agent.toml"
    config.write_text('[collector]\nurl = "http://plain"\n')
    assert main(["service", "install", "--dry-run", "--config", str(config)]) == 2
    assert "collector.url" in capsys.readouterr().err


@pytest.mark.skipif(Path("/run/systemd/system").is_dir(), reason="systemd runs this computer")
def test_without_systemd_nothing_is_claimed(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["service", "status"]) == 1
    assert main(["service", "install", "--config", str(config)]) == 1
    assert "service.no_manager" in capsys.readouterr().err
