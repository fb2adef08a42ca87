"""`plomba-agent status`: what the running agent last wrote down. It talks to nobody and changes nothing."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from agent.backup.progress import describe
from agent.cli import wished
from agent.cli.month import line_of
from agent.config import default_path, load
from agent.config.reader import tables_in
from agent.runtime.backup_month import going, use_of
from agent.runtime.clock import SystemClock
from agent.runtime.status import Status, read
from agent.spool import Json

NAME = "status"
HELP = "show who this till is, what waits for the collector, and when each device last answered"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, help="the agent's configuration file")
    parser.add_argument("--json", action="store_true", help="for a machine")


def run(args: argparse.Namespace) -> int:
    path = args.config or default_path()
    config = load(path)
    status = read(config.agent.state_dir, SystemClock())
    found, standing = wished.standing_of(config.agent.state_dir, tables_in(path))
    status["configuration"] = wished.facts(found, standing)
    if not (config.relay.use or config.relay.serve):
        status["course"] = {}
    now = SystemClock().now()
    running, use = going(config, now), use_of(config, now)
    if args.json:
        told = {name: {**asdict(one.reading), "at": one.at.isoformat()} for name, one in running.items()}
        month = {**asdict(use), "left": use.left, "near": use.near} if use else None
        print(
            json.dumps(
                {**status, "backups_running": told, "backup_traffic": month}, ensure_ascii=False, indent=2
            )
        )
    else:
        lines = [f"Backup {name}: {describe(one.reading).strip()}" for name, one in running.items()]
        lines += [line_of(use)] if use else []
        print("\n".join([*_lines(status), *lines, *wished.head(found, standing)]))
    return 0 if status["identity"] else 1


NEXT = {
    "terminal.waiting": "Everything is kept here. Ask a technician to approve this till on the page Enrol a till.",
    "terminal.quarantined": "Everything is kept here. Ask a technician to choose on the till's page which is the till.",
    "terminal.unknown": "Everything is kept here. Enrol this till anew: plomba-agent enrol --replace",
    "signature.invalid": "Everything is kept here. The collector knows another key for this till; if this computer is"
    " a copy of a till, enrol it as one of its own: plomba-agent enrol --replace",
}
"""What a person does about a refusal, where there is something to do here."""


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
        lines += [f"  {NEXT[code]}" for code in (str(problem["code"]),) if code in NEXT]
    lines += _course_lines(status["course"])
    for name, device in status["devices"].items():
        lines += _device_lines(name, device)
    lines += [f"This computer: {name} is unknown: {why}" for name, why in status["unknown"].items()]
    return lines


DEAD = {
    "own_way": "this till's own way is dead",
    "lan": "the LAN or this till's cable is dead",
    "line": "the line of the shop is dead",
    "collector": "the collector is dead",
    "unknown": "nobody knows yet what is dead",
}


def _course_lines(course: Mapping[str, Json]) -> list[str]:
    """By which way reports go, where there is more than one."""
    if not course:
        return []
    by = f"through {course['relay']} ({course['address']})" if course["relay"] else "by this till's own way"
    since = f" since {_time(course['since'])}" if course["since"] else ""
    lines = [f"The last report went {by}{since}" if since else "No report went yet since the agent started"]
    if course["dead"]:
        dead = DEAD.get(str(course["dead"]), course["dead"])
        lines.append(f"  {dead}, since {_time(course['dead_since'])}: {course['reason']}")
    return lines


CONTACT = {
    "ok": "answers",
    "in_use": "in use by another program, which is well and gets no question from us",
    "no_reply": "does not answer",
    "missing": "its port is not there",
    "denied": "the system does not let the agent open its port",
    "mismatch": "another kind of device answers",
    "unknown": "could not be read",
}


def _device_lines(name: str, device: Mapping[str, Json]) -> list[str]:
    """What was last written down, which is done once a minute where nothing changes."""
    contact = str(device.get("contact"))
    since = f" (since {_time(device['since'])})" if device.get("since") else ""
    reason = f": {device['reason']}" if device.get("reason") else ""
    lines = [f"Device {name}: {CONTACT.get(contact, contact)}{since}{reason}"]
    age_s = device.get("last_good_age_s")
    if isinstance(age_s, int | float):
        lines.append(f"  last good answer {_age(age_s)} ago, at {_time(device.get('last_good_at'))}")
    else:
        lines.append("  no good answer yet")
    unknown = device.get("unknown")
    if isinstance(unknown, Mapping):
        lines += [f"  {code} is unknown: {why}" for code, why in unknown.items()]
    return lines


def _age(seconds: float) -> str:
    for unit_s, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit_s:
            return f"{seconds // unit_s:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _time(text: object) -> str:
    """The till's local time."""
    return datetime.fromisoformat(str(text)).astimezone().strftime("%Y-%m-%d %H:%M:%S")
