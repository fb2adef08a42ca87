"""One-time codes, claims of a key, and the terminals that are made with them. What an agent says of itself is not
checked here."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from collector.core import live
from collector.inventory import identity
from collector.inventory.models import Asset, Customer, EnrolCode, Site, Terminal
from protocols.errors import PlombaError
from protocols.wire import claim as wire
from protocols.wire import v1

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford base32: no I, L, O, U to be misread over the telephone."""
NAME_LENGTH = 100
"""Of a terminal. The whole host name, which may be longer, is kept beside it."""
DEFAULT_TTL = timedelta(hours=24)
CLAIM_TTL = timedelta(minutes=30)
ASSET = ("maker", "model", "serial", "place", "note")


class EnrolRefused(PlombaError):
    code = "enrol.refused"


def new_secret() -> str:
    """Fifty random bits as XXXXX-XXXXX."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(10))
    return f"{letters[:5]}-{letters[5:]}"


def secret_hash(secret: str) -> str:
    """Of the code as a person may type it: case, dashes and spaces do not count, O is 0, I and L are 1."""
    return hashlib.sha256(wire.plain(secret).encode()).hexdigest()


def claim_hash(public_key: str) -> str:
    """Of the key that is claimed; it never meets the hash of a secret."""
    return hashlib.sha256(b"claim " + public_key.encode()).hexdigest()


def site_of(customer_name: str, site_name: str) -> Site:
    """The site of that name, made together with its customer where it is not there yet."""
    customer = Customer.objects.filter(name=customer_name).first() or Customer.objects.create(
        name=customer_name
    )
    return customer.sites.filter(name=site_name).first() or customer.sites.create(name=site_name)


def make_code(
    site: Site, terminal_name: str, now: datetime, ttl: timedelta = DEFAULT_TTL, by: int | None = None
) -> tuple[EnrolCode, str]:
    """The stored code and its secret, which is shown this once."""
    secret = new_secret()
    code = EnrolCode.objects.create(
        site=site,
        terminal_name=terminal_name,
        secret_hash=secret_hash(secret),
        created_at=now,
        expires_at=now + ttl,
        made_by_id=by,
    )
    return code, secret


@transaction.atomic
def claim(
    public_key: str, site: Site, terminal_name: str, now: datetime, *, by: int, asset: Mapping[str, str]
) -> EnrolCode:
    """A signed-in person stands before a till that shows this key, and says whose it is. Again for the same key
    corrects the first. EnrolRefused with `enrol.key_malformed`, `enrol.key_known`, `enrol.code_used`."""
    if not wire.is_key(public_key) or canonical_key(public_key) != public_key:
        raise EnrolRefused("this is no key that a till shows", code="enrol.key_malformed")
    if identity.was_used(public_key):
        raise EnrolRefused("this key belongs to a till already", code="enrol.key_known")
    made, _new = EnrolCode.objects.update_or_create(
        secret_hash=claim_hash(public_key),
        defaults={
            "site": site,
            "terminal_name": terminal_name,
            "created_at": now,
            "expires_at": now + CLAIM_TTL,
            "made_by_id": by,
            "asset": dict(asset),
        },
    )
    return made


@transaction.atomic
def enrol(request: v1.Enrol, now: datetime) -> Terminal:
    """Use the code up and make its terminal. The same key with the same code again gives the same terminal,
    so that an agent whose answer was lost may ask again. EnrolRefused with `enrol.code_invalid`,
    `enrol.not_claimed`, `enrol.code_used`, `enrol.code_expired` or `enrol.key_known`."""
    public_key = canonical_key(request.public_key)
    claimed = request.code == v1.CLAIMED
    wanted = claim_hash(public_key) if claimed else secret_hash(request.code)
    code = EnrolCode.objects.select_for_update(of=("self",)).filter(secret_hash=wanted).first()
    if code is None and claimed:
        raise EnrolRefused("nobody has claimed this key yet", code="enrol.not_claimed")
    if code is None:
        raise EnrolRefused("no such code", code="enrol.code_invalid")
    if code.used_at is not None:
        return _again(code, public_key)
    if code.expires_at <= now:
        raise EnrolRefused("the code has expired; ask for a new one", code="enrol.code_expired")
    if identity.was_used(public_key):
        raise EnrolRefused("this key belongs to another terminal", code="enrol.key_known")
    terminal = _make(code, request, public_key, now)
    code.used_at, code.terminal = now, terminal
    code.save(update_fields=["used_at", "terminal"])
    live.publish_on_commit("terminal", terminal.id)
    return terminal


def _make(code: EnrolCode, request: v1.Enrol, public_key: str, now: datetime) -> Terminal:
    waits = settings.CONFIG.identity.approval or code.site.needs_approval
    terminal = Terminal.objects.create(
        site=code.site,
        name=(code.terminal_name or request.hostname or "Terminal")[:NAME_LENGTH],
        public_key=public_key,
        hostname=request.hostname,
        os=request.os,
        agent_version=request.agent,
        enrolled_at=now,
        waits_since=now if waits else None,
    )
    identity.note(terminal, "enrolled", now, by=code.made_by_id, detail={"key": wire.number(public_key)})
    if any(code.asset.values()):
        card = {name: str(code.asset.get(name, "")) for name in ASSET}
        Asset.objects.create(terminal=terminal, recorded_at=now, recorded_by_id=code.made_by_id, **card)
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
