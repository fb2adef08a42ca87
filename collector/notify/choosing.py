"""What people do about their own notifications: where they are reached, and what they want to be told there."""

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import available_timezones

from django.db import IntegrityError, transaction

from collector.core.models import User
from collector.inventory.models import Customer, Site
from collector.notify import hours, outbox, wording
from collector.notify.channels import http
from collector.notify.channels.channel import DeliveryError
from collector.notify.models import Address, Channel, Outgoing, Wish
from collector.notify.outbox import Letter
from protocols.errors import PlombaError
from protocols.status.faults import Severity

MOST_ADDRESSES = 20
MOST_WISHES = 10
_NUMBER = re.compile(r"\+[1-9]\d{7,14}")
_MAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+")


class ChoiceRefused(PlombaError):
    """`notify.address`: not an address of that kind; `notify.not_allowed`: only managers send to web hooks;
    `notify.have_it`: it is on the list; `notify.unknown`: no such address or wish of this person; `notify.hours`,
    `notify.too_many`."""

    code = "notify.refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """`hours`: a week, as `hours.checked` takes it."""

    severity: str
    hours: object
    time_zone: str = "Europe/Riga"
    customers: Iterable[int] = ()
    sites: Iterable[int] = ()
    tells_end: bool = True


ERRORS_ALWAYS = Chosen(severity=Severity.ERROR, hours=hours.ALWAYS)


def add(
    person: User,
    channel: str,
    address: str,
    now: datetime,
    *,
    label: str = "",
    keys: Mapping[str, str] | None = None,
) -> Address:
    """With one wish: everything from errors on, at all times. A browser that comes again with new keys keeps its
    place."""
    if channel == Channel.WEBHOOK and not person.may_manage:
        raise ChoiceRefused("only a manager may have messages sent to a web hook", code="notify.not_allowed")
    plain = _plain(channel, address)
    own = dict(keys or {})
    if channel == Channel.WEBHOOK:
        own = {"secret": secrets.token_urlsafe(32)}
    if channel == Channel.PUSH:
        return _add_browser(person, plain, label, own, now)
    if person.addresses.count() >= MOST_ADDRESSES:
        raise ChoiceRefused(f"at most {MOST_ADDRESSES} addresses", code="notify.too_many")
    try:
        with transaction.atomic():
            return _made(person, now, channel=channel, address=plain, label=label.strip()[:80], keys=own)
    except IntegrityError as e:
        raise ChoiceRefused(f"{plain} is on the list already", code="notify.have_it") from e


def remove(person: User, pk: int) -> None:
    of(person, pk).delete()


def wish(person: User, address: int, chosen: Chosen, pk: int | None = None) -> Wish:
    """A new wish, or another content of one."""
    found = of(person, address)
    week, zone = _week(chosen.hours), _zone(chosen.time_zone)
    with transaction.atomic():
        if pk is None and found.wishes.count() >= MOST_WISHES:
            raise ChoiceRefused(f"at most {MOST_WISHES} wishes for an address", code="notify.too_many")
        kept = _wish(found, pk) if pk else Wish(address=found)
        kept.severity, kept.hours, kept.time_zone = str(Severity(chosen.severity)), week, zone
        kept.tells_end = chosen.tells_end
        kept.save()
        kept.customers.set(Customer.objects.filter(pk__in=list(chosen.customers)))
        kept.sites.set(Site.objects.filter(pk__in=list(chosen.sites)))
    return kept


def drop_wish(person: User, address: int, pk: int) -> None:
    _wish(of(person, address), pk).delete()


def try_out(person: User, pk: int, now: datetime) -> Outgoing:
    """A message to see whether it arrives, at once, whatever the hours."""
    found = of(person, pk)
    language = person.language if person.language in wording.LANGUAGES else "en"
    subject, text = TRIAL[language]
    key = f"trial:{found.pk}:{int(now.timestamp())}"
    letter = Letter(
        channel=Channel(found.channel),
        address=found.address,
        language=language,
        subject=subject,
        text=text,
        key=key,
        person=person.pk,
        facts={"event": "trial", "path": "/notifications/", "urgent": False},
    )
    outbox.put(letter, now)
    return Outgoing.objects.get(key=key)


TRIAL: Mapping[str, tuple[str, str]] = {
    "lv": ("Plomba: izmēģinājuma ziņa", "Ja šo lasāt, Plomba jūs šeit sasniedz.\n"),
    "en": ("Plomba: a test message", "If you read this, Plomba reaches you here.\n"),
    "ru": ("Plomba: пробное сообщение", "Если вы это читаете, Plomba вас здесь находит.\n"),
}


def _made(person: User, now: datetime, **fields: object) -> Address:
    made = Address.objects.create(person=person, made_at=now, **fields)
    wish(person, made.pk, ERRORS_ALWAYS)
    return made


def _add_browser(person: User, endpoint: str, label: str, keys: dict[str, str], now: datetime) -> Address:
    if set(keys) != {"p256dh", "auth"} or not all(0 < len(key) <= 200 for key in keys.values()):
        raise ChoiceRefused("the browser gave no keys", code="notify.address")
    with transaction.atomic():
        Address.objects.filter(channel=Channel.PUSH, address=endpoint).exclude(person=person).delete()
        found = person.addresses.filter(channel=Channel.PUSH, address=endpoint).first()
        if found is None:
            named = label.strip()[:80]
            return _made(person, now, channel=Channel.PUSH, address=endpoint, label=named, keys=keys)
        found.keys = keys
        found.save(update_fields=["keys"])
        return found


def _plain(channel: str, address: str) -> str:
    """As it is kept. ChoiceRefused says what is wrong with it."""
    given = address.strip()
    match channel:
        case Channel.EMAIL:
            if not _MAIL.fullmatch(given) or len(given) > 254:
                raise _no_address("write a mail address such as name@example.com")
        case Channel.SMS:
            given = re.sub(r"[\s()-]", "", given)
            given = f"+371{given}" if re.fullmatch(r"2\d{7}", given) else given
            if not _NUMBER.fullmatch(given):
                raise _no_address("write the number with its country, such as +371 20000000")
        case Channel.WEBHOOK | Channel.PUSH:
            _callable(given)
        case _:
            raise _no_address("choose e-mail, SMS, a web hook or this browser")
    return given


def _callable(url: str) -> None:
    if len(url) > 1000:
        raise _no_address("the address is longer than 1000 letters")
    try:
        http.check(url)
    except DeliveryError as e:
        raise ChoiceRefused(str(e), code="notify.address") from e


def _no_address(what: str) -> ChoiceRefused:
    return ChoiceRefused(what, code="notify.address")


def _week(given: object) -> hours.Week:
    try:
        return hours.checked(given)
    except ValueError as e:
        raise ChoiceRefused(str(e), code="notify.hours") from e


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ChoiceRefused(f"{name!r} is no time zone such as Europe/Riga", code="notify.hours")
    return name


def of(person: User, pk: int) -> Address:
    found = person.addresses.filter(pk=pk).first()
    if found is None:
        raise ChoiceRefused("there is no such address on your list", code="notify.unknown")
    return found


def _wish(address: Address, pk: int) -> Wish:
    found = address.wishes.filter(pk=pk).first()
    if found is None:
        raise ChoiceRefused("there is no such wish", code="notify.unknown")
    return found
