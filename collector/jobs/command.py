"""`plomba-collector job ...`. Keys, lists and jobs are made and signed without a collector, from files; only `keep` and
`queue` need one."""

import argparse
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from pydantic import ValidationError

from collector.core import clock
from collector.jobs import offline
from protocols.errors import JobError
from protocols.wire.job import CATALOGUE, SignedJob, Type

Do = Callable[[argparse.Namespace], int]
LIST_DAYS, LIST_DAYS_MOST = 180, 400
MINUTES = 60


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    job = commands.add_parser("job", help="keys of operators, their list, and signed jobs")
    acts = job.add_subparsers(dest="act", required=True, metavar="ACT")
    root = _act(acts, "root", "make the company's root key, on a computer that is kept apart", _root)
    root.add_argument("--out", type=Path, required=True, metavar="DIR")
    key = _act(acts, "key", "make an operator's key", _key)
    key.add_argument("--out", type=Path, required=True, metavar="DIR")
    _operators_parser(acts)
    _sign_parser(acts)
    for name, text, do in (
        ("keep", "give this collector a signed list of operators", _keep),
        ("queue", "give this collector a signed job", _queue),
    ):
        here = _act(acts, name, text, do, offline_=False)
        here.add_argument("file", type=Path)


def _operators_parser(acts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    listed = _act(acts, "operators", "sign the list of operators with the root key", _operators)
    listed.add_argument(
        "people", type=Path, help="TOML with one [[operator]] table for each: name, key, may, valid_to"
    )
    listed.add_argument("--root", type=Path, required=True, metavar="FILE", help="root.key")
    listed.add_argument("--number", type=int, required=True, help="higher than that of every list before")
    listed.add_argument(
        "--days", type=_days, default=LIST_DAYS, help=f"how long it holds (default: {LIST_DAYS})"
    )
    listed.add_argument("--out", type=Path, required=True, metavar="FILE")


def _sign_parser(acts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    sign = _act(acts, "sign", "make and sign a job, or sign one that somebody else has signed", _sign)
    sign.add_argument("--key", type=Path, required=True, metavar="FILE", help="operator.key")
    sign.add_argument("--second", type=Path, metavar="FILE", help="a job that needs one more signature")
    sign.add_argument("--terminal", metavar="ID", help="the id that the till's page shows")
    sign.add_argument("--type", type=Type, choices=[*Type], metavar="TYPE", help=", ".join(Type))
    sign.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="one parameter")
    sign.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    sign.add_argument(
        "--minutes", type=int, default=MINUTES, help=f"how long it may wait (default: {MINUTES})"
    )
    sign.add_argument("--out", type=Path, required=True, metavar="FILE")


def _act(
    acts: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    text: str,
    do: Do,
    *,
    offline_: bool = True,
) -> argparse.ArgumentParser:
    parser = acts.add_parser(name, help=text, description=text)
    parser.set_defaults(do=do, offline=offline_)
    if offline_:
        parser.add_argument(
            "--passphrase-stdin", action="store_true", help="what locks the private key, on standard input"
        )
    return parser


def _root(arguments: argparse.Namespace) -> int:
    public = offline.make_key(arguments.out, "root", _passphrase(arguments))
    print("Into the configuration of every till that may be sent jobs:")
    print(f'[jobs]\ncompany_root = "{public}"')
    print(
        f"{arguments.out / 'root.key'} signs the lists of operators. Keep it apart; it never comes to a collector."
    )
    return 0


def _key(arguments: argparse.Namespace) -> int:
    public = offline.make_key(arguments.out, "operator", _passphrase(arguments))
    print(f"{public}\nGive this public key to whoever signs the list of operators.")
    return 0


def _operators(arguments: argparse.Namespace) -> int:
    root = offline.read_key(arguments.root, _passphrase(arguments))
    lasts = timedelta(days=arguments.days)
    signed = offline.sign_operators(arguments.people, root, arguments.number, clock.now(), lasts)
    arguments.out.write_text(signed.model_dump_json() + "\n", "utf-8")
    print(f"{arguments.out}: list {arguments.number}, for {arguments.days} days. Hand it to the collector.")
    return 0


def _sign(arguments: argparse.Namespace) -> int:
    key = offline.read_key(arguments.key, _passphrase(arguments))
    before = _read(arguments.second) if arguments.second else SignedJob(text=_new(arguments))
    print("\n".join(offline.describe(before.text)))
    signed = offline.sign(before, key)
    arguments.out.write_text(signed.model_dump_json() + "\n", "utf-8")
    print(f"signed    {arguments.out}")
    return 0


def _new(arguments: argparse.Namespace) -> str:
    if not arguments.terminal or not arguments.type:
        raise JobError("name --terminal and --type, or --second", code="job.parameters")
    lasts = min(timedelta(minutes=arguments.minutes), CATALOGUE[arguments.type].lasts)
    return offline.new_job(
        arguments.terminal,
        arguments.type,
        arguments.set,
        now=clock.now(),
        lasts=lasts,
        dry_run=arguments.dry_run,
    )


def _read(file: Path) -> SignedJob:
    try:
        return SignedJob.model_validate_json(file.read_bytes())
    except ValidationError as e:
        raise JobError(f"{file} is no signed job", code="job.malformed") from e


def _keep(arguments: argparse.Namespace) -> int:
    from collector.jobs import operators  # noqa: PLC0415 - after setup

    listed = operators.keep(arguments.file.read_bytes(), clock.now())
    print(f"list {listed.number} is kept: {', '.join(one.name for one in listed.operators)}")
    return 0


def _queue(arguments: argparse.Namespace) -> int:
    from collector.jobs import desk  # noqa: PLC0415 - after setup

    row = desk.keep(desk.parsed(arguments.file.read_bytes()), clock.now())
    print(f"{row.pk} is {row.state}")
    return 0


def _passphrase(arguments: argparse.Namespace) -> str:
    return sys.stdin.readline().rstrip("\n") if arguments.passphrase_stdin else ""


def _days(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= LIST_DAYS_MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; give days from 1 to {LIST_DAYS_MOST}")
    return int(text)
