"""A terminal's change of its key: what the new key signs, so that nobody can have a key entered that he does not
hold. Knows no storage."""

import base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def proof_bytes(terminal: str, public_key: str) -> bytes:
    """The text says what it is for, so that no other signature of the key can be passed off as this one."""
    return f"plomba rekey 1\n{terminal}\n{public_key}\n".encode()


def prove(new: "Ed25519PrivateKey", terminal: str) -> tuple[str, str]:
    """The new public key in base64url without padding, and the proof."""
    public_key = _text(new.public_key().public_bytes_raw())
    return public_key, _text(new.sign(proof_bytes(terminal, public_key)))


def is_proven(terminal: str, public_key: str, proof: str) -> bool:
    """Whoever made `proof` holds the private half of `public_key`. False for what is no key, too."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - 8 MiB that signing does not need
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - 8 MiB that signing does not need

    try:
        key = Ed25519PublicKey.from_public_bytes(_raw(public_key))
        key.verify(_raw(proof), proof_bytes(terminal, public_key))
    except (ValueError, InvalidSignature):
        return False
    return True


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _raw(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
