"""The collector's signature under receipts: with it an agent proves later, without the collector, what was stored
up to where."""

import base64
import secrets
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from collector.core.authority import write_private
from protocols.wire import chain, v1

KEY_FILE, CARRY_FILE = "receipts.key", "carry.key"


class Signer:
    """`folder`: where the key lies; made at the first start."""

    def __init__(self, folder: Path) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(_secret(folder / KEY_FILE))
        self.public = _text(self._key.public_key().public_bytes_raw())
        self._carry = _text(carry_key(folder).public_key().public_bytes_raw())

    def signed(self, terminal: str, receipt: v1.Receipt) -> v1.Receipt:
        """A receipt of the ordered lane whose chain is known; another is returned as it is."""
        if not receipt.chain:
            return receipt
        told = chain.receipt_bytes(
            terminal, receipt.epoch, receipt.complete_to, receipt.chain, receipt.server_time
        )
        proof = {"signer": self.public, "signature": _text(self._key.sign(told)), "carry_key": self._carry}
        return receipt.model_copy(update=proof)


def carry_key(folder: Path) -> X25519PrivateKey:
    """Opens the queues that are carried here by hand."""
    return X25519PrivateKey.from_private_bytes(_secret(folder / CARRY_FILE))


def _secret(file: Path) -> bytes:
    """32 random bytes, made where they are not there yet."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        write_private(file, _text(secrets.token_bytes(32)).encode())
    return base64.urlsafe_b64decode(file.read_bytes() + b"=")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
