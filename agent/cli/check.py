"""`plomba-agent check`: is the configuration right, and is there what it names. Opens no port."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from agent.backup.engines import engine
from agent.config import Backup, Config, default_path, load
from agent.devices import profile_store
from agent.ports import exists
from protocols.errors import ConfigError

NAME = "check"
HELP = "Check the configuration and the profiles that it names. Opens no port."

_WORDS = {True: "is there", False: "is not there", None: "only opening it would tell"}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, default=None, help="default: the place of the platform")
    parser.add_argument("--ports", action="store_true", help="say which ports exist, without opening them")


def run(args: Namespace) -> int:
    """1 where --ports was given and a port is missing."""
    path = args.config or default_path()
    config = load(path)
    profile_store.load(config.agent.profiles_dir)
    for plan in config.backups:
        _check_backup(plan, str(path))
    print(f"{path}: ok, {len(config.devices)} devices, {len(config.backups)} backups")
    return 0 if not args.ports or _ports(config) else 1


def _check_backup(plan: Backup, file: str) -> None:
    """What else would be found out at night, by the first backup that fails."""
    try:
        engine(plan.engine)
    except ConfigError as e:
        raise ConfigError(
            file, f"backup[{plan.name}].engine", f"{plan.engine!r} is not known", e.allowed
        ) from e
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
