"""A new terminal at the door: proves its key, shows its one-time code, gets its name. Guessing codes is
slowed down per remote address; with fifty random bits per code it is hopeless anyway."""

import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import close_old_connections
from pydantic import ValidationError

from collector.core import brake, clock
from collector.ingest.keys import public_key
from collector.ingest.problem import Refused
from collector.inventory import enrolment
from protocols.wire import v1

LIMIT = 16 << 10
FAILURES = 10
WINDOW_S = 600.0


class Brake:
    """At most FAILURES wrong codes per address within WINDOW_S; counted in this process."""

    def __init__(self) -> None:
        self._failures = brake.Brake(FAILURES, WINDOW_S)

    def check(self, address: str) -> None:
        if wait_s := self._failures.wait_s(address):
            raise Refused("enrol.too_many", f"try again in {wait_s} s", retry_after_s=wait_s)

    def failed(self, address: str) -> None:
        self._failures.failed(address)


def key_of(keyid: str) -> Ed25519PublicKey:
    """At enrolment the key names itself."""
    try:
        return public_key(enrolment.canonical_key(keyid))
    except enrolment.EnrolRefused as e:
        raise Refused("enrol.key_malformed", str(e)) from e


def enrol(body: bytes, keyid: str, address: str, slowed: Brake) -> v1.Enrolled:
    """In a thread that may wait for the database."""
    request = _parse(body)
    if request.public_key != keyid:
        raise Refused("enrol.malformed", "the key in the body is not the one that signed")
    slowed.check(address)
    now = clock.now()
    close_old_connections()
    try:
        terminal = enrolment.enrol(request, now)
        site = terminal.site
        return v1.Enrolled(
            terminal=terminal.id,
            name=terminal.name,
            site=site.name,
            customer=site.customer.name,
            server_time=now,
            waits=terminal.waits_since is not None,
        )
    except enrolment.EnrolRefused as e:
        if e.code != "enrol.not_claimed":  # who waits to be claimed guesses nothing
            slowed.failed(address)
        raise Refused(e.code, str(e)) from e
    finally:
        close_old_connections()


def _parse(body: bytes) -> v1.Enrol:
    try:
        document = json.loads(body.decode())
    except (ValueError, RecursionError) as e:
        raise Refused("enrol.malformed", "not JSON in UTF-8") from e
    if isinstance(document, dict) and document.get("version", v1.VERSION) != v1.VERSION:
        raise Refused("report.version", f"this collector speaks version {v1.VERSION}")
    if b"\\u0000" in body or b"\\ud" in body.lower():
        raise Refused("enrol.malformed", "a text holds what is not text")
    try:
        return v1.Enrol.model_validate(document, extra="ignore")
    except ValidationError as e:
        raise Refused("enrol.malformed", e.errors(include_url=False)[0]["msg"]) from e
