"""The agent as a service of systemd: its unit, the drop-in with the folders that the configuration names, and the
commands that bring both to systemd. See `service_manager.ServiceManager`."""

import json
import os
import subprocess
import sys
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.config import Config, load
from agent.config.model import data_dir
from agent.runtime.service_manager import NAME, NoServiceManager, ServiceDenied, ServiceError, ServiceStatus

UNIT = f"{NAME}.service"
ACCOUNT = "plomba"
_ACCOUNT_LINE = f'u {ACCOUNT} - "Plomba agent" {data_dir().as_posix()}'
_BY_US = "From the configuration, by plomba-agent service install"
_HOMES = tuple(f"/{folder}/" for folder in ("home", "root", "run/user"))
"""What `ProtectHome=` hides on every system, by systemd.exec(5)."""
_PRINT_GROUP = "lpadmin"
"""Who may clear a queue of CUPS (cupsd.conf(5), SystemGroup, as Debian sets it)."""
_COMMAND_S = 60.0


@dataclass(frozen=True, slots=True)
class Places:
    """`shipped`: where a package put the unit; `units`: where an administrator does. `booted` is there where systemd
    runs the computer (sd_booted(3))."""

    units: Path = Path("/etc/systemd/system")
    shipped: Path = Path("/usr/lib/systemd/system")
    booted: Path = Path("/run/systemd/system")
    rules: Path = Path("/etc/polkit-1/rules.d")

    @property
    def drop_in(self) -> Path:
        return self.units / f"{UNIT}.d" / "paths.conf"

    @property
    def rule(self) -> Path:
        return self.rules / "50-plomba-agent.rules"


@dataclass(frozen=True, slots=True)
class File:
    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done in this order: files away, files written, commands run."""

    gone: tuple[Path, ...]
    files: tuple[File, ...]
    commands: tuple[tuple[str, ...], ...]

    def lines(self) -> tuple[str, ...]:
        written = [f"write {file.path}:\n{file.text}" for file in self.files]
        return (
            *(f"delete {path}" for path in self.gone),
            *written,
            *(f"run {' '.join(command)}" for command in self.commands),
        )


def install(config: Path) -> None:
    _do(to_install(config, own_command(), Places(), _groups()), Places())


def remove() -> None:
    _do(to_remove(Places()), Places())


def status() -> ServiceStatus:
    return parse(_systemctl("show", UNIT, f"--property={','.join(_SHOWN)}"))


def plan_install(config: Path) -> tuple[str, ...]:
    return to_install(config, own_command(), Places(), _groups()).lines()


def plan_remove() -> tuple[str, ...]:
    return to_remove(Places()).lines()


def template() -> str:
    """The unit as it is shipped: what lies beside this file is the one of packaging/systemd."""
    return Path(__file__).with_name(UNIT).read_text("utf-8")


def own_command() -> str:
    """How this agent is started; by the stable link of a package, where it is the agent behind that."""
    link, own = Path("/opt/plomba/bin/plomba-agent"), Path(sys.executable)
    if getattr(sys, "frozen", False):
        return _word(link if link.exists() and link.samefile(own) else own)
    script = own.with_name("plomba-agent")
    return _word(script) if script.exists() else f"{_word(own)} -m agent.cli"


def unit(command: str, config: Path) -> str:
    """The shipped unit with another program and configuration."""
    start = f"ExecStart={command} run --wait --config {_word(config)}"
    lines = [start if line.startswith("ExecStart=") else line for line in template().splitlines()]
    return "\n".join(lines) + "\n"


def drop_in(config: Config, config_file: Path, groups: Container[str]) -> str:
    """What the unit shuts and this configuration needs; "" where that is nothing. `groups`: those of this computer."""
    lines = [f"ReadWritePaths=-{_quoted(folder)}" for folder in _written(config)]
    if any(str(path).startswith(_HOMES) for path in (Path(sys.executable), config_file)):
        lines.append("ProtectHome=read-only")
    if config.jobs.printers and _PRINT_GROUP in groups:
        lines.append(f"SupplementaryGroups={_PRINT_GROUP}")
    return "\n".join([f"# {_BY_US}", "[Service]", *lines, ""]) if lines else ""


def _written(config: Config) -> list[Path]:
    """Folders that are not the service's own by its unit."""
    state = [config.agent.state_dir] if config.agent.state_dir != data_dir() else []
    local = [Path(plan.repository) for plan in config.backups if plan.repository.startswith("/")]
    over = [Path(plan.source).parent for plan in config.backups if plan.name in config.jobs.restore_over]
    return list(dict.fromkeys([*state, *local, *over]))


def polkit_rule(services: Sequence[str]) -> str:
    """Lets the service's account restart these units and no others (polkit(8)); "" where there are none. An operator's
    signed job does it, and the agent refuses a service that its configuration does not name."""
    if not services:
        return ""
    units = [name if "." in name else f"{name}.service" for name in services]
    return _RULE.format(by=_BY_US, account=ACCOUNT, units=json.dumps(units))


_RULE = """\
// {by}
polkit.addRule(function(action, subject) {{
  if (action.id == "org.freedesktop.systemd1.manage-units" && subject.user == "{account}" &&
      action.lookup("verb") == "restart" && {units}.indexOf(action.lookup("unit")) >= 0) {{
    return polkit.Result.YES;
  }}
}});
"""


def to_install(config_file: Path, command: str, places: Places, groups: Container[str] = ()) -> Plan:
    """ConfigError where the configuration is wrong: a service that cannot start is not installed."""
    config_file = config_file.absolute()
    config = load(config_file)
    wanted, shipped = unit(command, config_file), places.shipped / UNIT
    is_shipped = shipped.exists() and shipped.read_text("utf-8") == wanted
    texts = {
        places.units / UNIT: "" if is_shipped else wanted,
        places.drop_in: drop_in(config, config_file, groups),
        places.rule: polkit_rule(config.jobs.services),
    }
    state = [config.agent.state_dir] if config.agent.state_dir != data_dir() else []
    commands = (
        ("systemd-sysusers", "--inline", _ACCOUNT_LINE),
        *(("install", "--directory", f"--owner={ACCOUNT}", "--mode=0700", str(folder)) for folder in state),
        *(("chown", "--recursive", "--no-dereference", f"{ACCOUNT}:", str(folder)) for folder in state),
        ("systemctl", "daemon-reload"),
        ("systemctl", "enable", UNIT),
        ("systemctl", "restart", UNIT),
    )
    gone = tuple(path for path, text in texts.items() if not text and path.exists())
    return Plan(gone, tuple(File(path, text) for path, text in texts.items() if text), commands)


def to_remove(places: Places) -> Plan:
    """A unit that a package brought goes with the package; here it is only stopped and disabled."""
    own = places.units / UNIT
    ours = tuple(path for path in (own, places.drop_in, places.rule) if path.exists())
    known = own.exists() or (places.shipped / UNIT).exists()
    commands = (("systemctl", "disable", "--now", UNIT), ("systemctl", "daemon-reload")) if known else ()
    return Plan(ours, (), commands)


def _groups() -> frozenset[str]:
    if sys.platform == "win32":
        return frozenset()
    import grp  # noqa: PLC0415 - Unix only

    return frozenset(group.gr_name for group in grp.getgrall())


_SHOWN = ("LoadState", "ActiveState", "SubState", "UnitFileState", "MainPID", "NRestarts")


def parse(shown: str) -> ServiceStatus:
    """From the lines of `systemctl show`."""
    facts = dict(line.partition("=")[::2] for line in shown.splitlines())
    if facts.get("LoadState") != "loaded":
        return ServiceStatus(installed=False, detail=facts.get("LoadState", ""))
    pid = int(facts.get("MainPID") or 0)
    again = facts.get("NRestarts", "0")
    return ServiceStatus(
        installed=True,
        enabled=facts.get("UnitFileState") == "enabled",
        running=facts.get("ActiveState") == "active",
        pid=pid or None,
        detail=f"{facts.get('ActiveState')} ({facts.get('SubState')}), started anew {again} times",
    )


def _do(plan: Plan, places: Places) -> None:
    """Commands that stop what is there come before its files go."""
    if not places.booted.is_dir():
        raise NoServiceManager("systemd does not run this computer", code=NoServiceManager.code)
    if sys.platform == "win32" or os.geteuid():
        raise ServiceDenied("only root may change the services of this computer")
    if not plan.files:
        stop = [command for command in plan.commands if "disable" in command]
        for command in stop:
            _run(*command)
    for path in plan.gone:
        path.unlink(missing_ok=True)
    for file in plan.files:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        part = file.path.with_name(f"{file.path.name}.part")
        part.write_text(file.text, "utf-8")
        part.chmod(0o644)
        part.replace(file.path)
    for command in plan.commands:
        if "disable" not in command:
            _run(*command)


def _systemctl(*arguments: str) -> str:
    if not Places().booted.is_dir():
        raise NoServiceManager("systemd does not run this computer")
    return _run("systemctl", *arguments)


def _run(*command: str) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_COMMAND_S, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as e:
        raise ServiceError(f"{' '.join(command)}: {e}") from e
    if done.returncode:
        said = (done.stderr or done.stdout).strip() or f"ended with {done.returncode}"
        raise ServiceError(f"{' '.join(command)}: {said}")
    return done.stdout


def _quoted(path: Path) -> str:
    """As a word of a setting (systemd.syntax(7)); % begins a specifier."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{text}"' if set(text) & set(" \t\"'\\") else text


def _word(path: Path) -> str:
    """As a word of a command line (systemd.service(5)), where $ begins a variable."""
    return _quoted(path).replace("$", "$$")
