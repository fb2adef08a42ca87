"""The chain over the ordered lane: each message is linked to all before it, so that agent and collector can prove
to each other, and later to anybody, that they hold the same messages in the same order."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

BYTES = 32
_START = b"plomba chain 1\0"
_RECEIPT = "plomba receipt 1"
_ZERO = datetime(1970, 1, 1, tzinfo=UTC)


def canonical(document: object) -> bytes:
    """A JSON document as the same bytes on both sides: keys sorted, no spaces, UTF-8. ValueError for what is not
    JSON."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def start(epoch: int) -> bytes:
    """The link before the first message of an epoch."""
    return hashlib.sha256(_START + str(epoch).encode()).digest()


def link(previous: bytes, document: bytes) -> bytes:
    """SHA-256 over the link before and the canonical bytes of the message."""
    return hashlib.sha256(previous + document).digest()


def receipt_bytes(terminal: str, epoch: int, complete_to: int, chain: str, server_time: datetime) -> bytes:
    """What the collector signs: it holds everything of this epoch up to `complete_to`, without a gap, and the link
    there is `chain` (hex)."""
    micros = (server_time - _ZERO) // timedelta(microseconds=1)
    return "\n".join((_RECEIPT, terminal, str(epoch), str(complete_to), chain, str(micros))).encode()
