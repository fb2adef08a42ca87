"""`plomba-agent probe`: asks the device at one port that a person named. Read-only questions, nothing
else."""

import json
from argparse import ArgumentParser, Namespace
from datetime import datetime
from pathlib import Path

from agent.devices import profile_store
from agent.devices.prober import Finding, probe
from agent.runtime.clock import SystemClock
from protocols.device.registry import FAMILIES

NAME = "probe"
HELP = "Ask one device who it is and how it is. Only reads; a port that the cash program has is left alone."


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("port", help="/dev/ttyUSB0, COM3 or socket://HOST:PORT")
    parser.add_argument("--family", choices=sorted(FAMILIES), help="default: each family in turn")
    parser.add_argument("--baud", type=int, help="default: the speeds that the family usually has")
    parser.add_argument("--profiles", metavar="FOLDER", type=Path, help="a folder with profiles of your own")
    parser.add_argument("--json", action="store_true", help="answer in JSON")


def run(args: Namespace) -> int:
    families = [FAMILIES[args.family]] if args.family else list(FAMILIES.values())
    profiles = profile_store.load(args.profiles)
    bauds = (args.baud,) if args.baud else ()
    finding = probe(args.port, families, profiles, SystemClock(), bauds=bauds)
    print(json.dumps(_as_json(finding), ensure_ascii=False) if args.json else _words(finding))
    return 0


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
