"""`plomba-agent status`: what the running agent last wrote down. It talks to nobody and changes nothing."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from agent.config import default_path, load
from agent.runtime.clock import SystemClock
from agent.runtime.status import Status, read

NAME = "status"
HELP = "show who this till is, what waits for the collector, and when each device last answered"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, help="the agent's configuration file")
    parser.add_argument("--json", action="store_true", help="for a machine")


def run(args: argparse.Namespace) -> int:
    status = read(load(args.config or default_path()).agent.state_dir, SystemClock())
    if args.json:
        print(json.dumps(status, ensure_ascii=False, indent=2))
    else:
        print("\n".join(_lines(status)))
    return 0 if status["identity"] else 1


def _lines(status: Status) -> list[str]:
    who, spool, uplink = status["identity"], status["spool"], status["uplink"]
    lines = [
        f"Till: {who['name']} ({who['terminal']}) at {who['collector']}" if who else "Till: not enrolled yet"
    ]
    oldest = f", the oldest from {spool['oldest_at']}" if spool["oldest_at"] else ""
    lines.append(f"Waiting for the collector: {spool['messages']} messages{oldest}")
    if spool["quarantined"]:
        lines.append(
            f"Kept aside, unreadable for the collector: {spool['quarantined']} messages; tell the makers"
        )
    lines.append(f"Last receipt: {uplink.get('receipt_at', 'none yet')}")
    problem = uplink.get("problem")
    if isinstance(problem, Mapping):
        lines.append(f"Collector: {problem['text']} ({problem['code']}), since {problem['since']}")
    for name, device in status["devices"].items():
        reason = f": {device['reason']}" if device.get("reason") else ""
        last = device.get("last_good_at") or "never"
        lines.append(f"Device {name}: {device['contact']}{reason}, last good answer {last}")
    return lines
