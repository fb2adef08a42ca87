"""`plomba-agent run`: the resident agent in the foreground, for the service manager."""

import argparse
from pathlib import Path
from threading import Event

from agent.config import default_path
from agent.runtime import resident
from agent.runtime.stopping import stop_on_signal

NAME = "run"
HELP = "watch the till: the resident agent, in the foreground"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, help="the agent's configuration file")
    parser.add_argument("--wait", action="store_true", help="wait where the till is not enrolled yet")


def run(args: argparse.Namespace) -> int:
    stop = Event()
    stop_on_signal(stop)
    resident.leave(resident.run(args.config or default_path(), stop, wait=args.wait))
