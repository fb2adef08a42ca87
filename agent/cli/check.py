"""`plomba-agent check`: is the configuration right, and is there what it names. Opens no port."""

from argparse import ArgumentParser, Namespace
from datetime import time, timedelta
from pathlib import Path

from agent.backup.engines import check_source, engine
from agent.cli import wished
from agent.config import Backup, Config, default_path, load
from agent.config.reader import tables_in
from agent.devices import profile_store
from agent.ports import exists
from protocols.errors import ConfigError
from protocols.wire.desired import Value, flatten, toml

NAME = "check"
HELP = "Check the configuration and the profiles that it names. Opens no port."

_WORDS = {True: "is there", False: "is not there", None: "only opening it would tell"}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, default=None, help="default: the place of the platform")
    parser.add_argument("--effective", action="store_true", help="say every key by which the agent would run")
    parser.add_argument("--ports", action="store_true", help="say which ports exist, without opening them")


def run(args: Namespace) -> int:
    """1 where --ports was given and a port is missing."""
    path = args.config or default_path()
    config = load(path)
    local = tables_in(path)
    found, standing = wished.standing_of(config.agent.state_dir, local)
    profile_store.load(config.agent.profiles_dir)
    for plan in config.backups:
        _check_backup(plan, str(path))
    print(f"{path}: ok, {len(config.devices)} devices, {len(config.backups)} backups")
    effective = wished.config_of(standing, config)
    said = _effective(effective) if args.effective else wished.lines(found, standing, local)
    print("\n".join(said))
    return 0 if not args.ports or _ports(effective) else 1


def _effective(config: Config) -> list[str]:
    """Every key with its value, defaults too, as it would stand in the file."""
    tables = config.model_dump(by_alias=True, exclude_none=True)
    return [f"{key} = {toml(_plain(value))}" for key, value in flatten(tables).items()]


def _plain(value: object) -> Value:
    """As a person writes it."""
    match value:
        case timedelta():
            return f"{int(value.total_seconds()) // 60}m"
        case time():
            return f"{value:%H:%M}"
        case tuple():
            return [part if isinstance(part, bool | int | float) else str(part) for part in value]
        case bool() | int() | float():
            return value
    return str(value)


def _check_backup(plan: Backup, file: str) -> None:
    """What else would be found out at night, by the first backup that fails."""
    try:
        engine(plan.engine)
    except ConfigError as e:
        raise ConfigError(
            file, f"backup[{plan.name}].engine", f"{plan.engine!r} is not known", e.allowed
        ) from e
    try:
        check_source(plan.engine, plan.source)
    except ConfigError as e:
        raise ConfigError(file, f"backup[{plan.name}].source", e.problem) from e
    if not plan.recovery_key.is_file():
        made = "a public key made by plomba-agent recovery-key"
        raise ConfigError(
            file, f"backup[{plan.name}].recovery_key", f"{plan.recovery_key} is not there", made
        )


def _ports(config: Config) -> bool:
    found = {device.id: exists(device.port) for device in config.devices}
    for device in config.devices:
        print(f"{device.id}: {device.port} {_WORDS[found[device.id]]}")
    return False not in found.values()
