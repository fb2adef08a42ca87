"""A recovery key in three parts, any two of which open it, as words that can be typed from paper: SLIP-39 by the
library of its authors. One part alone tells nothing; one that is lost takes nothing along."""

from collections.abc import Sequence
from pathlib import Path

from agent.backup.key import RecoverySecret
from protocols.errors import BackupError, ConfigError

PART_MARK = "PLOMBA-RECOVERY-PART-2"
PARTS, NEEDED = 3, 2


def split(secret: RecoverySecret) -> tuple[str, ...]:
    """One line for each part: the mark, the key's id, and the words."""
    from shamir_mnemonic import generate_mnemonics  # type: ignore[import-untyped]  # noqa: PLC0415 - seldom needed

    (words,) = generate_mnemonics(1, [(NEEDED, PARTS)], secret.raw, iteration_exponent=0)
    return tuple(f"{PART_MARK} {secret.public.id} {line}" for line in words)


def is_part(path: Path) -> bool:
    return any(line.startswith(f"{PART_MARK} ") for line in _lines(path))


def join(paths: Sequence[Path]) -> RecoverySecret:
    """ConfigError where they are not parts of one key, or not enough."""
    from shamir_mnemonic import MnemonicError, combine_mnemonics  # noqa: PLC0415 - see split

    parts = {_part(path) for path in paths}
    ids = {key_id for key_id, _ in parts}
    listed = " ".join(map(str, paths))
    if len(ids) != 1:
        raise ConfigError(listed, "recovery key", "are parts of different keys", ", ".join(sorted(ids)))
    if len(parts) < NEEDED:
        raise ConfigError(
            listed,
            "recovery key",
            f"is one part of a split key; {NEEDED} of {PARTS} are needed, each with --recovery-key",
        )
    try:
        secret = RecoverySecret(combine_mnemonics(sorted(words for _, words in parts)[:NEEDED]))
    except MnemonicError as e:
        raise ConfigError(listed, "recovery key", f"has a typing error: {e}") from e
    if {secret.public.id} != ids:
        raise BackupError("the parts give another key than they say", code="backup.wrong_recovery_key")
    return secret


def _part(path: Path) -> tuple[str, str]:
    for line in _lines(path):
        if line.startswith(f"{PART_MARK} "):
            _, key_id, *words = line.split()
            return key_id, " ".join(words).lower()
    raise ConfigError(str(path), "recovery key", f"holds no line that begins with {PART_MARK}")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(str(path), "recovery key", f"cannot be read ({e})") from e
