"""`plomba-agent enrol`: make this till a terminal of a collector, with a one-time code, or with a picture that a
technician reads with a telephone."""

import argparse
import sys
from importlib.metadata import version
from pathlib import Path
from threading import Event
from typing import TypedDict
from urllib.parse import urlsplit

from agent.cli import picture
from agent.cli.account import as_owner_of
from agent.clock import Clock
from agent.config import Config, default_path, load
from agent.runtime.clock import SystemClock
from agent.uplink import enrol, identity
from protocols.errors import CollectorUnreachable, ConfigError, ReportRefused, UplinkError
from protocols.wire import claim

NAME = "enrol"
HELP = "make this till known to a collector, with a one-time code from it or with a picture"
TRIES = 3
POLL_S = 3.0
CLAIM_S = 1800.0
"""So long a claimed key waits at the collector, too."""
_REFUSED = 3
_LATER = 75


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--collector", metavar="URL", help="https address; default: the one in the configuration"
    )
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--code", help="the whole one-time code, copied from the collector")
    how.add_argument(
        "--qr", action="store_true", help="show a picture for a telephone instead of taking a code"
    )
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
        outcome = _by_picture(config, _https(url)) if args.qr else _by_code(config, _https(url), args.code)
    except CollectorUnreachable as e:
        print(f"{e} ({e.code}). Nothing has changed; try the same code again.", file=sys.stderr)
        return _LATER
    except UplinkError as e:
        print(f"{e} ({e.code})", file=sys.stderr)
        return _REFUSED
    made = outcome.identity
    print(f"Enrolled as {made.name} ({made.terminal}): {made.customer}, {made.site}.")
    if outcome.waits:
        number = claim.number(identity.public_key(made.key))
        print(
            f"A technician must approve it on the page, where it has the number {number}. Until then everything"
            " is kept here."
        )
    return 0


def _by_code(config: Config, url: str, text: str) -> enrol.Outcome:
    return enrol.enrol(url, enrol.parse_code(text), config.agent.state_dir, **_self(config))


def _by_picture(config: Config, url: str) -> enrol.Outcome:
    """Shows the key, lets a person type the word that proves the collector, and waits until the key is claimed."""
    shown = enrol.Shown(url, config.agent.state_dir, config.agent.name)
    picture.show(shown.address)
    print(shown.address)
    print(
        f"\nNumber of this till: {shown.number}\nRead the picture with a telephone, or open the address. Say there"
        " whose till it is; then type\nhere the word that the page shows."
    )
    _ask_word(shown)
    print("The word is right. Waiting for the page.")
    clock, never = SystemClock(), Event()
    until_s = clock.monotonic() + CLAIM_S
    while True:
        try:
            return shown.enrol(config.agent.state_dir, **_self(config))
        except ReportRefused as e:
            if e.code != enrol.NOT_CLAIMED or clock.monotonic() > until_s:
                raise
        clock.wait(never, POLL_S)


def _ask_word(shown: enrol.Shown) -> None:
    """UplinkError after TRIES wrong ones: nothing was sent that is worth anything to whoever stands between."""
    for left in range(TRIES - 1, -1, -1):
        try:
            typed = input("Word: ")
        except EOFError:
            break
        if shown.proves(typed):
            return
        if left:
            print("That is not the word. Look at the page and type it again.")
    raise enrol.WrongCollector(
        "the word does not belong to the collector that answers here. If it was typed as the page shows it, somebody"
        " stands between this till and the collector; nothing secret was sent"
    )


class _Self(TypedDict):
    name: str
    version: str
    clock: Clock


def _self(config: Config) -> _Self:
    return {"name": config.agent.name, "version": version("plomba"), "clock": SystemClock()}


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
