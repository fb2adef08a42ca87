"""The loop around the channels: what is tried again and when, what is given up, and what is marked."""

from datetime import timedelta

import pytest

from collector.notify import courier, outbox
from collector.notify.channels.channel import DeliveryError, Sealed, Target
from collector.notify.courier import PATIENCE, Courier, wait_s
from collector.notify.models import BadAddress, Channel, Outgoing, Status
from collector.notify.outbox import Letter
from tests.collector.notify.conftest import Configured
from tests.collector.notify.people import address
from tests.collector.notify.servers import HttpServer, MailServer
from tests.collector.still import START, StillClock

pytestmark = pytest.mark.django_db


class Says:
    """A channel that answers with what it was told to, in turn, and then takes everything."""

    def __init__(self, *errors: DeliveryError | Exception) -> None:
        self.errors = list(errors)
        self.got: list[tuple[str, str]] = []

    def __call__(self, message: Sealed, target: Target) -> str:
        if self.errors:
            raise self.errors.pop(0)
        self.got.append((message.key, target.address))
        return "250 fine"


def passing(code: str = "mail.refused", **more: object) -> DeliveryError:
    return DeliveryError("not now", code=code, retriable=True, **more)  # type: ignore[arg-type]


def put(key: str = "a", **more: object) -> Outgoing:
    fields: dict[str, object] = {"address": f"{key}@example.com", "channel": Channel.EMAIL, **more}
    outbox.put(Letter(language="en", subject=key, text="text", key=key, **fields), START)  # type: ignore[arg-type]
    return Outgoing.objects.get(key=key)


def test_a_mail_goes_from_the_outbox_to_the_server(
    still: StillClock, configured: Configured, mail: MailServer
) -> None:
    put()
    assert Courier(Channel.EMAIL)(still.now()) == 1
    kept = Outgoing.objects.get()
    assert (kept.status, kept.reply, kept.tries) == (Status.SENT, "2.0.0 taken as 1", 1)
    assert len(mail.to("a@example.com")) == 1
    assert Courier(Channel.EMAIL)(still.now()) == 0


def test_a_bounced_address_is_marked_and_left_alone_until_somebody_says_that_it_is_well(
    still: StillClock, configured: Configured, mail: MailServer
) -> None:
    mail.replies["a@example.com"] = "550 5.1.1 no such user"
    put()
    Courier(Channel.EMAIL)(still.now())
    assert Outgoing.objects.get().status == Status.FAILED
    assert "5.1.1" in BadAddress.objects.get().why
    mail.replies.clear()
    second = put("b", address="a@example.com")
    Courier(Channel.EMAIL)(still.now())
    second.refresh_from_db()
    assert (second.status, second.error_code) == (Status.FAILED, "notify.bad_address")
    assert mail.mails == []
    assert courier.mark_well(Channel.EMAIL, "a@example.com")
    assert courier.claiming.again(second.pk, still.now())
    Courier(Channel.EMAIL)(still.now())
    assert len(mail.mails) == 1


def test_a_passing_error_is_tried_again_later_and_later(still: StillClock) -> None:
    says = Says(*[passing() for _ in range(5)])
    loop = Courier(Channel.EMAIL, says)
    put()
    waits = []
    while not says.got:
        loop(still.now())
        kept = Outgoing.objects.get()
        waits.append((kept.due_at - still.now()).total_seconds())
        still.seconds += max(waits[-1], 0) + 31
    assert kept.tries == 6
    assert kept.error == ""
    assert all(15 * 2**n <= wait <= 30 * 2**n for n, wait in enumerate(waits[:5]))


def test_the_wait_is_spread_bounded_and_never_shorter_than_asked() -> None:
    assert wait_s(1, None, 0) == 15
    assert wait_s(1, None, 1) == 30
    assert wait_s(50, None, 1) == 3600
    assert wait_s(1, 500, 0.5) == 500


def test_one_dead_server_is_asked_once_a_round(still: StillClock) -> None:
    says = Says(*[passing("mail.unreachable") for _ in range(9)])
    loop = Courier(Channel.EMAIL, says)
    for key in "abc":
        put(key)
    loop(still.now())
    assert len(says.errors) == 8
    assert sorted(Outgoing.objects.values_list("tries", flat=True)) == [0, 0, 1]


def test_one_full_mailbox_holds_up_nobody_else(still: StillClock) -> None:
    says = Says(passing())
    for key in "abc":
        put(key)
    assert Courier(Channel.EMAIL, says)(still.now()) == 2


def test_it_is_given_up_in_time(still: StillClock) -> None:
    put()
    still.seconds += PATIENCE[Channel.EMAIL].total_seconds() + 1
    Courier(Channel.EMAIL, Says(passing()))(still.now())
    kept = Outgoing.objects.get()
    assert (kept.status, kept.error) == (Status.FAILED, "not now")
    assert not BadAddress.objects.exists()


def test_what_is_too_late_is_not_sent(still: StillClock) -> None:
    put(until=START + timedelta(minutes=10))
    still.seconds += 601
    says = Says()
    Courier(Channel.EMAIL, says)(still.now())
    assert says.got == []
    assert Outgoing.objects.get().error_code == "notify.late"


def test_a_secret_is_forgotten_when_it_is_sent(still: StillClock) -> None:
    put(secret=True)
    Courier(Channel.EMAIL, Says())(still.now())
    kept = Outgoing.objects.get()
    assert (kept.subject, kept.text) == ("", "")


def test_a_defect_of_a_channel_is_told_and_stops_nobody(still: StillClock) -> None:
    put("a")
    put("b")
    assert Courier(Channel.EMAIL, Says(KeyError("x")))(still.now()) == 1
    kept = Outgoing.objects.get(key="a")
    assert (kept.status, kept.error_code) == (Status.WAITING, "notify.defect")


def test_no_answer_after_the_request_is_doubtful(
    still: StillClock, configured: Configured, http: HttpServer
) -> None:
    put()
    says = Says(passing("http.no_answer", doubtful=True))
    Courier(Channel.EMAIL, says)(still.now())
    assert Outgoing.objects.get().doubts == 1


def test_a_web_hook_that_was_taken_off_the_list_gets_nothing(
    still: StillClock, configured: Configured, http: HttpServer
) -> None:
    who = address(Channel.WEBHOOK, to=http.url)
    who.keys = {"secret": "x"}
    who.save()
    put("a", channel=Channel.WEBHOOK, address=http.url, person=who.person_id)
    assert Courier(Channel.WEBHOOK)(still.now()) == 1
    who.delete()
    put("b", channel=Channel.WEBHOOK, address=http.url, person=who.person_id)
    assert Courier(Channel.WEBHOOK)(still.now()) == 0
    assert Outgoing.objects.get(key="b").error_code == "notify.removed"
    assert len(http.asked) == 1


def test_old_messages_go(still: StillClock) -> None:
    put()
    put("b")
    Outgoing.objects.filter(key="a").update(status=Status.SENT)
    assert courier.forget_old(START + timedelta(days=729)) == 0
    assert courier.forget_old(START + timedelta(days=731)) == 1
    assert Outgoing.objects.get().key == "b"
