"""One-time codes for the portal: short-lived, few tries, only in the browser that asked, the same work and the same
answer whether somebody has the address or not. Counts in this process how often is asked."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.crypto import salted_hmac

from collector.core.brake import Brake
from collector.core.models import Role, User
from collector.inventory.models import ContactPerson
from collector.requests import letters
from collector.requests.models import SignInCode
from protocols.errors import PlombaError

LASTS = timedelta(minutes=10)
TRIES = 5
ASKED, ASKED_FROM, WINDOW_S = 3, 30, 900.0

_addresses = Brake(ASKED, WINDOW_S)
_places = Brake(ASKED_FROM, WINDOW_S)


class TooMany(PlombaError):
    """Asked too often; `wait_s` until the next time counts."""

    code = "portal.too_many"
    retriable = True

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"try again in {wait_s} s")
        self.wait_s = wait_s


class CodeWrong(PlombaError):
    """`portal.code_wrong`; `portal.code_over`: it has run out, was used, or was tried too often: ask for another."""

    code = "portal.code_wrong"


@dataclass(frozen=True, slots=True)
class Asked:
    """`ticket` stays in the browser and never travels by mail."""

    ticket: str
    email: str


def people_of(email: str) -> list[ContactPerson]:
    """Everyone who signs in with this address: one person may be a contact of several customers."""
    found = ContactPerson.objects.filter(email__iexact=email.strip(), retired_at=None).exclude(email="")
    shut = found.filter(user__is_active=False).values("pk")
    return list(found.exclude(pk__in=shut).select_related("customer").order_by("pk"))


def ask(email: str, place: str, now: datetime) -> Asked:
    """A new code by mail, if there is such a person; earlier ones of the address stop working. `place`: the network
    address that asks. TooMany."""
    address = email.strip().casefold()[:320]
    if wait_s := max(_addresses.wait_s(address), _places.wait_s(place)):
        raise TooMany(wait_s)
    _addresses.failed(address)
    _places.failed(place)
    secret, ticket = f"{secrets.randbelow(10**6):06}", secrets.token_urlsafe(32)
    people = people_of(address)
    with transaction.atomic():
        SignInCode.objects.filter(email=address, used_at=None).update(expires_at=now)
        SignInCode.objects.create(
            ticket=ticket, email=address, code_hash=_hash(ticket, secret), made_at=now, expires_at=now + LASTS
        )
        if people:
            letters.code(people[0].email, people[0].language, secret, ticket, now)
    return Asked(ticket, address)


@transaction.atomic(durable=False)
def _try(ticket: str, secret: str, now: datetime) -> SignInCode | CodeWrong:
    """Counts the try also where it fails, so nothing is raised inside the transaction."""
    asked = SignInCode.objects.select_for_update().filter(ticket=ticket).first()
    if asked is None or asked.used_at or asked.expires_at <= now or asked.tries >= TRIES:
        return CodeWrong("ask for another code", code="portal.code_over")
    asked.tries += 1
    right = hmac.compare_digest(asked.code_hash, _hash(ticket, secret.strip()))
    asked.used_at = now if right else None
    asked.save()
    return asked if right else CodeWrong("the code is not right")


def use(ticket: str, secret: str, now: datetime) -> list[ContactPerson]:
    """The people whom the code lets in, usually one. CodeWrong."""
    found = _try(ticket, secret, now)
    if isinstance(found, CodeWrong):
        raise found
    people = people_of(found.email)
    if not people:
        raise CodeWrong("ask for another code", code="portal.code_over")
    _addresses.forget(found.email)
    return people


@transaction.atomic
def account_of(contact: ContactPerson) -> User:
    """The account of the portal, made when it is first needed. It has no password."""
    if contact.user:
        return contact.user
    user, made = User.objects.get_or_create(
        username=f"contact-{contact.pk}", defaults={"role": Role.CUSTOMER, "language": contact.language}
    )
    if made:
        user.set_unusable_password()
        user.save()
    contact.user = user
    contact.save(update_fields=["user"])
    return user


def forget() -> None:
    """Let everybody ask anew."""
    _addresses.clear()
    _places.clear()


def _hash(ticket: str, secret: str) -> str:
    return salted_hmac("plomba sign-in", f"{ticket}/{secret}", algorithm="sha256").hexdigest()
