"""For whom a configured backup is locked: the company's recovery key, the customer's, and the one that backups are
proven with."""

from pathlib import Path

from agent.backup.key import RecoveryPublic, load_public, read_public
from agent.cli import wished
from agent.config import Backup, Config
from agent.config.reader import tables_in


def recipients(plan: Backup, file: Path, own: Config) -> list[RecoveryPublic]:
    """`own` is what `file` says. A key that stands there twice counts once."""
    paths = [path for path in (plan.recovery_key, plan.customer_key) if path]
    found = [load_public(path) for path in paths]
    verify = _verify_key(plan, file, own)
    return list(dict.fromkeys([*found, verify] if verify else found))


def _verify_key(plan: Backup, file: Path, own: Config) -> RecoveryPublic | None:
    if plan.verify_key != "collector":
        return load_public(plan.verify_key) if plan.verify_key else None
    _, standing = wished.standing_of(own.agent.state_dir, tables_in(file))
    wish = wished.config_of(standing, own).collector.verify_public
    return read_public(wish) if wish else None
