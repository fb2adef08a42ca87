"""Signed words: of a request in a mail's subject and address, of a till on its label. Each kind is signed for itself
alone, with the collector's secret key."""

import base64
import hmac
import re

from django.utils.crypto import salted_hmac

LETTERS = 10
"""50 bits: nobody guesses one at the rate that is allowed, and a person can type it."""
_SUBJECT = re.compile(r"\[P-(\d{1,12})[ -]([a-z2-7]{10})\]", re.IGNORECASE)
_ADDRESS = re.compile(r"\+p(\d{1,12})[.-]([a-z2-7]{10})@", re.IGNORECASE)
_MESSAGE = re.compile(r"<p(\d{1,12})\.([a-z2-7]{10})\.[^<>@\s]*@[^<>\s]+>", re.IGNORECASE)


def of_request(pk: int) -> str:
    return _signature("request", str(pk))


def in_subject(pk: int) -> str:
    return f"[P-{pk} {of_request(pk)}]"


def in_address(address: str, pk: int) -> str:
    """With the word as a tag: support+p17.abc@example.lv."""
    name, _, domain = address.rpartition("@")
    return f"{name}+p{pk}.{of_request(pk)}@{domain}"


def key(pk: int, what: str) -> str:
    """Of a letter: its Message-ID is made of it, and so names the request and proves that it is ours."""
    return f"p{pk}.{of_request(pk)}.{what}"


def request_in(text: str) -> int | None:
    """The request that a subject, an address or a list of Message-IDs names with the right word."""
    for pattern in (_ADDRESS, _SUBJECT, _MESSAGE):
        for number, signature in pattern.findall(text):
            if hmac.compare_digest(of_request(int(number)), signature.lower()):
                return int(number)
    return None


def of_label(terminal: str, edition: int) -> str:
    return _signature("label", f"{terminal}/{edition}", 16)


def is_label(terminal: str, edition: int, word: str) -> bool:
    return hmac.compare_digest(of_label(terminal, edition).encode(), word.encode())


def _signature(kind: str, text: str, letters: int = LETTERS) -> str:
    digest = salted_hmac(f"plomba {kind}", text, algorithm="sha256").digest()
    return base64.b32encode(digest).decode().lower()[:letters]
