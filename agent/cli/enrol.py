"""`plomba-agent enrol`: make this till a terminal of a collector, with a one-time code."""

import argparse
import sys
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from agent.cli.account import as_owner_of
from agent.config import default_path, load
from agent.runtime.clock import SystemClock
from agent.uplink import enrol, identity
from protocols.errors import CollectorUnreachable, ConfigError, UplinkError

NAME = "enrol"
HELP = "make this till known to a collector, with a one-time code from it"
_REFUSED = 3
_LATER = 75


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--collector", metavar="URL", help="https address; default: the one in the configuration"
    )
    parser.add_argument("--code", required=True, help="the whole one-time code, copied from the collector")
    parser.add_argument("--config", type=Path, help="the agent's configuration file")
    parser.add_argument(
        "--replace",
        action="store_true",
        help="give up the identity that this till has now, once the new one is there",
    )


def run(args: argparse.Namespace) -> int:
    config = load(args.config or default_path())
    url = args.collector or config.collector.url
    state_dir = config.agent.state_dir
    as_owner_of(state_dir)
    try:
        _may_enrol(state_dir, replace=args.replace)
        code = enrol.parse_code(args.code)
        made = enrol.enrol(
            _https(url),
            code,
            state_dir,
            name=config.agent.name,
            version=version("plomba"),
            clock=SystemClock(),
        )
    except CollectorUnreachable as e:
        print(f"{e} ({e.code}). Nothing has changed; try the same code again.", file=sys.stderr)
        return _LATER
    except UplinkError as e:
        print(f"{e} ({e.code})", file=sys.stderr)
        return _REFUSED
    print(f"Enrolled as {made.name} ({made.terminal}): {made.customer}, {made.site}.")
    return 0


def _https(url: str) -> str:
    """ConfigError for what no collector can have as its address."""
    try:
        parts = urlsplit(url)
        right = parts.scheme == "https" and parts.hostname and parts.port != 0
    except ValueError:
        right = False
    if not right:
        problem = f"{url!r} is no collector address"
        raise ConfigError("command line", "--collector", problem, "https://HOST or https://HOST:PORT")
    return url.rstrip("/")


def _may_enrol(state_dir: Path, *, replace: bool) -> None:
    try:
        known = identity.load(state_dir)
    except identity.NotEnrolled:
        return
    if not replace:
        raise UplinkError(
            f"this till is enrolled already, as {known.name} at {known.collector}; "
            "add --replace to give that identity up",
            code="enrol.already",
        )
