"""The life of the resident agent from its configuration file to its end: what every service manager starts."""

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import NoReturn

from agent.clock import Clock
from agent.config import load
from agent.runtime import logs
from agent.runtime.alone import AlreadyRunning, alone
from agent.runtime.clock import SystemClock
from agent.runtime.configuring import Configuring
from agent.runtime.notify import Notify
from agent.runtime.service import Service
from agent.uplink import identity
from agent.uplink.identity import Identity

LATER = 75
LOOK_S = 10.0
"""How often a till that is not enrolled yet looks whether it is."""


def run(config_file: Path, stop: Event, *, wait: bool = False, service: bool = False) -> int:
    """Until `stop` is set; the exit code: 0 after a clean stop, 1 when the agent must be started anew, 75 where another
    one runs or the till is not enrolled. `wait`: for the till to be enrolled. `service`: nobody reads standard error.
    ConfigError where the file is wrong."""
    config = load(config_file)
    clock = SystemClock()
    logs.begin(config.agent.state_dir, config.agent.log_level, service=service)
    try:
        who = _enrolled(config.agent.state_dir, clock, stop if wait else None)
        if who is None:
            return 0
        with alone(config.agent.state_dir):
            return _runs(config_file.resolve(), config.agent.state_dir, who.terminal, clock, stop)
    except (identity.NotEnrolled, AlreadyRunning) as e:
        sys.stderr.write(f"{e} ({e.code})\n")
        return LATER
    finally:
        logs.end()


def leave(code: int) -> NoReturn:
    """End the process at once. What is durable is on the disk, and a thread that hangs in a driver of the system would
    hold any other end up."""
    with suppress(OSError, ValueError):  # nobody reads it any more
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _runs(config_file: Path, state_dir: Path, terminal: str, clock: Clock, stop: Event) -> int:
    """One run after another, each by the configuration that holds then."""
    configuring = Configuring(config_file, state_dir, terminal, clock)
    while True:
        config = configuring.begin()
        logging.getLogger().setLevel(config.agent.log_level.upper())
        who = identity.load(state_dir)
        service = Service(config, config_file, who, clock, stop, configuring=configuring)
        code = service.run()
        if code or stop.is_set() or not service.anew:
            return code


def _enrolled(state_dir: Path, clock: Clock, stop: Event | None) -> Identity | None:
    """None where it was told to stop before. NotEnrolled where there is no `stop` to wait for."""
    notify = Notify()
    told = False
    while True:
        try:
            return identity.load(state_dir)
        except identity.NotEnrolled as e:
            if stop is None:
                raise
            if not told:
                sys.stderr.write(f"{e} ({e.code}); the agent waits for that\n")
                notify.ready()
                told = True
        notify.alive()
        if clock.wait(stop, min(LOOK_S, (notify.watchdog_s or LOOK_S * 2) / 2)):
            return None
