"""What becomes of a mail: a new request, a line of one, or a place where people see it. A mail is kept before anything
else, and never answered where a machine may have written it."""

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from collector.core.models import User
from collector.incidents.models import Source
from collector.inventory.models import ContactPerson, Customer
from collector.notify import bounces
from collector.requests import catalogue, files, reading, tokens, voice
from collector.requests.log import PLOMBA, Actor, write
from collector.requests.models import WAITING, Blob, Fate, Kind, Mail, Request
from collector.requests.opening import Wish, open_request
from protocols.errors import PlombaError

MAIL_TYPE = "other"
RATE_WINDOW = timedelta(hours=1)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Verdict:
    fate: Fate
    why: str = ""
    request: Request | None = None


def receive(content: bytes, now: datetime) -> Mail:
    """Keep it, then do with it what it asks for. The same bytes twice, or a Message-ID that is known, change nothing.
    Safe to be called again after a crash at any moment."""
    digest = hashlib.sha256(content).hexdigest()
    if known := Mail.objects.filter(digest=digest).first():
        return known
    files.keep(content)
    try:
        found = reading.read(content)
    except reading.Unreadable as e:
        return _keep(None, digest, len(content), _Verdict(Fate.UNREADABLE, str(e)[:60]), now)
    if found.bounce:
        bounces.take(content, now)
    return _received(found, digest, len(content), now)


def too_large(head: bytes, size_bytes: int, now: datetime) -> Mail:
    """Of a mail that stays in the mailbox only the head was fetched."""
    digest = files.keep(head)
    if known := Mail.objects.filter(digest=digest).first():
        return known
    try:
        found: reading.Read | None = reading.read(head)
    except reading.Unreadable:
        found = None
    return _keep(found, digest, size_bytes, _Verdict(Fate.HELD, "too_large"), now)


def _received(found: reading.Read, digest: str, size_bytes: int, now: datetime) -> Mail:
    """Work that fails is undone, and the mail waits for a person instead."""
    try:
        with transaction.atomic():
            return _keep(found, digest, size_bytes, _judged(found, now), now)
    except IntegrityError:  # another process has just taken it in
        return Mail.objects.get(digest=digest)
    except PlombaError as e:
        return _keep(found, digest, size_bytes, _Verdict(Fate.FAILED, e.code), now)
    except (ValueError, TypeError, KeyError, OSError):
        log.exception("the mail %s could not be worked on; it waits for a person", digest)
        return _keep(found, digest, size_bytes, _Verdict(Fate.FAILED, "defect"), now)


def _keep(found: reading.Read | None, digest: str, size_bytes: int, verdict: _Verdict, now: datetime) -> Mail:
    return Mail.objects.create(
        digest=digest,
        message_id=found.message_id if found else "",
        sender=found.sender if found else "",
        subject=found.subject if found else "",
        received_at=now,
        size_bytes=size_bytes,
        fate=verdict.fate,
        why=verdict.why,
        request=verdict.request,
    )


def _judged(found: reading.Read, now: datetime) -> _Verdict:
    if found.message_id and Mail.objects.filter(message_id=found.message_id, sender=found.sender).exists():
        return _Verdict(Fate.LOOP, "known_id")
    if _is_our_own(found):
        return _Verdict(Fate.LOOP, "own")
    request = thread_of(found)
    if found.bounce and request:
        return _bounced(found, request, now)
    if found.machine:
        return _Verdict(Fate.LOOP, found.machine, request)
    if _too_many(found.sender, now):
        return _Verdict(Fate.HELD, "rate")
    return _added(found, request, now) if request else _opened(found, now)


def _is_our_own(found: reading.Read) -> bool:
    """It comes from our own address, or bears a Message-ID that we gave."""
    own = {settings.CONFIG.mailbox.address.casefold(), _bare(settings.CONFIG.mail.sender)}
    return found.sender in own - {""} or tokens.request_in(found.message_id) is not None


def _bare(sender: str) -> str:
    return sender.rpartition("<")[2].rstrip(">").strip().casefold()


def thread_of(found: reading.Read) -> Request | None:
    """By the signed word in an address, then in the subject, then in a Message-ID of ours that it answers; at last by
    the mail of the customer that it answers. A request that was merged leads to the other."""
    signed = [
        tokens.request_in(part) for part in (*found.receivers, found.subject, found.references, found.told_of)
    ]
    pk = next((number for number in signed if number is not None), None)
    request = Request.objects.filter(pk=pk).first() if pk else _answered(found)
    while request and request.merged_into:
        request = request.merged_into
    return request


def _answered(found: reading.Read) -> Request | None:
    """Only where the same customer speaks: whoever else knows a Message-ID has seen no word of ours."""
    ids = [part for part in found.references.split() if part.startswith("<")]
    earlier = Mail.objects.filter(message_id__in=ids, request__isnull=False).order_by("-id").first()
    request = earlier.request if earlier else None
    speaks = request and request.customer.contacts.filter(email__iexact=found.sender, retired_at=None)
    return request if request and speaks and speaks.exists() else None


def _too_many(sender: str, now: datetime) -> bool:
    recent = Mail.objects.filter(sender=sender, received_at__gt=now - RATE_WINDOW)
    return recent.count() >= settings.CONFIG.mailbox.hourly


def _added(found: reading.Read, request: Request, now: datetime) -> _Verdict:
    """A contact person of the customer is heard as such; the word of anybody else who has the signed word stands in the
    work log, for the staff to judge."""
    kept, left_out = files.within(found.files)
    contact = request.customer.contacts.filter(email__iexact=found.sender, retired_at=None).first()
    asker = bool(request.asker_email) and found.sender == request.asker_email.casefold()
    name = "" if contact else f"{found.sender_name} <{found.sender}>"
    actor = Actor(contact=contact, name=name, source=Source.MAIL)
    voice.say(request.pk, actor, found.text or found.title or "—", now, attached=kept, left_out=left_out)
    return _Verdict(Fate.ADDED, "" if contact or asker else "stranger", request)


def _opened(found: reading.Read, now: datetime) -> _Verdict:
    """A new request of whom we know. Of whom we do not, the mail waits: a person says whose it is."""
    people = list(ContactPerson.objects.filter(email__iexact=found.sender, retired_at=None)[:2])
    if len(people) != 1:
        return _Verdict(Fate.HELD, "several_customers" if people else "unknown_sender")
    return _Verdict(
        Fate.OPENED, "", _open(found, people[0], people[0].customer, now, Actor(contact=people[0]))
    )


def _open(
    found: reading.Read, contact: ContactPerson | None, customer: Customer, now: datetime, actor: Actor
) -> Request:
    wish = Wish(
        type=catalogue.types()[MAIL_TYPE],
        customer=customer,
        site=contact.sites.first() if contact and contact.sites.count() == 1 else None,
        contact=contact,
        asker_name="" if contact else found.sender_name,
        asker_email="" if contact else found.sender,
        source=Source.MAIL,
        title=found.title,
        text=found.text,
        language=contact.language if contact else "lv",
    )
    speaks = Actor(user=actor.user, contact=contact, name="" if contact else found.sender, source=Source.MAIL)
    return open_request(wish, speaks, now, attached=found.files, by_mail=True, answer_to=found.message_id)


def _bounced(found: reading.Read, request: Request, now: datetime) -> _Verdict:
    write(request, Kind.UNDELIVERED, PLOMBA, now, text=found.text[:2000])
    return _Verdict(Fate.BOUNCE, "", request)


def waiting() -> int:
    """Mails that a person must look at."""
    return Mail.objects.filter(fate__in=WAITING).count()


@transaction.atomic
def settle(
    pk: int, by: User, now: datetime, customer: Customer | None, contact: ContactPerson | None
) -> Mail:
    """A person decides on a mail that waits: with a customer it becomes a request; without, it only counts as seen. The
    mail stays where it is."""
    mail = Mail.objects.select_for_update().get(pk=pk)
    if mail.fate not in WAITING:
        return mail
    if customer is not None:
        mail.request = _open(_again(mail), contact, customer, now, Actor(user=by))
    mail.fate, mail.settled_at, mail.settled_by = Fate.SETTLED, now, by
    mail.save()
    return mail


def _again(mail: Mail) -> reading.Read:
    """What the kept bytes say; of what cannot be read, what is known of it."""
    try:
        return reading.read(raw(mail))
    except (reading.Unreadable, Blob.DoesNotExist):
        return reading.Read(
            message_id=mail.message_id, sender=mail.sender, sender_name="", subject=mail.subject,
            text="", references="", receivers=(),
        )  # fmt: skip


def raw(mail: Mail) -> bytes:
    """Blob.DoesNotExist."""
    return files.content_of(mail.digest)
