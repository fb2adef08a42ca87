"""`plomba-agent recovery-key`: make the key pair without which no backup opens. It never overwrites one."""

import argparse
import os
from pathlib import Path

from agent.backup.key import PUBLIC_MARK, SECRET_MARK, RecoverySecret, encode
from agent.cli.place import print_json
from protocols.errors import BackupError, RepositoryRefused

NAME = "recovery-key"
HELP = "make the key pair that opens backups; the secret half must never lie on a till"

_PUBLIC, _SECRET = "recovery.pub", "recovery.key"
_LOCKING_NOTE = "# Plomba recovery key {id}, public half: goes to every till. It can only lock, not open.\n"
_OPENING_NOTE = (
    "# Plomba recovery key {id}, SECRET half. Print it and keep two copies in two places.\n"
    "# Without it no backup can be restored, by nobody. Whoever has it can read every backup.\n"
    "# Letters, not case, dashes or spaces, count when it is typed from paper; the end is a checksum.\n"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="where the two files are written"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")


def run(args: argparse.Namespace) -> int:
    out: Path = args.out
    secret = RecoverySecret(os.urandom(32))
    public = secret.public
    try:
        _write(out, public.id, secret)
    except FileExistsError as e:
        raise RepositoryRefused(
            f"{e.filename} exists already; a recovery key is never overwritten", code="backup.key_exists"
        ) from e
    except OSError as e:
        raise BackupError(f"the key cannot be written to {out}: {e.strerror}", code="backup.target") from e
    if args.json:
        print_json({"ok": True, "id": public.id, "public": str(out / _PUBLIC), "secret": str(out / _SECRET)})
        return 0
    print(f"Recovery key {public.id}")
    print(f"  {out / _PUBLIC}  goes to every till (recovery_key in its configuration)")
    print(f"  {out / _SECRET}  opens the backups")
    print(f"Print {_SECRET} now, keep two copies in two places, and take the file off this machine.")
    print("Without it no backup can be restored, by nobody.")
    return 0


def _write(out: Path, key_id: str, secret: RecoverySecret) -> None:
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in (_PUBLIC, _SECRET):
        if (out / name).exists():
            raise FileExistsError(None, None, str(out / name))
    _new(out / _SECRET, _OPENING_NOTE.format(id=key_id) + encode(SECRET_MARK, secret.raw) + "\n", 0o600)
    _new(
        out / _PUBLIC, _LOCKING_NOTE.format(id=key_id) + encode(PUBLIC_MARK, secret.public.raw) + "\n", 0o644
    )


def _new(path: Path, text: str, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
