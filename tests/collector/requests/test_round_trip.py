"""Mail there and back with real servers: a customer writes by SMTP, the collector fetches by IMAP over TLS and answers
by SMTP, and the answer to that finds its request."""

from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from collector.core import clock
from collector.inventory.models import ContactPerson
from collector.notify.channels.registry import CHANNELS
from collector.notify.courier import Courier
from collector.requests import acts, mailbox, receiving
from collector.requests.models import Fate, Mail, Mailbox, Request
from collector.requests.reading import read
from tests.collector.notify.servers import MailServer
from tests.collector.requests.conftest import ADDRESS
from tests.collector.requests.imap import ImapServer
from tests.collector.web import world

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def smtp(settings: Any, box: ImapServer) -> MailServer:
    """The customer's mail server, to which the collector sends."""
    with MailServer() as server:
        mail = settings.CONFIG.mail.model_copy(
            update={
                "host": "127.0.0.1",
                "port": server.port,
                "security": "none",
                "sender": f"Serviss <{ADDRESS}>",
            }
        )
        settings.CONFIG = settings.CONFIG.model_copy(update={"mail": mail})
        yield server


def letter(text: str, subject: str = "Kase neiet", **headers: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Anna Liepa <anna@karote.lv>"
    mail["To"] = ADDRESS
    mail["Subject"] = subject
    mail["Message-ID"] = f"<{abs(hash((text, subject)))}@karote.lv>"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail


def sent(server: MailServer, address: str) -> list[EmailMessage]:
    """What the collector's couriers have handed over by now."""
    courier = Courier("email")
    while courier(clock.now()):
        pass
    return [mail.message for mail in server.to(address)]


def fetch() -> int:
    return mailbox.fetch(clock.now())


def test_there_and_back_and_there_again(anna: ContactPerson, box: ImapServer, smtp: MailServer) -> None:
    assert "email" in CHANNELS
    box.deliver(letter("Printeris neko nedrukā, bļāviens.").as_bytes())
    assert fetch() == 1
    made = Request.objects.get()
    assert (made.title, made.text.strip(), made.contact, made.source) == (
        "Kase neiet", "Printeris neko nedrukā, bļāviens.", anna, "mail",
    )  # fmt: skip

    receipt = sent(smtp, "anna@karote.lv")[0]
    assert receipt["Auto-Submitted"] == "auto-replied"
    assert receipt["In-Reply-To"] == Mail.objects.get().message_id
    assert f"[P-{made.pk} " in receipt["Subject"]

    worker = world.person("technician")
    acts.take(made.pk, worker, worker, clock.now())
    acts.say(made.pk, worker, "Vai vāks ir aizvērts?", clock.now(), public=True)
    question = sent(smtp, "anna@karote.lv")[-1]
    assert question["Auto-Submitted"] == "no"
    assert question["References"] == receipt["Message-ID"]

    body = "Jā, ir.\n\nOn 26.11.2026 Serviss wrote:\n> Vai vāks ir aizvērts?\n"
    box.deliver(
        letter(body, f"Re: {question['Subject']}", In_Reply_To=str(question["Message-ID"])).as_bytes()
    )
    assert fetch() == 1
    last = made.entries.latest("id")
    assert (last.text, last.contact, last.public, last.source) == ("Jā, ir.", anna, True, "mail")
    assert Request.objects.count() == 1


def test_a_changed_subject_finds_its_way_by_references_and_by_the_address(
    anna: ContactPerson, box: ImapServer, smtp: MailServer, settings: Any
) -> None:
    box.deliver(letter("Pirmā").as_bytes())
    fetch()
    made, receipt = Request.objects.get(), sent(smtp, "anna@karote.lv")[0]
    box.deliver(letter("Otrā", "Cits temats", References=str(receipt["Message-ID"])).as_bytes())
    tagged = settings.CONFIG.mailbox.model_copy(update={"tagged": True})
    settings.CONFIG = settings.CONFIG.model_copy(update={"mailbox": tagged})
    worker = world.person("technician")
    acts.say(made.pk, worker, "Jautājums", clock.now(), public=True)
    reply_to = str(sent(smtp, "anna@karote.lv")[-1]["Reply-To"])
    assert reply_to.startswith("palidziba+p")
    third = letter("Trešā", "Vēl cits")
    third.replace_header("To", reply_to)
    box.deliver(third.as_bytes())
    assert fetch() == 2
    assert [entry.text for entry in made.entries.filter(kind="said", contact=anna)] == ["Otrā", "Trešā"]


def test_nothing_is_fetched_twice_and_nothing_is_flagged_or_lost(
    anna: ContactPerson, box: ImapServer, smtp: MailServer
) -> None:
    for n in range(3):
        box.deliver(letter(f"Nr. {n}", f"Temats {n}").as_bytes())
    assert (fetch(), fetch()) == (3, 0)
    Mailbox.objects.update(last_uid=0)  # the collector was put back from a backup
    assert fetch() == 3
    assert Request.objects.count() == 3
    Mailbox.objects.update(uid_validity=1)  # the mail server was put back from one
    assert fetch() == 3
    assert (Request.objects.count(), Mail.objects.count()) == (3, 3)


def test_a_crash_between_two_mails_loses_none(
    anna: ContactPerson, box: ImapServer, smtp: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        box.deliver(letter(f"Nr. {n}", f"Temats {n}").as_bytes())
    whole = receiving.receive
    taken: list[bytes] = []

    def dying(content: bytes, now: object) -> Mail:
        taken.append(content)
        if len(taken) == 2:
            raise SystemExit("the power went")
        return whole(content, now)  # type: ignore[arg-type]

    monkeypatch.setattr(receiving, "receive", dying)
    with pytest.raises(SystemExit):
        fetch()
    monkeypatch.setattr(receiving, "receive", whole)
    fetch()
    assert sorted(Request.objects.values_list("title", flat=True)) == ["Temats 0", "Temats 1", "Temats 2"]


def test_a_mail_that_is_too_large_waits_for_a_person(
    anna: ContactPerson, box: ImapServer, settings: Any
) -> None:
    small = settings.CONFIG.mailbox.model_copy(update={"most_mb": 1})
    settings.CONFIG = settings.CONFIG.model_copy(update={"mailbox": small})
    box.deliver(letter("x" * 60 + "\n" + ("y" * 70 + "\n") * 16_000).as_bytes())
    box.deliver(letter("Mazs", "Mazs").as_bytes())
    assert fetch() == 2
    large = Mail.objects.get(why="too_large")
    assert (large.fate, large.subject, large.sender) == (Fate.HELD, "Kase neiet", "anna@karote.lv")
    assert large.size_bytes > 1 << 20
    assert Request.objects.get().title == "Mazs"


def test_a_mailbox_that_does_not_answer_is_told_and_tried_again(
    anna: ContactPerson, box: ImapServer, settings: Any, tmp_path: Path
) -> None:
    right = settings.CONFIG.mailbox
    (tmp_path / "wrong").write_text("nepareiza\n")
    for broken in ({"password_file": tmp_path / "wrong"}, {"ca_file": None}, {"port": 1}):
        settings.CONFIG = settings.CONFIG.model_copy(update={"mailbox": right.model_copy(update=broken)})
        assert fetch() == 0
        assert Mailbox.objects.get().error
    assert Mailbox.objects.get().failing_since
    settings.CONFIG = settings.CONFIG.model_copy(update={"mailbox": right})
    box.deliver(letter("Tagad").as_bytes())
    assert fetch() == 1
    found = Mailbox.objects.get()
    assert (found.error, found.failing_since) == ("", None)


def test_our_own_mail_that_comes_back_is_known(
    anna: ContactPerson, box: ImapServer, smtp: MailServer
) -> None:
    """A forwarding rule sends our mail to ourselves: it ends there."""
    box.deliver(letter("Pirmā").as_bytes())
    fetch()
    receipt = sent(smtp, "anna@karote.lv")[0]
    box.deliver(receipt.as_bytes())
    fetch()
    assert Mail.objects.latest("id").why == "own"
    assert len(sent(smtp, "anna@karote.lv")) == 1
    assert read(receipt.as_bytes()).machine == "auto_submitted"
