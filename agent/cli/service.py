"""`plomba-agent service`: make the agent a service of this computer, take it out, or say how it is."""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from agent.config import default_path
from agent.runtime.service_manager import ServiceStatus, manager

NAME = "service"
HELP = "make the agent a service that starts with this computer, take it out, or say how it is"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="install|remove|status")
    install = actions.add_parser("install", help="start with the computer from now on, and start now")
    install.add_argument("--config", type=Path, help="the agent's configuration file")
    remove = actions.add_parser("remove", help="stop, and do not start again; keeps queue and configuration")
    for parser_of in (install, remove):
        parser_of.add_argument(
            "--dry-run", action="store_true", help="say what would be done, and do nothing"
        )
    status = actions.add_parser("status", help="0 where it runs, else 1")
    status.add_argument("--json", action="store_true", help="for a machine")
    if sys.platform == "win32":
        host = actions.add_parser("host", help="what Windows starts; nothing for people")
        host.add_argument("--config", type=Path, required=True, help="the agent's configuration file")


def run(args: argparse.Namespace) -> int:
    if args.action == "host":
        return _host(args.config)
    if args.action == "status":
        return _status(as_json=args.json)
    service = manager()
    if args.action == "install":
        config = (args.config or default_path()).absolute()
        if args.dry_run:
            return _plan(service.plan_install(config))
        service.install(config)
        print("The agent is a service now: `plomba-agent service status` says how it is.")
        return 0
    if args.dry_run:
        return _plan(service.plan_remove())
    service.remove()
    print("The agent is no service any more. Its queue, identity and configuration are as they were.")
    return 0


def _host(config: Path) -> int:
    if sys.platform != "win32":
        return 2
    from agent.runtime import windows_host  # noqa: PLC0415 - there is none elsewhere

    return windows_host.host(config)


def _plan(steps: tuple[str, ...]) -> int:
    print("\n".join(steps or ("nothing to do",)))
    return 0


def _status(*, as_json: bool) -> int:
    status = manager().status()
    if as_json:
        print(json.dumps(dataclasses.asdict(status)))
    else:
        print(_words(status))
    return 0 if status.running else 1


def _words(status: ServiceStatus) -> str:
    if not status.installed:
        return "The agent is no service of this computer; make it one: plomba-agent service install"
    running = {True: "runs", False: "does not run", None: "runs or not: unknown"}[status.running]
    starts = {True: "starts", False: "does not start", None: "starts or not: unknown"}[status.enabled]
    process = f", process {status.pid}" if status.pid else ""
    return f"The agent {running}{process}; it {starts} with the computer. {status.detail}".rstrip()
