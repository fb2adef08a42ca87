"""`plomba-collector hold ...`: what must not be removed of a till's backups, and until when."""

import argparse
import json

from collector.core import clock
from protocols.errors import RepositoryRefused


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    hold = commands.add_parser("hold", help="keep backups from being removed")
    acts = hold.add_subparsers(dest="act", required=True, metavar="ACT")
    begin = acts.add_parser("begin", help="from now on nothing of this till is removed")
    begin.add_argument("--terminal", required=True, metavar="ID")
    begin.add_argument("--source", default="", help="which backup is meant; default: all of the till")
    begin.add_argument("--reason", required=True, help="who asked for it, and where that is written")
    begin.add_argument("--by", required=True, help="who says so")
    begin.set_defaults(do=_begin)
    end = acts.add_parser("end", help="it may be removed again as the rules say")
    end.add_argument("number", type=int)
    end.add_argument("--by", required=True, help="who says so")
    end.add_argument("--reason", default="", help="why it need not be held any more")
    end.set_defaults(do=_end)
    listed = acts.add_parser("list", help="what is held now")
    listed.add_argument("--json", action="store_true")
    listed.set_defaults(do=_list)


def _begin(arguments: argparse.Namespace) -> int:
    from collector.backups import holds  # noqa: PLC0415 - after setup
    from collector.inventory.models import Terminal  # noqa: PLC0415

    terminal = Terminal.objects.filter(pk=arguments.terminal).first()
    if terminal is None:
        raise RepositoryRefused(f"there is no terminal {arguments.terminal}", code="backup.terminal")
    made = holds.hold(
        terminal, arguments.source, why="legal", reason=arguments.reason, by=arguments.by, now=clock.now()
    )
    print(
        f"Held as number {made.pk}. Nothing of {terminal.name} is removed until: plomba-collector hold end {made.pk}"
    )
    return 0


def _end(arguments: argparse.Namespace) -> int:
    from collector.backups import holds  # noqa: PLC0415 - after setup
    from collector.backups.models import Hold  # noqa: PLC0415

    one = Hold.objects.filter(pk=arguments.number, ended_at=None).first()
    if one is None:
        raise RepositoryRefused(f"nothing is held under number {arguments.number}", code="backup.no_hold")
    holds.release(one, arguments.by, clock.now(), arguments.reason)
    print(f"Number {one.pk} is not held any more. What the rules let go is removed after its days of grace.")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    from collector.backups.models import Hold  # noqa: PLC0415 - after setup

    rows = [
        {
            "number": one.pk,
            "terminal": one.terminal_id,
            "till": one.terminal.name,
            "source": one.source,
            "why": one.why,
            "reason": one.reason,
            "by": one.by,
            "since": one.since.isoformat(),
        }
        for one in Hold.objects.filter(ended_at=None).select_related("terminal")
    ]
    if arguments.json:
        print(json.dumps({"holds": rows}, ensure_ascii=False))
        return 0
    for row in rows:
        print(
            f"{row['number']}  {row['till']}  {row['source'] or 'all'}  {row['why']}: {row['reason']} ({row['since']})"
        )
    if not rows:
        print("Nothing is held.")
    return 0
