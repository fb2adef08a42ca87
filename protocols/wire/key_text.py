"""How a recovery key is written down: one mark, then letters and digits that can be typed from paper, with a checksum.
A verify key is written alike; only who keeps its secret half differs."""

import base64
import binascii
import hashlib

PUBLIC_MARK = "PLOMBA-RECOVERY-PUBLIC-1"
SECRET_MARK = "PLOMBA-RECOVERY-SECRET-1"  # noqa: S105 - a label, not a secret

KEY_BYTES = 32
_CHECK_BYTES = 4


class BadKeyText(ValueError):
    """For a person: what is wrong with the text."""


def encode(mark: str, raw: bytes) -> str:
    """One line: the mark, then groups of four; the end of it is a checksum."""
    text = base64.b32encode(raw + _check(mark, raw)).decode().rstrip("=")
    return f"{mark} {'-'.join(text[i : i + 4] for i in range(0, len(text), 4))}"


def decode(mark: str, text: str) -> bytes:
    """The raw key of what follows the mark. BadKeyText; case, dashes and blanks do not count."""
    letters = "".join(text.replace("-", "").split()).upper()
    try:
        data = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except binascii.Error as e:
        raise BadKeyText("is not a recovery key: letters are missing or wrong") from e
    raw, check = data[:KEY_BYTES], data[KEY_BYTES:]
    if len(raw) != KEY_BYTES or check != _check(mark, raw):
        raise BadKeyText("has a typing error: its checksum does not fit")
    return raw


def decode_line(mark: str, line: str) -> bytes:
    """The raw key of a whole line with its mark. BadKeyText."""
    if not line.startswith(f"{mark} "):
        raise BadKeyText(f"does not begin with {mark}")
    return decode(mark, line.removeprefix(mark))


def key_id(public: bytes) -> str:
    """16 hexadecimal digits, as in the clear header of a snapshot."""
    return hashlib.sha256(public).hexdigest()[:16]


def _check(mark: str, raw: bytes) -> bytes:
    return hashlib.sha256(mark.encode() + raw).digest()[:_CHECK_BYTES]
