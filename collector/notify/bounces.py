"""Mails that come back: a delivery status notification (RFC 3464) names the message that it is about, and says whether
the address is nobody's."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, Message

from django.conf import settings

from collector.notify.channels.email import domain_of
from collector.notify.courier import mark_bad
from collector.notify.models import Channel, Outgoing, Status
from collector.notify.outbox import message_id

RECENT = 5000
"""A mail bounces within days; of more messages than these it is not looked for."""


def take(mail: bytes, now: datetime) -> bool:
    """True where the mail is such a notice about a message of ours; it is dealt with then, and nobody needs to read it.
    Only a message that we sent to that very address counts, so that nobody can shut an address by a made-up
    notice without having got a mail there."""
    found = message_from_bytes(mail, policy=policy.default)
    assert isinstance(found, EmailMessage)  # noqa: S101 - what that policy makes
    if found.get_content_type() != "multipart/report":
        return False
    about = _original_id(found)
    failures = list(_failures(found))
    sent = _sent(about) if about and failures else None
    if sent is None:
        return False
    for address, status, why in failures:
        if address.lower() == sent.address.lower():
            _failed(sent, status, why, now)
    return True


def _failed(sent: Outgoing, status: str, why: str, now: datetime) -> None:
    """5.1.x and 5.2.1: no such mailbox. Other failures are about this message only (RFC 3463)."""
    error = f"it came back: {status} {why}".strip()[:400]
    Outgoing.objects.filter(pk=sent.pk, status=Status.SENT).update(
        status=Status.FAILED, error_code="mail.bounced", error=error, ended_at=now
    )
    if status.startswith("5.1.") or status == "5.2.1":
        mark_bad(Channel.EMAIL, sent.address, error, now)


def _failures(found: EmailMessage) -> Iterator[tuple[str, str, str]]:
    """Address, status and words of each receiver who did not get it."""
    for part in found.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        for block in _blocks(part):
            if block.get("action", "").lower() == "failed":
                receiver = block.get("original-recipient") or block.get("final-recipient", "")
                diagnosis = block.get("diagnostic-code", "").partition(";")[2]
                yield (
                    receiver.rpartition(";")[2].strip(),
                    block.get("status", ""),
                    " ".join(diagnosis.split()),
                )


def _blocks(part: Message) -> Iterator[Mapping[str, str]]:
    inside = part.get_payload()
    for block in inside if isinstance(inside, list) else []:
        if isinstance(block, Message):
            yield {name.lower(): str(value).strip() for name, value in block.items()}


def _original_id(found: EmailMessage) -> str:
    """The Message-ID of the mail that came back, of the copy or the headers that the notice holds."""
    for part in found.walk():
        if part.get_content_type() == "text/rfc822-headers":
            text = part.get_payload(decode=True)
            head = message_from_bytes(text if isinstance(text, bytes) else b"", policy=policy.default)
            return str(head.get("Message-ID", "")).strip()
        if part.get_content_type() == "message/rfc822":
            inside = part.get_payload()
            if isinstance(inside, list) and inside and isinstance(inside[0], Message):
                return str(inside[0].get("Message-ID", "")).strip()
    return ""


def _sent(about: str) -> Outgoing | None:
    domain = domain_of(settings.CONFIG.mail.sender)
    rows = Outgoing.objects.filter(channel=Channel.EMAIL, status__in=(Status.SENT, Status.FAILED))
    newest = rows.order_by("-pk").values_list("pk", "key")[:RECENT]
    found = next((pk for pk, key in newest.iterator() if message_id(key, domain) == about), None)
    return Outgoing.objects.filter(pk=found).first() if found else None
