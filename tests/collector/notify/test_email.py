"""Mail, to a real server that takes it after STARTTLS and signing in only."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from collector.core import authority
from collector.notify.channels import email
from collector.notify.channels.channel import DeliveryError, Sealed, Target
from tests.collector.notify.conftest import Configured
from tests.collector.notify.servers import MailServer, make_tls
from tests.collector.served import free_port

SEALED = Sealed(
    key="told:7:3",
    language="lv",
    subject="Kļūda: Printerim beidzies papīrs – Kafejnīca Centrs",
    text="Printerim beidzies papīrs\n.\nČau\n",
    html="<p>Čau</p>",
    made_at=datetime(2026, 5, 4, 9, tzinfo=UTC),
    thread="told:7:1",
    headers={"Reply-To": "desk@example.lv", "Bcc": "x@example.com", "From": "y@example.com"},
)
TO = Target("Jānis <janis@example.com>")


def test_a_mail_arrives_whole(configured: Configured, mail: MailServer) -> None:
    assert email.deliver(SEALED, TO) == "2.0.0 taken as 1"
    (got,) = mail.mails
    assert got.encrypted
    assert got.signed_in
    assert got.receivers == ["janis@example.com"]
    assert got.sender == "plomba@example.lv"
    message = got.message
    assert message["Subject"] == SEALED.subject
    assert message["From"] == "Plomba <plomba@example.lv>"
    assert message["Reply-To"] == "desk@example.lv"
    assert message["Bcc"] is None
    assert message["Message-ID"] == "<told_3a7_3a3@example.lv>"
    assert message["In-Reply-To"] == message["References"] == "<told_3a7_3a1@example.lv>"
    assert message["Auto-Submitted"] == "auto-generated"
    body = message.get_body(("plain",))
    assert body
    assert body.get_content().replace("\r\n", "\n") == SEALED.text
    assert message.get_body(("html",))


def test_every_try_has_the_same_message_id(configured: Configured, mail: MailServer) -> None:
    email.deliver(SEALED, TO)
    email.deliver(SEALED, TO)
    assert len({got.message["Message-ID"] for got in mail.mails}) == 1


@pytest.mark.parametrize(
    ("reply", "retriable", "bad"),
    [
        ("550 5.1.1 no such user here", False, True),
        ("553 no such mailbox", False, True),
        ("550 5.2.1 mailbox is shut", False, True),
        ("550 5.7.1 you are on a list", False, False),
        ("554 5.7.1 spam", False, False),
        ("450 4.2.0 grey list, come again", True, False),
        ("452 4.2.2 mailbox is full", True, False),
    ],
)
def test_what_a_refused_address_means(
    configured: Configured, mail: MailServer, reply: str, retriable: bool, bad: bool
) -> None:
    mail.replies["janis@example.com"] = reply
    with pytest.raises(DeliveryError) as refused:
        email.deliver(SEALED, TO)
    assert (refused.value.retriable, refused.value.bad_address) == (retriable, bad)
    assert reply[:3] in str(refused.value)
    assert mail.mails == []


def test_a_refused_mail(configured: Configured, mail: MailServer) -> None:
    mail.at_data = "552 5.3.4 too big"
    with pytest.raises(DeliveryError) as refused:
        email.deliver(SEALED, TO)
    assert (refused.value.code, refused.value.retriable) == ("mail.refused", False)


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@b, c@d", "a@b\nBcc: x@example.com", "jānis@example.com", "a@b.lv\0"]
)
def test_what_is_no_address(configured: Configured, mail: MailServer, address: str) -> None:
    with pytest.raises(DeliveryError) as refused:
        email.deliver(SEALED, Target(address))
    assert (refused.value.code, refused.value.bad_address) == ("mail.address", True)
    assert mail.mails == []


def test_a_certificate_that_nobody_vouches_for(
    configured: Configured, mail: MailServer, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    make_tls(other)
    configured.change("mail", ca_file=other / authority.CA_CERT)
    with pytest.raises(DeliveryError) as refused:
        email.deliver(SEALED, TO)
    assert (refused.value.code, refused.value.retriable) == ("mail.certificate", True)
    assert mail.mails == []


def test_nothing_goes_out_in_the_clear(configured: Configured) -> None:
    """The server offers no STARTTLS."""
    with MailServer() as plain:
        configured.change("mail", port=plain.port)
        with pytest.raises(DeliveryError) as refused:
            email.deliver(SEALED, TO)
        assert plain.mails == []
    assert refused.value.code == "mail.server"


def test_a_server_on_this_machine_may_speak_in_the_clear(configured: Configured) -> None:
    with MailServer() as plain:
        configured.change("mail", port=plain.port, security="none", user="")
        email.deliver(SEALED, TO)
        assert len(plain.mails) == 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"host": ""}, "mail.not_configured"),
        ({"password_file": Path("none")}, "mail.configuration"),
        ({"user": "stranger"}, "mail.sign_in"),
        ({"user": "svešinieks"}, "mail.configuration"),
    ],
)
def test_what_a_person_must_mend_goes_later(
    configured: Configured, mail: MailServer, changed: dict[str, object], code: str
) -> None:
    configured.change("mail", **changed)
    with pytest.raises(DeliveryError) as refused:
        email.deliver(SEALED, TO)
    assert (refused.value.code, refused.value.retriable) == (code, True)
    assert mail.mails == []


def test_nobody_is_there(configured: Configured) -> None:
    configured.change("mail", port=free_port())
    with pytest.raises(DeliveryError) as refused:
        email.deliver(SEALED, TO)
    assert (refused.value.code, refused.value.retriable) == ("mail.unreachable", True)
