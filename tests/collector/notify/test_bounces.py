"""Mails that come back, by delivery status notifications as mail servers write them."""

import pytest

from collector.notify import bounces, outbox
from collector.notify.models import BadAddress, Channel, Outgoing, Status
from collector.notify.outbox import Letter
from tests.collector.notify.conftest import Configured
from tests.collector.still import START

pytestmark = pytest.mark.django_db
BOUNCE = """\
From: MAILER-DAEMON@mx.example.net
To: plomba@example.lv
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Sorry.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {address}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--b
Content-Type: {kind}

Message-ID: {about}
Subject: x

--b--
"""


def bounce(**more: str) -> bytes:
    fields = {
        "address": "anna@example.com",
        "action": "failed",
        "status": "5.1.1",
        "kind": "text/rfc822-headers",
        "about": "<told_3a1@example.lv>",
        **more,
    }
    return BOUNCE.format(**fields).replace("\n", "\r\n").encode()


@pytest.fixture
def sent(configured: Configured) -> Outgoing:
    outbox.put(Letter(Channel.EMAIL, "Anna@example.com", "lv", "s", "t", key="told:1"), START)
    Outgoing.objects.update(status=Status.SENT)
    return Outgoing.objects.get()


@pytest.mark.parametrize("kind", ["text/rfc822-headers", "message/rfc822"])
def test_an_unknown_mailbox_is_marked(sent: Outgoing, kind: str) -> None:
    assert bounces.take(bounce(kind=kind), START)
    sent.refresh_from_db()
    assert (sent.status, sent.error_code) == (Status.FAILED, "mail.bounced")
    assert "User unknown" in sent.error
    assert BadAddress.objects.get().address == "Anna@example.com"


def test_a_full_mailbox_is_no_bad_address(sent: Outgoing) -> None:
    assert bounces.take(bounce(status="5.2.2"), START)
    sent.refresh_from_db()
    assert sent.status == Status.FAILED
    assert not BadAddress.objects.exists()


@pytest.mark.parametrize(
    "more", [{"about": "<other@example.lv>"}, {"about": "<told_3a1@example.com>"}, {"action": "delayed"}]
)
def test_what_is_not_about_ours_is_left_to_people(sent: Outgoing, more: dict[str, str]) -> None:
    assert not bounces.take(bounce(**more), START)
    sent.refresh_from_db()
    assert sent.status == Status.SENT


def test_a_notice_about_another_address_shuts_none(sent: Outgoing) -> None:
    assert bounces.take(bounce(address="victim@example.com"), START)
    assert not BadAddress.objects.exists()


@pytest.mark.parametrize(
    "mail", [b"", b"Subject: hi\r\n\r\nhello", b"\x00\xff", b"Content-Type: multipart/report\r\n\r\nx"]
)
def test_other_mail_is_no_bounce(sent: Outgoing, mail: bytes) -> None:
    assert not bounces.take(mail, START)
