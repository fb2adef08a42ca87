"""One-time codes, and the terminals that are made with them. What an agent says of itself is not checked
here."""

import base64
import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction

from collector.core import live
from collector.inventory.models import Customer, EnrolCode, Site, Terminal
from protocols.errors import PlombaError
from protocols.wire import v1

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford base32: no I, L, O, U to be misread over the telephone."""
NAME_LENGTH = 100
"""Of a terminal. The whole host name, which may be longer, is kept beside it."""
DEFAULT_TTL = timedelta(hours=24)


class EnrolRefused(PlombaError):
    code = "enrol.refused"


def new_secret() -> str:
    """Fifty random bits as XXXXX-XXXXX."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(10))
    return f"{letters[:5]}-{letters[5:]}"


def secret_hash(secret: str) -> str:
    """Of the code as a person may type it: case, dashes and spaces do not count, O is 0, I and L are 1."""
    plain = secret.upper().translate(str.maketrans("OIL", "011", "- "))
    return hashlib.sha256(plain.encode()).hexdigest()


def site_of(customer_name: str, site_name: str) -> Site:
    """The site of that name, made together with its customer where it is not there yet."""
    customer = Customer.objects.filter(name=customer_name).first() or Customer.objects.create(
        name=customer_name
    )
    return customer.sites.filter(name=site_name).first() or customer.sites.create(name=site_name)


def make_code(
    site: Site, terminal_name: str, now: datetime, ttl: timedelta = DEFAULT_TTL
) -> tuple[EnrolCode, str]:
    """The stored code and its secret, which is shown this once."""
    secret = new_secret()
    code = EnrolCode.objects.create(
        site=site,
        terminal_name=terminal_name,
        secret_hash=secret_hash(secret),
        created_at=now,
        expires_at=now + ttl,
    )
    return code, secret


@transaction.atomic
def enrol(request: v1.Enrol, now: datetime) -> Terminal:
    """Use the code up and make its terminal. The same key with the same code again gives the same terminal,
    so that an agent whose answer was lost may ask again. EnrolRefused with `enrol.code_invalid`,
    `enrol.code_used`, `enrol.code_expired` or `enrol.key_known`."""
    code = EnrolCode.objects.select_for_update().filter(secret_hash=secret_hash(request.code)).first()
    if code is None:
        raise EnrolRefused("no such code", code="enrol.code_invalid")
    public_key = canonical_key(request.public_key)
    if code.used_at is not None:
        return _again(code, public_key)
    if code.expires_at <= now:
        raise EnrolRefused("the code has expired; ask for a new one", code="enrol.code_expired")
    if Terminal.objects.filter(public_key=public_key).exists():
        raise EnrolRefused("this key belongs to another terminal", code="enrol.key_known")
    terminal = Terminal.objects.create(
        site=code.site,
        name=(code.terminal_name or request.hostname or "Terminal")[:NAME_LENGTH],
        public_key=public_key,
        hostname=request.hostname,
        os=request.os,
        agent_version=request.agent,
        enrolled_at=now,
    )
    code.used_at, code.terminal = now, terminal
    code.save(update_fields=["used_at", "terminal"])
    live.publish_on_commit("terminal", terminal.id)
    return terminal


def canonical_key(text: str) -> str:
    """The one spelling of a raw 32-byte key in base64url. EnrolRefused where it is anything else."""
    try:
        raw = base64.b64decode(text + "=", altchars=b"-_", validate=True)
    except ValueError as e:
        raise EnrolRefused("the key is not base64url", code="enrol.key_malformed") from e
    if len(raw) != 32:
        raise EnrolRefused("the key is not a raw Ed25519 key", code="enrol.key_malformed")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _again(code: EnrolCode, public_key: str) -> Terminal:
    if code.terminal is None or code.terminal.public_key != public_key:
        raise EnrolRefused("the code has been used; ask for a new one", code="enrol.code_used")
    return code.terminal
