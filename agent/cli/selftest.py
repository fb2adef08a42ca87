"""`plomba-agent selftest`: can this agent do its work here? Opens no device and asks no collector."""

import argparse
import dataclasses
import importlib
import json
import platform
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from agent.cli import COMMANDS
from agent.cli.account import as_owner_of
from agent.config import default_path, load
from agent.runtime.clock import SystemClock
from agent.runtime.selftest import Check, SelfTest, look
from protocols.errors import ConfigError

NAME = "selftest"
HELP = "check that this agent can do its work here: 0 where it can, else 1"

_MARKS = {True: "ok", False: "FAILED", None: "-"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, help="the agent's configuration file")
    parser.add_argument("--json", action="store_true", help="for a machine")


def run(args: argparse.Namespace) -> int:
    file = args.config or default_path()
    with suppress(ConfigError):  # which the test finds, too
        as_owner_of(load(file).agent.state_dir)
    found = look(file, SystemClock())
    found = dataclasses.replace(
        found,
        checks=(*found.checks, _commands()),
        registries={**found.registries, "commands": tuple(COMMANDS)},
    )
    print(_json(found) if args.json else "\n".join(_lines(found)))
    return 0 if found.ok else 1


def _commands() -> Check:
    """Each command's module is loaded when it is used: is it there?"""
    missing = []
    for name, entry in COMMANDS.items():
        try:
            importlib.import_module(entry.module)
        except ImportError as e:
            missing.append(f"{name} ({e})")
    return Check("commands", not missing, f"missing: {', '.join(missing)}" if missing else f"{len(COMMANDS)}")


def _lines(found: SelfTest) -> list[str]:
    width = max(len(check.name) for check in found.checks)
    lines = [f"{_MARKS[check.ok]:<7}{check.name:<{width + 2}}{check.detail}" for check in found.checks]
    failed = sum(check.ok is False for check in found.checks)
    return [*lines, f"{failed} failed" if failed else "all well"]


def _json(found: SelfTest) -> str:
    told = {
        "ok": found.ok,
        "version": version("plomba"),
        "frozen": bool(getattr(sys, "frozen", False)),
        "python": platform.python_version(),
        "system": platform.system(),
        "checks": [dataclasses.asdict(check) for check in found.checks],
        "registries": found.registries,
    }
    return json.dumps(told, ensure_ascii=False, indent=2)
