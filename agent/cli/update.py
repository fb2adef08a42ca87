"""`plomba-agent update`: how the last update of the agent ended. An update is begun by a job that operators sign; the
other actions are steps of it."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from agent.cli.account import as_owner_of
from agent.config import Config, default_path, load, updating
from agent.runtime.clock import SystemClock
from protocols.errors import PlombaError

NAME = "update"
HELP = "how the last update of the agent ended, and whether one is under way"
DONE, FAILED, REFUSED = 0, 1, 3
SHOWN_BYTES = 4 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(do=_show)
    config = argparse.ArgumentParser(add_help=False)
    config.add_argument("--config", type=Path, help="the agent's configuration file")
    actions = parser.add_subparsers(metavar="fetch|take|healthy")
    fetch = actions.add_parser(
        "fetch", parents=[config], help="fetch a package from the collector; for the job"
    )
    fetch.add_argument("--sha256", required=True, metavar="HEX")
    fetch.set_defaults(do=_fetch)
    take = actions.add_parser("take", parents=[config], help="prove an order; for the updater, as root")
    take.add_argument(
        "--into", type=Path, required=True, metavar="DIR", help="gets the package, if it is good"
    )
    take.add_argument("--done", type=Path, required=True, metavar="FILE", help="orders that were carried out")
    take.set_defaults(do=_take)
    healthy = actions.add_parser(
        "healthy", parents=[config], help="0 where the collector has heard the agent since; for the updater"
    )
    healthy.add_argument("--since", type=int, required=True, metavar="SECONDS", help="of Unix time")
    healthy.set_defaults(do=_healthy)


def run(args: argparse.Namespace) -> int:
    code: int = args.do(args)
    return code


def _show(_args: argparse.Namespace) -> int:
    told = updating.read_told()
    if told is None:
        print("No update was made by a job here.")
        return DONE
    print(f"The last update, to version {told.wanted or 'unknown'}: {told.result}. {told.reason}".rstrip())
    return DONE if told.result == updating.GOOD else FAILED


def _fetch(args: argparse.Namespace) -> int:
    from agent.uplink import identity, package  # noqa: PLC0415 - the other actions need no line
    from agent.uplink.client import Client  # noqa: PLC0415
    from agent.uplink.connection import Connection, trust_only  # noqa: PLC0415

    state = _config(args).agent.state_dir
    as_owner_of(state)
    me = identity.load(state)
    connection = Connection(me.collector, trust_only(me.ca_file.read_text("ascii")))
    client = Client(connection, me.key, me.terminal, SystemClock())
    try:
        package.fetch(client, args.sha256, updating.package_in(state, args.sha256), _Shown().told)
    finally:
        client.close()
    print("The package is here, whole.")
    return DONE


class _Shown:
    """On a terminal, every few megabytes."""

    def __init__(self) -> None:
        self._last = 0

    def told(self, size: int) -> None:
        if sys.stderr.isatty() and size - self._last >= SHOWN_BYTES:
            self._last = size
            print(f"{size >> 20} MiB are here", file=sys.stderr)


def _take(args: argparse.Namespace) -> int:
    """The last line that it prints says why not."""
    from agent.runtime.updating import take  # noqa: PLC0415 - see agent.runtime.updating

    done = frozenset(args.done.read_text("ascii").split()) if args.done.exists() else frozenset()
    try:
        taken = take(_config(args), args.into, done, SystemClock().now())
    except PlombaError as e:
        print(f"{e} ({e.code})")
        return REFUSED
    print(f"version {taken.version}")
    return DONE


def _healthy(args: argparse.Namespace) -> int:
    from agent.runtime.updating import healthy  # noqa: PLC0415

    state = _config(args).agent.state_dir
    as_owner_of(state)
    return DONE if healthy(state, datetime.fromtimestamp(args.since, UTC), SystemClock()) else FAILED


def _config(args: argparse.Namespace) -> Config:
    return load(args.config or default_path())
