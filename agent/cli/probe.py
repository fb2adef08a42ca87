"""`plomba-agent probe`: asks the device at one port that a person named, or, without a port, looks for all that
are there. Read-only questions, nothing else."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TextIO

from agent.cli.advice import WRONG_USAGE
from agent.cli.port_table import as_json, as_words
from agent.clock import Clock
from agent.config import Config, Device, default_path, load
from agent.config.address import parse
from agent.devices import profile_store
from agent.devices.discovery import is_drawer
from agent.devices.discovery_confirm import Outcome, Plan, discover
from agent.devices.discovery_setup import configuration
from agent.devices.prober import Asking, Finding, probe
from agent.ports.discovery import is_at, look, named, serial_ports
from agent.runtime.clock import SystemClock
from protocols.device.family import Family, Way
from protocols.device.registry import FAMILIES
from protocols.errors import ConfigError, PortDenied, PortGone

NAME = "probe"
HELP = (
    "Ask one device who it is and how it is; without a port, list what is attached, ask what may be asked, and"
    " show the lines for the configuration. Only reads; a port that the cash program has is left alone, and so"
    " is one that nobody vouches for: some cash drawers open on any byte."
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "port", nargs="?", help="/dev/ttyUSB0, COM3, socket://HOST:PORT, usb:VID:PID, hid:VID:PID"
    )
    parser.add_argument(
        "--ports", metavar="A,B", default="", help="without PORT: ports that may be asked as well"
    )
    parser.add_argument("--dry-run", action="store_true", help="without PORT: write to no port, only list")
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="without PORT: default: the place of the platform"
    )
    parser.add_argument("--family", choices=sorted(FAMILIES), help="default: each family in turn")
    parser.add_argument("--baud", type=int, help="default: the speeds that the family usually has")
    parser.add_argument("--profiles", metavar="FOLDER", type=Path, help="a folder with profiles of your own")
    parser.add_argument("--json", action="store_true", help="answer in JSON")


def run(args: Namespace) -> int:
    families = [FAMILIES[args.family]] if args.family else list(FAMILIES.values())
    if args.port is None:
        return _discover(args, families)
    if args.ports or args.dry_run or args.config:
        print("plomba-agent: --ports, --dry-run and --config are for probe without PORT", file=sys.stderr)
        return WRONG_USAGE
    return _ask(args, families)


def _ask(args: Namespace, families: Sequence[Family]) -> int:
    if not args.family:
        _refuse_drawer(args.port)
    clock = SystemClock()
    finding = probe(
        args.port,
        families,
        profile_store.load(args.profiles),
        clock,
        bauds=(args.baud,) if args.baud else (),
        progress=ShownProgress(clock, sys.stderr),
    )
    print(_dumped(_as_json(finding)) if args.json else _words(finding))
    return 0


def _refuse_drawer(port: str) -> None:
    """PortDenied where the system shows, or the agent's configuration says, that a cash drawer is on the
    port."""
    _checked([port])
    if parse(port).way is not Way.SERIAL:
        return
    seen = next((sighting for sighting in serial_ports() if is_at(port, sighting)), named(port))
    if is_drawer(seen) or Plan((), {}, configured=_known_devices()).standing(seen).trigger:
        text = f"{port} is a cash drawer, which may open on any byte: nothing was sent"
        raise PortDenied(text, code="port.drawer")


def _known_devices() -> Sequence[Device]:
    try:
        config = _config(None)
    except ConfigError:
        return ()  # one port is asked on a till that is not set up, or wrongly
    return config.devices if config else ()


def _discover(args: Namespace, families: Sequence[Family]) -> int:
    config = _config(args.config)
    listed = [port for port in args.ports.split(",") if port]
    _checked(listed)
    if config:
        listed += config.discovery.ports
    folder = args.profiles or (config.agent.profiles_dir if config else None)
    plan = Plan(
        families,
        profile_store.load(folder),
        listed=tuple(dict.fromkeys(listed)),
        configured=config.devices if config else (),
        bauds=(args.baud,) if args.baud else (),
        dry=args.dry_run,
    )
    clock = SystemClock()
    outcomes = list(
        discover(look(plan.listed, ask=not plan.dry), plan, clock, ShownProgress(clock, sys.stderr))
    )
    _show(outcomes, [device.id for device in plan.configured], as_data=args.json)
    return 0


def _show(outcomes: Sequence[Outcome], taken: Sequence[str], *, as_data: bool) -> None:
    lines = configuration(outcomes, taken)
    print(_dumped(as_json(outcomes, lines)) if as_data else as_words(outcomes, lines))


def _config(named: Path | None) -> Config | None:
    """None on a till that is not set up yet. A configuration that is wrong is an error: what it says of drawers
    would be missed."""
    path = named or default_path()
    return load(path) if named or path.exists() else None


def _checked(ports: Sequence[str]) -> None:
    for port in ports:
        try:
            parse(port)
        except ValueError as e:
            raise PortGone(str(e), code="port.address") from e


class ShownProgress:
    """One line for each try, once it has taken longer than anybody likes to wait without a word."""

    PATIENCE_S = 2.0

    def __init__(self, clock: Clock, stream: TextIO) -> None:
        self._clock = clock
        self._stream = stream
        self._since_s = clock.monotonic()

    def __call__(self, asking: Asking) -> None:
        if self._clock.monotonic() - self._since_s < self.PATIENCE_S:
            return
        how_far = f"try {asking.number} of at most {asking.of}"
        line = f"{asking.port}: asking as {asking.family} at {asking.baud} baud, {how_far}"
        print(line, file=self._stream, flush=True)


def _dumped(data: object) -> str:
    return json.dumps(data, ensure_ascii=False)


def _as_json(finding: Finding) -> dict[str, object]:
    return {
        "port": finding.port,
        "family": finding.family,
        "baud": finding.baud,
        "identity": finding.identity.as_dict(),
        "state": {name: _plain(value) for name, value in finding.state.as_dict().items()},
        "profile": finding.profile,
        "faults": list(finding.faults),
        "round_trip_ms": None if finding.round_trip_s is None else round(finding.round_trip_s * 1000, 3),
        "why": list(finding.why),
    }


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _words(finding: Finding) -> str:
    identity = [f"{name} {value}" for name, value in finding.identity.as_dict().items() if value]
    known = {n: _plain(v) for n, v in finding.state.as_dict().items() if v is not None}
    round_trip = "?" if finding.round_trip_s is None else f"{finding.round_trip_s * 1000:.1f} ms"
    return "\n".join(
        (
            f"family      {finding.family} at {finding.port}",
            f"identity    {', '.join(identity) or 'it did not say'}",
            f"faults      {', '.join(finding.faults) or 'none'}",
            f"state       {', '.join(f'{name}={value}' for name, value in known.items()) or 'unknown'}",
            f"unknown     {', '.join(n for n, v in finding.state.as_dict().items() if v is None)}",
            f"round trip  {round_trip}",
            *(f"why         {reason}" for reason in finding.why),
        )
    )
