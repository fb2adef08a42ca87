"""What every emulator takes on its command line: a model, faults and behaviours by name, and a list of them. Where
it stands is for the emulator to say."""

import argparse
import sys
from typing import Any, NoReturn, TypeVar

from tests.emulators.machine import LINE_BEHAVIOURS, WORDS, Machine, Unknown

Made = TypeVar("Made", bound=Machine)


def parser_of(make: type[Machine]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m tests.emulators.{make.family}",
        description=f"An emulated device of the family {make.family}.",
    )
    parser.add_argument("--model", default="", help=f"the usual one is {make.models[0]}")
    parser.add_argument("--fault", action="append", default=[], help="may be given again")
    parser.add_argument("--behaviour", action="append", default=[], metavar="NAME[=VALUE]", help="as well")
    return parser


def add_list(where: Any) -> None:
    """`where`: the group of the places where it can stand, for a list needs none."""
    where.add_argument("--list", action="store_true", help="show the models, faults and behaviours")


def made(make: type[Made], parser: argparse.ArgumentParser, args: argparse.Namespace) -> Made:
    """The device that was asked for, which tells on standard error of each command that a monitor must never send, as
    it comes. Ends the process: after the list with 0, for a name that it does not have with 2 and the known
    names."""
    if args.list:
        sys.stdout.write(listing(make))
        sys.exit(0)
    try:
        machine = make(args.model)
        machine.set_faults(dict.fromkeys(args.fault, True))
        machine.set_behaviour(dict(map(_named, args.behaviour)))
    except Unknown as e:
        parser.error(str(e))
    machine.report = lambda command: _tell(f"{machine.family}: forbidden: {command}")
    return machine


def only_list(make: type[Machine], reason: str) -> NoReturn:
    """For a device that has no line on which a person could put it."""
    parser = parser_of(make)
    add_list(parser)
    args = parser.parse_args()
    made(make, parser, args)
    parser.error(f"it cannot be run by hand: {reason}")


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def listing(make: type[Machine]) -> str:
    """Models, faults and behaviours, for people."""
    return "\n".join(
        [
            f"{make.family}: models",
            *(f"  {name}{' (if none is named)' * (name == make.models[0])}" for name in make.models),
            "faults",
            *(f"  {name}" for name in make.faults_known),
            "behaviours",
            *(f"  {name:<20} {WORDS.get(name, '')}" for name in (*LINE_BEHAVIOURS, *make.behaviours_known)),
            "",
        ]
    )


def _named(text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    try:
        return name, int(value or "1", 0)
    except ValueError:
        raise Unknown(f"{text}: the value of a behaviour is a whole number") from None


def address(text: str) -> tuple[str, int]:
    """HOST:PORT; without a host this machine alone."""
    host, _, port = text.rpartition(":")
    return host or "127.0.0.1", int(port)
