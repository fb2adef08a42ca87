"""The command line. A command's module is imported only when it is used, so that the agent starts light."""

import importlib
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from agent.cli.advice import FAILED, advice, exit_code
from protocols.errors import PlombaError, UsageError


@dataclass(frozen=True, slots=True)
class Entry:
    module: str
    summary: str


class Command(Protocol):
    """What the module of a command exports. `run` returns the exit code, or raises PlombaError."""

    NAME: str
    HELP: str

    def add_arguments(self, parser: ArgumentParser) -> None: ...

    def run(self, args: Namespace) -> int: ...


COMMANDS: Mapping[str, Entry] = {
    "run": Entry("agent.cli.run", "watch over this till until told to stop (what the service does)"),
    "enrol": Entry("agent.cli.enrol", "make this till known to the collector with a one-time code"),
    "check": Entry("agent.cli.check", "check the configuration"),
    "status": Entry("agent.cli.status", "what the running agent knows and what waits to be sent"),
    "probe": Entry("agent.cli.probe", "ask one device who it is and how it is"),
    "tap": Entry("agent.cli.tap", "the small process between the cash program and a shared printer"),
    "decode": Entry("agent.cli.decode", "explain captured bytes"),
    "backup": Entry("agent.cli.backup", "back up one source now"),
    "restore": Entry("agent.cli.restore", "restore a backup into a new file"),
    "drill": Entry("agent.cli.drill", "prove that the newest backup restores"),
    "recovery-key": Entry("agent.cli.recovery_key", "make the key pair that opens backups"),
    "spool": Entry("agent.cli.spool", "prove what lies in the queue, or carry it to the collector by hand"),
    "selftest": Entry("agent.cli.selftest", "check that this agent can do its work here"),
    "update": Entry(
        "agent.cli.update", "how the last update of the agent ended, and whether one is under way"
    ),
    "service": Entry("agent.cli.service", "make the agent a service of this computer, or take it out"),
}

_PROGRAM = "plomba-agent"
_CODES = "exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 refused, 75 try again later"


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code. A bug of ours (UsageError) leaves with a traceback."""
    given = list(sys.argv[1:] if argv is None else argv)
    if not given or given[0] not in COMMANDS:
        return _no_command(given)
    module = cast(Command, importlib.import_module(COMMANDS[given[0]].module))
    parser = ArgumentParser(f"{_PROGRAM} {module.NAME}", description=module.HELP, epilog=_CODES)
    module.add_arguments(parser)
    try:
        args = parser.parse_args(given[1:])
    except SystemExit as e:
        return int(e.code or 0)
    return _run(module, args)


def _run(module: Command, args: Namespace) -> int:
    try:
        return module.run(args)
    except UsageError:
        raise
    except PlombaError as e:
        hint = advice(e)
        print(f"{_PROGRAM}: {e.code}: {e}{'. ' + hint if hint else ''}", file=sys.stderr)
        return exit_code(e)
    except OSError as e:
        where, why = e.filename or "the operating system", e.strerror or e
        print(
            f"{_PROGRAM}: system.refused: {where}: {why}. Nothing more was done;"
            " make sure that there is room and that this account may write there, then try again",
            file=sys.stderr,
        )
        return FAILED
    except KeyboardInterrupt:
        return 130


def _no_command(given: Sequence[str]) -> int:
    lines = [
        f"usage: {_PROGRAM} COMMAND ...",
        "",
        "The agent watches over a till and never gets in its way.",
        "",
    ]
    lines += [f"  {name:<14}{entry.summary}" for name, entry in COMMANDS.items()]
    lines += ["", f"{_PROGRAM} COMMAND --help says more about one.", _CODES]
    if given and given[0] in {"-h", "--help"}:
        print("\n".join(lines))
        return 0
    if given:
        lines.append(f"{_PROGRAM}: {given[0]!r} is no command")
    print("\n".join(lines), file=sys.stderr)
    return 2
