"""The verify key: its secret half lies in this collector's home, its public half goes to tills with what is wished for
them. It opens only backups that a till locked for it, which the till's own file allows."""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.conf import settings

from collector.core.authority import write_private
from protocols.errors import ConfigError
from protocols.wire.key_text import PUBLIC_MARK, SECRET_MARK, BadKeyText, decode_line, encode, key_id

_NOTE = (
    "# Plomba verify key {id}, SECRET half. With it this collector restores backups, to prove them.\n"
    "# It is no recovery key: whoever takes this computer has it. It is never sent to a till.\n"
)


@dataclass(frozen=True, slots=True)
class VerifyKey:
    file: Path
    public: bytes

    @property
    def id(self) -> str:
        return key_id(self.public)

    @property
    def line(self) -> str:
        """As a till's configuration wants it."""
        return encode(PUBLIC_MARK, self.public)


def path() -> Path:
    return settings.CONFIG.path(settings.CONFIG.drills.key_file)


def verify_key() -> VerifyKey | None:
    """None where none was made. ConfigError where the file holds none."""
    file = path()
    try:
        lines = file.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(str(file), "verify key", f"cannot be read ({e})") from e
    line = next((one for one in lines if one.startswith(f"{SECRET_MARK} ")), "")
    try:
        raw = decode_line(SECRET_MARK, line)
    except BadKeyText as e:
        raise ConfigError(str(file), "verify key", str(e)) from e
    return VerifyKey(file, X25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw())


def make() -> VerifyKey:
    """A new one, unless one is there: that is never replaced, since older backups need it."""
    known = verify_key()
    if known:
        return known
    secret = X25519PrivateKey.generate()
    public = secret.public_key().public_bytes_raw()
    text = _NOTE.format(id=key_id(public)) + encode(SECRET_MARK, secret.private_bytes_raw()) + "\n"
    write_private(path(), text.encode())
    return VerifyKey(path(), public)
