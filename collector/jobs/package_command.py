"""`plomba-collector package ...`: the packages of the agent that tills can be updated to."""

import argparse
from pathlib import Path

from collector.jobs import packages


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "packages of the agent that tills can be updated to"
    acts = commands.add_parser("package", help=text, description=text).add_subparsers(
        dest="act", required=True, metavar="ACT"
    )
    add = acts.add_parser("add", help="keep one, so that tills can fetch it")
    add.add_argument("file", type=Path, help="plomba-agent_VERSION_ARCHITECTURE.deb")
    add.set_defaults(do=_add)
    acts.add_parser("list", help="those that are kept").set_defaults(do=_list)
    remove = acts.add_parser("remove", help="keep one no longer")
    remove.add_argument("sha256")
    remove.set_defaults(do=_remove)


def _add(arguments: argparse.Namespace) -> int:
    one = packages.add(arguments.file)
    print(
        f"kept: version {one.version} for {one.architecture}, {one.size >> 20} MiB\nFor the job that installs it:"
    )
    print(f"--type update --set version={one.version} --set sha256={one.sha256}")
    return 0


def _list(_arguments: argparse.Namespace) -> int:
    for one in packages.kept():
        print(f"{one.version:<12} {one.architecture:<8} {one.size >> 20:>4} MiB  {one.sha256}")
    return 0


def _remove(arguments: argparse.Namespace) -> int:
    packages.remove(arguments.sha256)
    print("removed; tills that have fetched it keep it until their next update")
    return 0
