"""What a person carries from a page to a till, so that the till trusts this collector and no other: codes, the
command that uses one, the word for a till that shows a picture, and pictures of them."""

import base64

import segno
from django.conf import settings

from collector.core import authority
from protocols.wire import claim


def fingerprint() -> str:
    """Of the authority that signs this collector's certificate, in base32."""
    given = settings.CONFIG
    return authority.fingerprint(authority.read_certificate(given.path(given.tls_dir) / authority.CA_CERT))


def whole_code(secret: str) -> str:
    """The secret with the fingerprint: a till takes nothing less."""
    return f"{secret}.{fingerprint()}"


def command(code: str) -> str:
    return f"plomba-agent enrol --collector {settings.CONFIG.public_url} --code {code}"


def word(public_key: str) -> str:
    """What is typed into the till that shows this key."""
    return claim.word(base64.b32decode(fingerprint().upper() + "===="), public_key)


def picture(text: str) -> str:
    """A QR code as the address of an image. Black on white in every theme: readers expect it."""
    return str(segno.make(text, error="m", micro=False).svg_data_uri(scale=4, border=3, light="#fff"))
