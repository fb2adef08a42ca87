"""`plomba-agent recovery-key`: make the key pair without which no backup opens, whole or in three parts, and prove that
a key that is kept still opens old backups. It never overwrites a key."""

import argparse
import os
from pathlib import Path

from agent.backup.key import PUBLIC_MARK, SECRET_MARK, RecoverySecret, encode
from agent.backup.key_split import NEEDED, PARTS, split
from agent.backup.rehearsal import Tried, rehearse
from agent.cli.place import COLLECTOR, KEY_HELP, add_way, load_secrets, open_repository, print_json, way_of
from agent.runtime.clock import SystemClock
from protocols.errors import BackupError, ConfigError, RepositoryRefused
from protocols.wire.snapshot import SNAPSHOTS

NAME = "recovery-key"
HELP = "make the key pair that opens backups, or try one; the secret half must never lie on a till"

_PUBLIC, _SECRET, _PART = "recovery.pub", "recovery.key", "recovery.part{number}"
_LOCKING_NOTE = "# Plomba recovery key {id}, public half: goes to every till. It can only lock, not open.\n"
_OPENING_NOTE = (
    "# Plomba recovery key {id}, SECRET half. Print it and keep two copies in two places.\n"
    "# Without it no backup can be restored, by nobody. Whoever has it can read every backup.\n"
    "# Letters, not case, dashes or spaces, count when it is typed from paper; the end is a checksum.\n"
)
_PART_NOTE = (
    "# Plomba recovery key {id}, part {number} of {parts}. Any {needed} open every backup; one tells nothing.\n"
    "# Print it, keep each part with another person, and write down who has which.\n"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, metavar="DIR", help="make a key: where the files are written")
    how = f"with --out: in {PARTS} parts, any {NEEDED} of which open; there is no whole secret half then"
    parser.add_argument("--split", action="store_true", help=how)
    parser.add_argument(
        "--rehearse", action="store_true", help="try a kept key on the backups of a repository"
    )
    where = "with --rehearse: a folder, the collector's storage with all tills, or sftp://..."
    parser.add_argument("--repository", metavar="DIR", help=where)
    parser.add_argument(
        "--recovery-key", type=Path, action="append", metavar="PRIVATE", help=f"with --rehearse: {KEY_HELP}"
    )
    add_way(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")


def run(args: argparse.Namespace) -> int:
    if args.rehearse:
        return _rehearse(args)
    if args.out is None:
        raise ConfigError(
            "command line", "recovery-key", "needs --out DIR to make a key, or --rehearse to try one"
        )
    return _make(args)


def _make(args: argparse.Namespace) -> int:
    out: Path = args.out
    secret = RecoverySecret(os.urandom(32))
    files = _files(secret, parts=args.split)
    try:
        _write(out, files)
    except FileExistsError as e:
        raise RepositoryRefused(
            f"{e.filename} exists already; a recovery key is never overwritten", code="backup.key_exists"
        ) from e
    except OSError as e:
        raise BackupError(f"the key cannot be written to {out}: {e.strerror}", code="backup.target") from e
    secrets = [str(out / name) for name in files if name != _PUBLIC]
    if args.json:
        told = {"ok": True, "id": secret.public.id, "public": str(out / _PUBLIC)}
        print_json({**told, **({"parts": secrets} if args.split else {"secret": secrets[0]})})
        return 0
    print(f"Recovery key {secret.public.id}")
    print(f"  {out / _PUBLIC}  goes to every till (recovery_key in its configuration)")
    if args.split:
        print(f"  {', '.join(secrets)}  any {NEEDED} of these {PARTS} open the backups")
        print("Print each part now, give each to another person, and take the files off this machine.")
    else:
        print(f"  {secrets[0]}  opens the backups")
        print(f"Print {_SECRET} now, keep two copies in two places, and take the file off this machine.")
    print(
        "Without it no backup can be restored, by nobody. Try it once a year: plomba-agent recovery-key --rehearse"
    )
    return 0


def _files(secret: RecoverySecret, *, parts: bool) -> dict[str, str]:
    key_id = secret.public.id
    public = _LOCKING_NOTE.format(id=key_id) + encode(PUBLIC_MARK, secret.public.raw) + "\n"
    if not parts:
        whole = _OPENING_NOTE.format(id=key_id) + encode(SECRET_MARK, secret.raw) + "\n"
        return {_SECRET: whole, _PUBLIC: public}
    found = {}
    for number, line in enumerate(split(secret), 1):
        note = _PART_NOTE.format(id=key_id, number=number, parts=PARTS, needed=NEEDED)
        found[_PART.format(number=number)] = f"{note}{line}\n"
    return {**found, _PUBLIC: public}


def _write(out: Path, files: dict[str, str]) -> None:
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in (_PUBLIC, _SECRET, *(_PART.format(number=number) for number in range(1, PARTS + 1))):
        if (out / name).exists():
            raise FileExistsError(None, None, str(out / name))
    for name, text in files.items():
        _new(out / name, text, 0o644 if name == _PUBLIC else 0o600)


def _new(path: Path, text: str, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _rehearse(args: argparse.Namespace) -> int:
    if not args.repository or not args.recovery_key or args.repository == COLLECTOR:
        raise ConfigError(
            "command line", "recovery-key", "--rehearse needs --repository DIR and --recovery-key"
        )
    secret = load_secrets(args.recovery_key)
    tried = [one for place in _places(args.repository) for one in _of(place, secret, args)]
    bad = [one for one in tried if one.error]
    if args.json:
        rows = [{"snapshot": one.snapshot, "error": one.code, "message": one.error} for one in bad]
        print_json(
            {
                "ok": not bad and bool(tried),
                "id": secret.public.id,
                "opened": len(tried) - len(bad),
                "failed": rows,
            }
        )
    else:
        _tell(secret.public.id, tried, bad)
    return 0 if tried and not bad else 1


def _places(where: str) -> list[str]:
    """The folder, or each till's folder in a collector's storage."""
    folder = Path(where)
    if "://" in where or (folder / SNAPSHOTS).is_dir() or not folder.is_dir():
        return [where]
    return [str(one) for one in sorted(folder.iterdir()) if (one / SNAPSHOTS).is_dir()] or [where]


def _of(place: str, secret: RecoverySecret, args: argparse.Namespace) -> list[Tried]:
    return list(rehearse(open_repository(place, None, SystemClock(), way_of(args)), secret))


def _tell(key_id: str, tried: list[Tried], bad: list[Tried]) -> None:
    times = sorted(one.finished_at for one in tried if one.finished_at)
    if not tried:
        print("There is no backup to try the key on.")
        return
    print(f"Recovery key {key_id} opens {len(tried) - len(bad)} of {len(tried)} backups", end="")
    print(f", made from {times[0]:%Y-%m-%d} to {times[-1]:%Y-%m-%d}." if times else ".")
    for one in bad:
        print(f"  NOT {one.snapshot[:12]} ({one.terminal} {one.source}): {one.error}")
    if not bad:
        print("Put it back where it is kept. Write down that it was tried today.")
