"""Who this terminal is: an Ed25519 key made here, and the collector it belongs to. The private key never
leaves."""

import base64
import hashlib
import json
import logging
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from agent.uplink.key_store import read_key, write_key, write_private
from protocols.errors import UplinkError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    Key = Ed25519PrivateKey

IDENTITY_FILE = "identity.json"
"""Names the two others, which carry the terminal's id: a new identity never touches the files of the old
one."""
ENROLLING_FILE = "enrolling.key"
NEXT_FILE = "next.key"
"""A key that the collector was asked to take, and may have taken."""
_OWN = (".key", ".ca.pem")
_LIBRARY = "cryptography.hazmat.primitives.asymmetric.ed25519"

log = logging.getLogger(__name__)


class NotEnrolled(UplinkError):
    code = "uplink.not_enrolled"


@dataclass(frozen=True, slots=True)
class Identity:
    """`name`, `site` and `customer` are what the collector called the terminal at enrolment."""

    terminal: str
    collector: str
    ca_file: Path
    key: "Ed25519PrivateKey"
    name: str = ""
    site: str = ""
    customer: str = ""


def public_key(key: "Ed25519PrivateKey") -> str:
    """The raw public key in base64url without padding."""
    return _text(key.public_key().public_bytes_raw())


def make_key(state_dir: Path) -> "Ed25519PrivateKey":
    """The key for an enrolment, made if there is none. One that broke off goes on with the same key, so that
    the collector can tell the second try from a second terminal."""
    return _made(state_dir / ENROLLING_FILE)


def save(state_dir: Path, identity: Identity, ca_pem: bytes) -> None:
    """Keep who we are. The identity file changes last and at once: before it the old identity holds, after
    it the new one, whole."""
    write_private(identity.ca_file, ca_pem)
    _keep(state_dir, identity, state_dir / f"{identity.terminal}{_OWN[0]}")


def _keep(state_dir: Path, identity: Identity, key_file: Path) -> None:
    """Everything that is not this identity's goes at the end."""
    write_key(key_file, identity.key.private_bytes_raw())
    facts = {name: getattr(identity, name) for name in ("terminal", "collector", "name", "site", "customer")}
    facts |= {"key": key_file.name, "ca": identity.ca_file.name}
    write_private(state_dir / IDENTITY_FILE, json.dumps(facts, indent=2, ensure_ascii=False).encode())
    (state_dir / ENROLLING_FILE).unlink(missing_ok=True)
    for file in state_dir.iterdir():
        if file.name.endswith(_OWN) and file.name not in (key_file.name, identity.ca_file.name):
            file.unlink()


def next_key(state_dir: Path, known: Identity) -> "Ed25519PrivateKey | None":
    """The key that the collector was asked to take, if there is one. One that has become ours goes, and one that
    cannot be read: it is of no use to anybody."""
    file = state_dir / NEXT_FILE
    if not file.exists():
        return None
    try:
        key = _load_key(file)
    except ValueError as e:
        log.warning("the next key of this terminal is damaged (%s): it goes", e)
    else:
        if public_key(key) != public_key(known.key):
            return key
    file.unlink()
    return None


def make_next_key(state_dir: Path) -> "Ed25519PrivateKey":
    """Kept before anybody hears of it."""
    return _made(state_dir / NEXT_FILE)


def adopt(state_dir: Path, known: Identity, key: "Ed25519PrivateKey") -> Identity:
    """The collector has taken this key. The identity file changes at once, whatever ends the program here: before
    it the old key holds and the new one is kept as the next, after it the new one holds."""
    adopted = replace(known, key=key)
    mark = hashlib.sha256(key.public_key().public_bytes_raw()).hexdigest()[:12]
    _keep(state_dir, adopted, state_dir / f"{known.terminal}.{mark}{_OWN[0]}")
    return adopted


def ca_file(state_dir: Path, terminal: str) -> Path:
    return state_dir / f"{terminal}{_OWN[1]}"


def load(state_dir: Path) -> Identity:
    """NotEnrolled where there is none yet, or where what is there cannot be read."""
    try:
        facts = json.loads((state_dir / IDENTITY_FILE).read_text("utf-8"))
        if not isinstance(facts, dict):
            raise ValueError("it is no table")
        texts = {name: str(facts.get(name, "")) for name in ("name", "site", "customer")}
        return Identity(
            terminal=str(facts["terminal"]),
            collector=str(facts["collector"]),
            ca_file=state_dir / str(facts["ca"]),
            key=_load_key(state_dir / str(facts["key"])),
            **texts,
        )
    except FileNotFoundError as e:
        raise NotEnrolled(
            "this till is not enrolled yet; get a code from the collector and run: plomba-agent enrol"
        ) from e
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise NotEnrolled(f"the identity of this till cannot be read ({e}); enrol it again") from e


def _made(file: Path) -> "Ed25519PrivateKey":
    if file.exists():
        return _load_key(file)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - see system_key

    key = Ed25519PrivateKey.generate()
    write_key(file, key.private_bytes_raw())
    return key


def _load_key(file: Path) -> "Ed25519PrivateKey":
    raw = read_key(file)
    if _LIBRARY in sys.modules:  # a process that has it, as that of a backup, needs no second OpenSSL to sign
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - see above

        return Ed25519PrivateKey.from_private_bytes(raw)
    from agent.uplink import system_key  # noqa: PLC0415 - see above

    return system_key.load(raw)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
