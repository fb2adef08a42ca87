"""`plomba-agent run`: the resident agent in the foreground, for the service manager."""

import argparse
import logging
import sys
from pathlib import Path
from threading import Event

from agent.config import default_path, load
from agent.runtime.alone import AlreadyRunning, alone
from agent.runtime.clock import SystemClock
from agent.runtime.service import Service
from agent.runtime.stopping import stop_on_signal
from agent.uplink import identity

NAME = "run"
HELP = "watch the till: the resident agent, in the foreground"
_LATER = 75


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, help="the agent's configuration file")


def run(args: argparse.Namespace) -> int:
    config_file = args.config or default_path()
    config = load(config_file)
    logging.basicConfig(
        level=config.agent.log_level.upper(), format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    try:
        who = identity.load(config.agent.state_dir)
    except identity.NotEnrolled as e:
        print(f"{e} ({e.code})", file=sys.stderr)
        return _LATER
    stop = Event()
    stop_on_signal(stop)
    try:
        with alone(config.agent.state_dir):
            return Service(config, config_file.resolve(), who, SystemClock(), stop).run()
    except AlreadyRunning as e:
        print(f"{e} ({e.code})", file=sys.stderr)
        return _LATER
