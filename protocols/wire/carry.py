"""A queue that is carried by hand from a till without a line: one encrypted file for the collector, signed by the
till.

MAGIC, a line with the terminal's id, then HPKE (RFC 9180: X25519, HKDF-SHA256, AES-256-GCM; info is MAGIC and the
id) over zstd over lines of UTF-8 JSON: what it is, the reports as they would have been sent, and last the
signature in base64url over all lines before it. HPKE and zstd come from `cryptography` and `zstandard`."""

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import zstandard
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from protocols.errors import ReportRefused

MAGIC = b"PLOMBA-CARRY-1\n"
MOST_BYTES = 1 << 30
"""Of the lines of one file."""
_SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


@dataclass(frozen=True, slots=True)
class Carried:
    """`reports` are proven to be of `terminal` and whole."""

    terminal: str
    made_at: datetime
    reports: tuple[bytes, ...]


class CarryRefused(ReportRefused):
    code = "carry.refused"


def seal(
    terminal: str, reports: Sequence[bytes], made_at: datetime, key: Ed25519PrivateKey, to: X25519PublicKey
) -> bytes:
    head = json.dumps({"terminal": terminal, "made_at": made_at.isoformat(), "reports": len(reports)})
    lines = b"\n".join([head.encode(), *reports]) + b"\n"
    whole = lines + base64.urlsafe_b64encode(key.sign(MAGIC + lines)) + b"\n"
    packed = zstandard.ZstdCompressor(level=9).compress(whole)
    open_head = MAGIC + terminal.encode() + b"\n"
    return open_head + _SUITE.encrypt(packed, to, open_head)


def terminal_of(file: bytes) -> str:
    """Whose file it says to be; not proven. CarryRefused where it is no such file."""
    if not file.startswith(MAGIC) or b"\n" not in file[len(MAGIC) :][:200]:
        raise CarryRefused(
            "this is no queue that was exported by plomba-agent spool export", code="carry.format"
        )
    return file[len(MAGIC) :].partition(b"\n")[0].decode("ascii", "replace")


def unseal(file: bytes, secret: X25519PrivateKey, key: Ed25519PublicKey) -> Carried:
    """`key`: the public key of the terminal that `terminal_of` names. CarryRefused with `carry.key`, `carry.signature`
    or `carry.format`."""
    terminal = terminal_of(file)
    open_head = MAGIC + terminal.encode() + b"\n"
    try:
        packed = _SUITE.decrypt(file[len(open_head) :], secret, open_head)
        whole = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed)).read(MOST_BYTES + 1)
    except (InvalidTag, ValueError) as e:
        raise CarryRefused("it was made for another collector, or it is damaged", code="carry.key") from e
    except zstandard.ZstdError as e:
        raise CarryRefused("its content is damaged", code="carry.format") from e
    lines, _, signature = whole.rstrip(b"\n").rpartition(b"\n")
    try:
        key.verify(base64.urlsafe_b64decode(signature), MAGIC + lines + b"\n")
        head, *reports = lines.split(b"\n")
        told = json.loads(head)
        made_at = datetime.fromisoformat(told["made_at"])
    except InvalidSignature as e:
        raise CarryRefused("it was not signed by this terminal", code="carry.signature") from e
    except (ValueError, KeyError, TypeError) as e:
        raise CarryRefused("its content is not as agreed", code="carry.format") from e
    if told["terminal"] != terminal or told["reports"] != len(reports):
        raise CarryRefused("its content is not what its head says", code="carry.format")
    return Carried(terminal, made_at, tuple(reports))
