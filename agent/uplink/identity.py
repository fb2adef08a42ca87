"""Who this terminal is: an Ed25519 key made here, and the collector it belongs to. The private key never
leaves."""

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import UplinkError

IDENTITY_FILE = "identity.json"
"""Names the two others, which carry the terminal's id: a new identity never touches the files of the old
one."""
ENROLLING_FILE = "enrolling.key"
_OWN = (".key", ".ca.pem")


class NotEnrolled(UplinkError):
    code = "uplink.not_enrolled"


@dataclass(frozen=True, slots=True)
class Identity:
    """`name`, `site` and `customer` are what the collector called the terminal at enrolment."""

    terminal: str
    collector: str
    ca_file: Path
    key: Ed25519PrivateKey
    name: str = ""
    site: str = ""
    customer: str = ""


def public_key(key: Ed25519PrivateKey) -> str:
    """The raw public key in base64url without padding."""
    return _text(key.public_key().public_bytes_raw())


def make_key(state_dir: Path) -> Ed25519PrivateKey:
    """The key for an enrolment, made if there is none. One that broke off goes on with the same key, so that
    the collector can tell the second try from a second terminal."""
    file = state_dir / ENROLLING_FILE
    if file.exists():
        return _load_key(file)
    key = Ed25519PrivateKey.generate()
    write_private(file, _text(key.private_bytes_raw()).encode())
    return key


def save(state_dir: Path, identity: Identity, ca_pem: bytes) -> None:
    """Keep who we are. The identity file changes last and at once: before it the old identity holds, after
    it the new one, whole."""
    key_file = state_dir / f"{identity.terminal}{_OWN[0]}"
    write_private(key_file, _text(identity.key.private_bytes_raw()).encode())
    write_private(identity.ca_file, ca_pem)
    facts = {name: getattr(identity, name) for name in ("terminal", "collector", "name", "site", "customer")}
    facts |= {"key": key_file.name, "ca": identity.ca_file.name}
    write_private(state_dir / IDENTITY_FILE, json.dumps(facts, indent=2, ensure_ascii=False).encode())
    (state_dir / ENROLLING_FILE).unlink(missing_ok=True)
    for file in state_dir.iterdir():
        if file.name.endswith(_OWN) and file.name not in (key_file.name, identity.ca_file.name):
            file.unlink()


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


def _load_key(file: Path) -> Ed25519PrivateKey:
    """The raw key in base64url. Not PEM: its reader alone would cost the resident agent 3 MiB of memory."""
    return Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(file.read_bytes().strip() + b"="))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def write_private(file: Path, content: bytes) -> None:
    """Readable by this account only, whole or not there at all, and on the disk when this returns."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(fd, "wb") as f:
            f.write(content)
            f.flush()
            os.fsync(f.fileno())
        part.replace(file)
    except OSError as e:
        part.unlink(missing_ok=True)
        raise OSError(e.errno, e.strerror, str(file)) from e
