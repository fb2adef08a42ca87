"""What becomes of a mail: read whatever it holds, told from machines, kept whole, and never answered into a loop."""

from contextlib import suppress
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.core import clock
from collector.inventory.models import ContactPerson, Customer
from collector.notify.models import Outgoing
from collector.requests import receiving, tokens
from collector.requests.models import Fate, Mail, Request
from collector.requests.reading import Unreadable, read, written
from tests.collector.requests.conftest import ADDRESS
from tests.collector.web import world

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def configured(settings: Any) -> None:
    box = settings.CONFIG.mailbox.model_copy(update={"address": ADDRESS})
    settings.CONFIG = settings.CONFIG.model_copy(update={"mailbox": box})


def mail(
    sender: str = "anna@karote.lv", text: str = "Palīgā", subject: str = "Kase", **headers: str
) -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, ADDRESS, subject
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made.as_bytes()


def receive(content: bytes) -> Mail:
    return receiving.receive(content, clock.now())


# reading


@pytest.mark.parametrize(
    ("header", "value", "machine"),
    [
        ("Auto_Submitted", "auto-replied (vacation)", "auto_submitted"),
        ("Auto_Submitted", "No", ""),
        ("Precedence", "Bulk", "precedence"),
        ("List_Id", "<x.example>", "list"),
        ("X_Autoreply", "yes", "auto_reply"),
        ("Return_Path", "<>", "bounce"),
        ("X_Mailer", "Outlook", ""),
    ],
)
def test_a_machine_is_told_from_a_person(header: str, value: str, machine: str) -> None:
    assert read(mail(**{header: value})).machine == machine


def test_words_in_any_alphabet_and_encoding_are_read() -> None:
    old = (
        b"From: =?windows-1257?Q?J=E2nis?= <j@x.lv>\r\nSubject: =?windows-1257?B?4urp?=\r\n"
        b"Content-Type: text/plain; charset=windows-1257\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        + "Kase neiet, šķiet".encode("cp1257")
    )
    found = read(old)
    assert (found.sender_name, found.text) == ("Jānis", "Kase neiet, šķiet")
    unknown = read(b"From: a@b.lv\nContent-Type: text/plain; charset=x-moon\n\nsveiki \xff")
    assert unknown.text.startswith("sveiki")


def test_html_alone_is_read_as_text_and_its_scripts_are_not() -> None:
    made = EmailMessage()
    made["From"] = "a@b.lv"
    made.set_content(
        "<style>x{}</style><p>Kase <b>neiet</b></p><script>alert(1)</script><br>&lt;labi&gt;", "html"
    )
    assert read(made.as_bytes()).text == "Kase neiet\n<labi>"


def test_the_quoted_mail_is_left_out_and_what_is_written_between_is_not() -> None:
    assert written("Jā.\n\n2026-11-26 Serviss rakstīja:\n> Vai?\n> Tiešām?") == "Jā."
    assert written("> Vai?\nJā.\n> Kad?\nRīt.") == "> Vai?\nJā.\n> Kad?\nRīt."
    assert written("> viss citēts") == "> viss citēts"


def test_attachments_come_along_and_forwarded_mail_is_one() -> None:
    made = EmailMessage()
    made["From"] = "a@b.lv"
    made.set_content("skat.")
    made.add_attachment(b"\x89PNG\r\n\x1a\n", maintype="image", subtype="png", filename="bilde.png")
    inner = EmailMessage()
    inner["Subject"] = "iekšā"
    inner.set_content("x")
    made.add_attachment(inner)
    found = read(made.as_bytes())
    assert found.files[0].name == "bilde.png"
    assert len(found.files) == 2
    assert "iekšā" in found.files[1].content.decode() or b"Subject" in found.files[1].content


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=400),
    st.sampled_from([b"", b"From: a@b.lv\n", b"From: a@b.lv\nContent-Type: multipart/mixed\n"]),
)
def test_any_bytes_are_read_or_said_to_be_unreadable(noise: bytes, head: bytes) -> None:
    try:
        found = read(head + noise)
    except Unreadable:
        return
    assert "\0" not in found.text + found.subject + found.message_id
    (found.text + found.subject + found.sender).encode()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_mail_is_read_or_said_to_be_unreadable(data: st.DataObject) -> None:
    whole = bytearray(mail(text="āžš" * 20, Message_ID="<1@x>"))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Unreadable):
        read(bytes(whole))


# what becomes of it


def test_nothing_is_lost_whatever_it_is(anna: ContactPerson) -> None:
    fates = {
        receive(content).fate
        for content in (
            mail(),
            mail("svess@x.lv"),
            b"\xff\xfe nonsense",
            b"",
            mail(Precedence="bulk", text="2"),
        )
    }
    assert fates == {Fate.OPENED, Fate.HELD, Fate.UNREADABLE, Fate.LOOP}
    assert receiving.waiting() == 3
    for one in Mail.objects.all():
        assert receiving.raw(one) is not None
    page = world.signed_in("technician").get("/mail/").content.decode()
    assert page.count("/settle") == 3


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_any_bytes_are_kept_as_they_came(noise: bytes) -> None:
    found = receive(noise)
    assert receiving.raw(found) == noise


def test_a_defect_of_ours_sets_the_mail_aside(anna: ContactPerson, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("a defect")

    monkeypatch.setattr(receiving, "open_request", broken)
    found = receive(mail())
    assert (found.fate, found.why, Request.objects.count()) == (Fate.FAILED, "defect", 0)
    monkeypatch.undo()
    manager = world.person("manager")
    settled = receiving.settle(found.pk, manager, clock.now(), anna.customer, anna)
    assert (settled.fate, Request.objects.get().text.strip()) == (Fate.SETTLED, "Palīgā")


def test_an_unknown_sender_waits_and_gets_no_answer(anna: ContactPerson) -> None:
    held = receive(mail("svess@x.lv", "Es esmu no Karotes"))
    assert (held.fate, held.why, Outgoing.objects.count()) == (Fate.HELD, "unknown_sender", 0)
    made = receiving.settle(held.pk, world.person("technician"), clock.now(), anna.customer, None).request
    assert made is not None
    assert (made.asker_email, made.contact, made.customer) == ("svess@x.lv", None, anna.customer)
    assert Outgoing.objects.get().address == "svess@x.lv"
    assert (
        receiving.settle(held.pk, world.person("technician"), clock.now(), anna.customer, None).request
        == made
    )


def test_a_contact_of_two_customers_is_asked_about(anna: ContactPerson) -> None:
    other = Customer.objects.create(name="SIA Jūras vējš")
    ContactPerson.objects.create(customer=other, name="Anna", email="Anna@karote.lv")
    assert receive(mail()).why == "several_customers"


def test_a_sender_who_writes_too_often_is_held_and_a_loop_ends(anna: ContactPerson, settings: Any) -> None:
    """A program that answers every answer, without saying that it is one: the letters stop."""
    box = settings.CONFIG.mailbox.model_copy(update={"hourly": 5})
    settings.CONFIG = settings.CONFIG.model_copy(update={"mailbox": box})
    fates = [receive(mail(text=f"Esmu atvaļinājumā {n}")).fate for n in range(9)]
    assert fates == [Fate.OPENED] * 5 + [Fate.HELD] * 4
    assert Outgoing.objects.count() == 5


def test_control_without_the_limit_the_loop_goes_on(
    anna: ContactPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "_too_many", lambda _sender, _now: False)
    assert [receive(mail(text=f"{n}")).fate for n in range(30)] == [Fate.OPENED] * 30


def test_what_a_machine_wrote_is_not_answered(anna: ContactPerson) -> None:
    made = Request.objects.get(pk=receive(mail()).request_id)
    before = Outgoing.objects.count()
    subject = f"Automatic reply {tokens.in_subject(made.pk)}"
    found = receive(mail(subject=subject, text="Esmu atvaļinājumā", Auto_Submitted="auto-replied"))
    assert (found.fate, found.why, found.request) == (Fate.LOOP, "auto_submitted", made)
    assert (Outgoing.objects.count(), made.entries.count()) == (before, 1)


def test_a_bounce_is_told_at_its_request(anna: ContactPerson) -> None:
    made = Request.objects.get(pk=receive(mail()).request_id)
    ours = f"<{tokens.key(made.pk, 'opened')}@serviss.lv>"
    report = (
        "From: MAILER-DAEMON@karote.lv\nReturn-Path: <>\nAuto-Submitted: auto-replied\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        "--b\nContent-Type: text/plain\n\nNo such user\n"
        f"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {ours}\n\n--b--\n"
    )
    found = receive(report.encode())
    assert (found.fate, found.request) == (Fate.BOUNCE, made)
    last = made.entries.latest("id")
    assert (last.kind, last.public) == ("undelivered", False)


def test_the_word_of_a_stranger_is_not_the_customers(anna: ContactPerson) -> None:
    """Who has a mail of the thread may add to it; the staff alone reads that, and nothing is agreed to by mail."""
    made = Request.objects.get(pk=receive(mail()).request_id)
    found = receive(mail("svess@x.lv", "Jā, piekrītu", f"Re: Kase {tokens.in_subject(made.pk)}"))
    last = made.entries.latest("id")
    assert (found.fate, found.why, last.public, last.contact) == (Fate.ADDED, "stranger", False, None)


@pytest.mark.parametrize("change", ["number", "word", "none"])
def test_a_forged_word_opens_no_thread(change: str, anna: ContactPerson) -> None:
    first = Request.objects.get(pk=receive(mail()).request_id)
    second = Request.objects.get(pk=receive(mail(text="Cits")).request_id)
    word = {
        "number": f"[P-{second.pk} {tokens.of_request(first.pk)}]",
        "word": f"[P-{first.pk} aaaaaaaaaa]",
        "none": f"[P-{first.pk}]",
    }[change]
    found = receive(mail("svess@x.lv", "x", f"Re: Kase {word}"))
    assert (found.fate, found.request) == (Fate.HELD, None)


def test_an_answer_to_the_customers_own_mail_finds_the_thread(anna: ContactPerson) -> None:
    made = receive(mail(Message_ID="<first@karote.lv>")).request
    second = receive(mail(text="Vēl", subject="Vēl kas", In_Reply_To="<first@karote.lv>"))
    assert second.request == made
    stranger = receive(mail("svess@x.lv", "Vēl", "Vēl kas", In_Reply_To="<first@karote.lv>"))
    assert (stranger.fate, stranger.request) == (Fate.HELD, None)


def test_many_files_are_cut_and_that_is_said(anna: ContactPerson) -> None:
    made = EmailMessage()
    made["From"], made["Subject"] = "anna@karote.lv", "Bildes"
    made.set_content("skat.")
    for n in range(14):
        made.add_attachment(f"{n}".encode(), maintype="text", subtype="plain", filename=f"{n}.txt")
    opened = receive(made.as_bytes())
    assert opened.request is not None
    assert opened.request.entries.get().attachments.count() == 10
    again = made.as_bytes().replace(b"Bildes", f"Re: {tokens.in_subject(opened.request.pk)}".encode())
    receive(again)
    assert opened.request.entries.latest("id").detail["left_out"] == 4


def test_old_rate_is_forgotten(anna: ContactPerson) -> None:
    for n in range(25):
        receiving.receive(mail(text=f"{n}"), clock.now() - timedelta(hours=2))
    assert receive(mail(text="tagad")).fate == Fate.OPENED
