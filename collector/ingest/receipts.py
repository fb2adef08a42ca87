"""The collector's signature under receipts: with it an agent proves later, without the collector, what was stored
up to where."""

import base64
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.core.authority import write_private
from protocols.wire import chain, v1

KEY_FILE = "receipts.key"


class Signer:
    """`folder`: where the key lies; made at the first start."""

    def __init__(self, folder: Path) -> None:
        file = folder / KEY_FILE
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            write_private(file, _text(Ed25519PrivateKey.generate().private_bytes_raw()).encode())
        self._key = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(file.read_bytes() + b"="))
        self.public = _text(self._key.public_key().public_bytes_raw())

    def signed(self, terminal: str, receipt: v1.Receipt) -> v1.Receipt:
        """A receipt of the ordered lane whose chain is known; another is returned as it is."""
        if not receipt.chain:
            return receipt
        told = chain.receipt_bytes(
            terminal, receipt.epoch, receipt.complete_to, receipt.chain, receipt.server_time
        )
        return receipt.model_copy(update={"signer": self.public, "signature": _text(self._key.sign(told))})


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
