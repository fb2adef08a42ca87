"""`plomba-collector verify-key` and `plomba-collector drill`: the key that backups are proven with, and a proof now."""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from protocols.errors import RepositoryRefused

if TYPE_CHECKING:
    from collector.backups.drilling_by_hand import Row

DONE, FAILED, LATER = 0, 1, 75
_NOTHING = "no backup of that till or name lies here"
_SIGNS = {"proven": "PROVEN    ", "failed": "NOT PROVEN", "unproven": "unproven  "}


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "make the key that backups are proven with, or show its public half"
    key = commands.add_parser("verify-key", help=text, description=text)
    key.add_argument("--json", action="store_true")
    key.set_defaults(do=_key)
    text = "restore the newest backups in a sandbox here and compare them, now"
    drill = commands.add_parser("drill", help=text, description=text)
    drill.add_argument("--terminal", default="", metavar="ID", help="default: all tills")
    drill.add_argument("--source", default="", metavar="NAME", help="which backup; default: all")
    drill.add_argument("--by", default="", metavar="NAME", help="who asks for it; it stands in the evidence")
    only = "restore nothing: only look whether every object is whole, signed, and followed by the next"
    drill.add_argument("--objects", action="store_true", help=only)
    drill.add_argument("--json", action="store_true")
    drill.set_defaults(do=_drill)


def _key(arguments: argparse.Namespace) -> int:
    from collector.backups import drilling_key  # noqa: PLC0415 - after setup

    key = drilling_key.make()
    if arguments.json:
        print(json.dumps({"id": key.id, "file": str(key.file), "verify_public": key.line}))
        return DONE
    print(f"Verify key {key.id}; its secret half is {key.file}, and stays there.")
    print("Write this on the page Configuration, for a customer, a shop or a till:\n")
    print(f'[collector]\nverify_public = "{key.line}"\n')
    print('It counts for backups in whose [[backup]] the till\'s own file says: verify_key = "collector"')
    return DONE


def _drill(arguments: argparse.Namespace) -> int:
    if arguments.objects:
        return _objects(arguments)
    from collector.backups.drilling_by_hand import drills  # noqa: PLC0415 - after setup

    rows = []
    for row in drills(arguments.terminal, arguments.source, arguments.by or "command line"):
        rows.append(row)
        if not arguments.json:
            print(_line(row), flush=True)
    if not rows:
        raise RepositoryRefused(_NOTHING, code="backup.no_snapshot")
    if arguments.json:
        told = [asdict(row) for row in rows]
        print(
            json.dumps(
                {"ok": all(row.outcome == "proven" for row in rows), "drills": told}, ensure_ascii=False
            )
        )
    outcomes = {row.outcome for row in rows}
    return FAILED if "failed" in outcomes else LATER if "unproven" in outcomes else DONE


def _objects(arguments: argparse.Namespace) -> int:
    from collector.backups.drilling_by_hand import checks  # noqa: PLC0415 - after setup

    found, objects, size = [], 0, 0
    looked = list(checks(arguments.terminal))
    if not looked:
        raise RepositoryRefused(_NOTHING, code="backup.no_snapshot")
    for till, checked in looked:
        objects, size = objects + checked.objects, size + checked.bytes
        found += [{"terminal": till.pk, "till": till.name, **asdict(one)} for one in checked.findings]
    if arguments.json:
        told = {"ok": not found, "objects": objects, "bytes": size, "findings": found}
        print(json.dumps(told, ensure_ascii=False))
    else:
        for row in found:
            print(f"WRONG {row['till']} {row['name']}: {row['text']} ({row['code']})")
        print(f"{objects} objects, {size / 1e6:.1f} MB: {len(found) or 'nothing'} wrong")
    return FAILED if found else DONE


def _line(row: "Row") -> str:
    what = f"{_SIGNS[row.outcome]} {row.till} {row.source} {row.snapshot[:12]}"
    if row.outcome == "proven":
        return f"{what}: restored and compared in {row.duration_s:.1f} s, {row.facts} facts equal"
    return f"{what}: {row.reason} ({row.code})"
