"""Enrolment without a code to carry: the till shows its key as a picture, a signed-in person claims it, and types
a short word from the page back into the till. The word proves to the till which authority is the right one."""

import base64
import hashlib
import re

PATH = "/claim/"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_KEY = re.compile(r"[A-Za-z0-9_-]{43}")
_LETTERS = 10
_COST = 1 << 14
"""scrypt's N: 16 MiB and some 50 ms for each guess."""


def address(collector: str, public_key: str, hostname: str) -> str:
    """What the picture holds. The key is public: who reads the picture has nothing."""
    name = "".join(_quoted(byte) for byte in hostname[:60].encode())
    return f"{collector.rstrip('/')}{PATH}{public_key}?h={name}"


def _quoted(byte: int) -> str:
    """RFC 3986, section 2.1."""
    letter = chr(byte)
    return letter if letter.isascii() and (letter.isalnum() or letter in "-._~") else f"%{byte:02X}"


def is_key(text: str) -> bool:
    return bool(_KEY.fullmatch(text))


def number(public_key: str) -> str:
    """Six digits by which a person sees that page and till speak of the same key. No secret, and no proof."""
    digest = hashlib.sha256(b"plomba claim number 1\n" + public_key.encode()).digest()
    digits = f"{int.from_bytes(digest[:8]) % 1_000_000:06}"
    return f"{digits[:3]} {digits[3:]}"


def word(authority: bytes, public_key: str) -> str:
    """XXXXX-XXXXX, of `authority` (SHA-256 of the collector's certificate in DER) and of this key. Fifty bits are
    enough because each guess of a false authority costs a scrypt, and can only start once the key is made."""
    raw = hashlib.scrypt(
        authority, salt=b"plomba claim word 1\n" + public_key.encode(), n=_COST, r=8, p=1, dklen=8
    )
    value = int.from_bytes(raw)
    letters = "".join(_ALPHABET[(value >> (5 * i)) & 31] for i in range(_LETTERS))
    return f"{letters[:5]}-{letters[5:]}"


def plain(text: str) -> str:
    """A word as a person may type it: case, dashes and spaces do not count, O is 0, I and L are 1."""
    return text.upper().translate(str.maketrans("OIL", "011", "- \t"))


def fingerprint_of(text: str) -> bytes:
    """The 32 bytes of a fingerprint in base32, as enrolment codes carry it. ValueError."""
    return base64.b32decode(text.upper() + "====")
