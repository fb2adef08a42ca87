"""Recovery keys as people keep them, and the fresh data key of one snapshot. The till never holds a recovery
secret."""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from protocols.errors import BackupError, ConfigError, IntegrityError
from protocols.wire.key_text import (
    KEY_BYTES,
    PUBLIC_MARK,
    SECRET_MARK,
    BadKeyText,
    decode,
    decode_line,
    encode,
    key_id,
)
from protocols.wire.snapshot import KeySlot

__all__ = [
    "PUBLIC_MARK",
    "SECRET_MARK",
    "DataKey",
    "KeyRing",
    "RecoveryPublic",
    "RecoverySecret",
    "encode",
    "load_public",
    "load_secret",
    "new_data_key",
    "open_data_key",
    "read_public",
]

_SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


@dataclass(frozen=True, slots=True)
class RecoveryPublic:
    raw: bytes

    @property
    def id(self) -> str:
        return key_id(self.raw)


@dataclass(frozen=True, slots=True, repr=False)
class RecoverySecret:
    raw: bytes

    @property
    def public(self) -> RecoveryPublic:
        return RecoveryPublic(X25519PrivateKey.from_private_bytes(self.raw).public_key().public_bytes_raw())


@dataclass(frozen=True, slots=True, repr=False)
class DataKey:
    """The key of one snapshot and its wrapped copies. Lives in memory only: a run that dies takes it along,
    so that no counter is ever used twice under one key."""

    key: bytes
    run: bytes
    terminal: str
    slots: tuple[KeySlot, ...]


def new_data_key(terminal: str, recipients: Sequence[RecoveryPublic]) -> DataKey:
    key, run = os.urandom(KEY_BYTES), os.urandom(16)
    info = _info(terminal, run)
    slots = tuple(KeySlot(id=to.id, wrapped=_wrap(key, to, info)) for to in recipients)
    return DataKey(key, run, terminal, slots)


def open_data_key(secret: RecoverySecret, terminal: str, run: bytes, slots: Sequence[KeySlot]) -> DataKey:
    """BackupError `backup.wrong_recovery_key` where no slot is for this key; IntegrityError where the slot is
    bad."""
    mine = secret.public.id
    for slot in slots:
        if slot.id == mine:
            return DataKey(_unwrap(secret, slot, _info(terminal, run)), run, terminal, tuple(slots))
    wanted = ", ".join(slot.id for slot in slots)
    raise BackupError(
        f"this recovery key ({mine}) does not open the backup; it was made for: {wanted}",
        code="backup.wrong_recovery_key",
    )


class KeyRing:
    """Opens the data keys of runs with one recovery key, each once."""

    def __init__(self, secret: RecoverySecret) -> None:
        self._secret = secret
        self._opened: dict[tuple[str, bytes, tuple[KeySlot, ...]], DataKey] = {}

    def open(self, terminal: str, run: bytes, slots: Sequence[KeySlot]) -> DataKey:
        """As `open_data_key`."""
        known = (terminal, run, tuple(slots))
        if known not in self._opened:
            self._opened[known] = open_data_key(self._secret, terminal, run, slots)
        return self._opened[known]


def load_public(path: Path) -> RecoveryPublic:
    return RecoveryPublic(_load(path, PUBLIC_MARK))


def read_public(line: str) -> RecoveryPublic:
    """A whole line, as the collector's wishes bring it. BadKeyText."""
    return RecoveryPublic(decode_line(PUBLIC_MARK, line))


def load_secret(path: Path) -> RecoverySecret:
    return RecoverySecret(_load(path, SECRET_MARK))


def _load(path: Path, mark: str) -> bytes:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(str(path), "recovery key", f"cannot be read ({e})") from e
    for line in lines:
        if line.startswith(f"{mark} "):
            try:
                return decode(mark, line.removeprefix(mark))
            except BadKeyText as e:
                raise ConfigError(str(path), "recovery key", str(e)) from e
    if mark == SECRET_MARK and any(line.startswith(PUBLIC_MARK) for line in lines):
        raise ConfigError(str(path), "recovery key", "is the public half; a restore needs recovery.key")
    if mark == PUBLIC_MARK and any(line.startswith(SECRET_MARK) for line in lines):
        raise ConfigError(
            str(path), "recovery key", "is the secret half, which must never lie on a till; use recovery.pub"
        )
    raise ConfigError(str(path), "recovery key", f"holds no line that begins with {mark}")


def _info(terminal: str, run: bytes) -> bytes:
    return b"plomba data key 2\0" + terminal.encode() + b"\0" + run


def _wrap(key: bytes, to: RecoveryPublic, info: bytes) -> str:
    wrapped = _SUITE.encrypt(key, X25519PublicKey.from_public_bytes(to.raw), info)
    return base64.urlsafe_b64encode(wrapped).rstrip(b"=").decode()


def _unwrap(secret: RecoverySecret, slot: KeySlot, info: bytes) -> bytes:
    try:
        wrapped = base64.b64decode(
            slot.wrapped + "=" * (-len(slot.wrapped) % 4), altchars=b"-_", validate=True
        )
        key = _SUITE.decrypt(wrapped, X25519PrivateKey.from_private_bytes(secret.raw), info)
    except (InvalidTag, ValueError) as e:
        raise IntegrityError("the wrapped data key is damaged") from e
    if len(key) != KEY_BYTES:
        raise IntegrityError("the wrapped data key has a wrong length")
    return key
