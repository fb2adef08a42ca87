"""`plomba-collector knowledge ...`: the shipped articles."""

import argparse
import json
from dataclasses import asdict

from collector.core import clock


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    knowledge = commands.add_parser("knowledge", help="the articles that Plomba ships")
    acts = knowledge.add_subparsers(dest="act", required=True, metavar="ACT")
    text = "bring new and newer shipped articles in; what people have changed stays as it is"
    sync = acts.add_parser("sync", help=text, description=text)
    sync.set_defaults(do=_sync)
    sync.add_argument("--json", action="store_true")


def _sync(arguments: argparse.Namespace) -> int:
    from collector.knowledge.sync import sync  # noqa: PLC0415 - after setup

    done = sync(clock.now())
    if arguments.json:
        print(json.dumps(asdict(done)))
        return 0
    print(f"{done.new} new, {done.renewed} renewed, {done.unchanged} as they were")
    if done.waiting:
        print(f"{done.waiting} changed by people and shipped anew: compare them on the page Knowledge")
    return 0
