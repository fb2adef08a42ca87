"""Debian's Chromium in a fresh profile, trusting the one key of a collector and no other. (Chromium's own store of
authorities can be written only with a program that Debian does not install beside it.)"""

import base64
import hashlib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, sync_playwright

from tests.conftest import missing

CHROMIUM = Path("/usr/bin/chromium")


@contextmanager
def launched(port: int) -> Iterator[Browser]:
    """A browser for the collector that answers on this loopback port."""
    if not CHROMIUM.exists():
        missing("chromium")
    pem = ssl.get_server_certificate(("127.0.0.1", port))
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pin = base64.b64encode(hashlib.sha256(spki).digest()).decode()
    quiet = [
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
    ]
    flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", *quiet]
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=str(CHROMIUM), args=[*flags, f"--ignore-certificate-errors-spki-list={pin}"]
        )
        yield browser
        browser.close()
