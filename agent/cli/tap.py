"""`plomba-agent tap`: the tap of one device, by hand or for systemd. The resident agent starts a tap by itself where
none runs; a tap of its own unit outlives the agent's."""

import os
import sys
from argparse import REMAINDER, ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from protocols.errors import ConfigError, PortGone

if TYPE_CHECKING:
    from agent.config import Device

NAME = "tap"
HELP = "run the tap of one device, show how it is, or take it out"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("device", nargs="?", help='the id of a device with sharing = "tap"')
    parser.add_argument("--config", type=Path, help="the agent's configuration file")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--show", action="store_true", help="say whether it runs, and what went through it")
    what.add_argument("--stop", action="store_true", help="end it; its link then leads to the printer itself")
    what.add_argument("--plain", nargs=REMAINDER, help="what the agent itself starts; needs no configuration")


def run(args: Namespace) -> int:
    if args.plain is not None:
        return _plain(args.plain)
    if not args.device:
        print("tap: name a device; `plomba-agent check` lists them", file=sys.stderr)
        return 2
    from agent.config import default_path, load  # noqa: PLC0415 - the plain tap has no room for it

    path = args.config or default_path()
    config = load(path)
    device = next((one for one in config.devices if one.id == args.device), None)
    if device is None or device.sharing != "tap":
        tapped = ", ".join(one.id for one in config.devices if one.sharing == "tap") or "none"
        raise ConfigError(str(path), f"device[{args.device}]", 'is no device with sharing = "tap"', tapped)
    if args.show:
        return _show(device, config.agent.state_dir)
    if args.stop:
        return _stop(device, config.agent.state_dir)
    return _run(device, config.agent.state_dir)


def _plain(arguments: list[str]) -> int:
    if sys.platform != "linux":
        print("tap: a tap works on Linux only", file=sys.stderr)
        return 2
    from agent.ports import tap_process  # noqa: PLC0415 - Linux only

    return tap_process.main(arguments)


def _run(device: "Device", state_dir: Path) -> int:
    """Becomes the small process: the configuration is not kept in memory beside it."""
    from agent.devices.tapped import plan_of  # noqa: PLC0415
    from protocols.device.registry import FAMILIES  # noqa: PLC0415

    command = plan_of(device, FAMILIES[device.family], state_dir).command(detach=False)
    os.execv(command[0], command)  # noqa: S606 - a fixed program of ours; never returns


def _show(device: "Device", state_dir: Path) -> int:
    from agent.ports import tap_client, tap_wire  # noqa: PLC0415
    from agent.ports.tap_start import control_of  # noqa: PLC0415

    said = tap_client.greeting(control_of(state_dir, device.id))
    states = {
        tap_wire.BACK: "is open",
        tap_wire.HELD: "is in use by another program",
        tap_wire.GONE: "is not there",
    }
    print(f"The tap of {device.id} runs (process {said.pid}); the cash program opens {device.tap_link}.")
    print(f"The printer's port {device.port} {states.get(said.printer, 'is not known')}.")
    print(f"Handed on: {said.host} bytes to the printer, {said.device} bytes from it.")
    if said.discarded:
        print(f"Sent while there was no printer, and lost as at a port of its own: {said.discarded} bytes.")
    return 0


def _stop(device: "Device", state_dir: Path) -> int:
    from agent.ports import tap_client  # noqa: PLC0415
    from agent.ports.tap_start import control_of  # noqa: PLC0415

    try:
        tap_client.stop(control_of(state_dir, device.id))
    except PortGone:
        print(f"The tap of {device.id} does not run.")
        return 0
    print(f"The tap of {device.id} has ended; {device.tap_link} leads to {device.port} itself.")
    print('Let the cash program open its port anew, and set sharing = "poll" before the agent starts again.')
    return 0
