"""A new request wakes whoever is there for it: by their wishes and hours, the person on call at once where it is
urgent, somebody in any case; once, grouped, one message per cause; and the chain where nobody takes it."""

from datetime import time, timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings

from collector.core.models import User
from collector.incidents.models import Source
from collector.inventory.models import ContactPerson, Terminal
from collector.notify import telling
from collector.notify.models import Channel, Outgoing
from collector.requests import acts, catalogue, escalating, ringing, voice, waking
from collector.requests.calling_models import Call, Escalation, Turn
from collector.requests.log import Actor
from collector.requests.models import Request
from collector.requests.opening import Wish, open_request
from collector.requests.wake_words import TEXTS
from collector.service import escalating as chains
from collector.service.chain import Due
from collector.service.models import Chain, Queue
from tests.collector.notify import people
from tests.collector.service import office
from tests.collector.still import START, StillClock
from tests.collector.web import world

pytestmark = pytest.mark.django_db
GROUP = 31


@pytest.fixture
def desk(db: None) -> tuple[User, User]:
    """Two people of the technical queue; the second has written down that grave matters shall come at any time."""
    quiet, loud = office.person(first_name="Jānis"), office.person(first_name="Ilze", language="lv")
    queue = Queue.objects.get(pk="technical")
    for one in (quiet, loud):
        queue.members.create(user=one)
    people.address(whose=loud, to="ilze@plomba.example", severity="error")
    return quiet, loud


def asked(
    anna: ContactPerson, till: Terminal, still: StillClock, selling: str = "no", **more: Any
) -> Request:
    wish = Wish(
        type=catalogue.types()["fault"], customer=anna.customer, terminal=till, contact=anna, source=Source.PORTAL,
        title="Nedrukā", text="Čeku nav", answers={"selling": selling}, **more,
    )  # fmt: skip
    return open_request(wish, Actor(contact=anna), still.now())


def passes(still: StillClock, seconds: float = GROUP) -> None:
    waking.listen(still.now())
    ringing.ring(still.now())
    still.seconds += seconds
    waking.listen(still.now())
    ringing.ring(still.now())


def told() -> list[tuple[str, str]]:
    """Of the people of the desk: where to, and the subject."""
    rows = Outgoing.objects.exclude(person=None).order_by("pk")
    return [(row.address, row.subject) for row in rows]


def test_a_new_request_reaches_who_wished_it_and_the_customer_gets_a_confirmation(
    anna: ContactPerson, till: Terminal, still: StillClock, desk: tuple[User, User]
) -> None:
    made = asked(anna, till, still)
    passes(still)
    assert told() == [
        ("ilze@plomba.example", f"Jauns pieteikums {made}: Nedrukā – {till.site.name}, {till.name}")
    ]
    letter = Outgoing.objects.get(address="ilze@plomba.example")
    assert f"/requests/{made.pk}/" in letter.text
    assert "Anna Liepa" in letter.text
    confirmed = Outgoing.objects.get(address=anna.email)
    assert confirmed.about == f"request:{made.pk}"


def test_it_is_not_told_after_somebody_took_it(
    anna: ContactPerson, till: Terminal, still: StillClock, desk: tuple[User, User]
) -> None:
    made = asked(anna, till, still)
    waking.listen(still.now())
    acts.take(made.pk, desk[0], desk[0], still.now())
    passes(still)
    assert told() == []
    assert [call.dropped for call in Call.objects.all()] == ["taken"]


def test_hours_hold_it_and_the_person_on_call_hears_of_what_is_urgent_at_once(
    anna: ContactPerson, till: Terminal, still: StillClock
) -> None:
    """START is a Monday, 12:00 in Riga."""
    sleeper, called = office.person(), office.person()
    people.address(
        whose=sleeper, to="later@plomba.example", severity="error", hours={"mon": [["13:00", "18:00"]]}
    )
    people.address(
        channel=Channel.SMS,
        whose=called,
        to="+37120000000",
        severity="critical",
        hours={"tue": [["08:00", "09:00"]]},
    )
    office.rota(called, handover=time(0))
    asked(anna, till, still)
    passes(still)
    assert [address for address, _subject in told()] == ["+37120000000"]
    passes(still, 3600)
    assert [address for address, _subject in told()] == ["+37120000000", "later@plomba.example"]


def test_what_nobody_wished_goes_by_mail_to_who_is_there(
    anna: ContactPerson, till: Terminal, still: StillClock, desk: tuple[User, User]
) -> None:
    made = asked(anna, till, still, "yes")
    assert made.priority > 2
    passes(still)
    assert sorted(address for address, _subject in told()) == sorted(["ilze@plomba.example", desk[0].email])


def test_without_the_last_resort_nobody_would_hear(
    anna: ContactPerson, till: Terminal, still: StillClock, desk: tuple[User, User], monkeypatch: Any
) -> None:
    monkeypatch.setattr("collector.requests.calling._anybody", lambda *_given: [])
    asked(anna, till, still, "yes")
    passes(still)
    assert told() == []


def test_a_queue_without_people_reaches_the_managers(
    anna: ContactPerson, till: Terminal, still: StillClock
) -> None:
    boss = office.person("manager")
    Queue.objects.get(pk="technical").members.create(user=office.person(email="", is_active=False))
    asked(anna, till, still)
    passes(still)
    assert [address for address, _subject in told()] == [boss.email]


def test_several_of_one_window_come_in_one_message(
    anna: ContactPerson, till: Terminal, still: StillClock, desk: tuple[User, User]
) -> None:
    for number in range(3):
        asked(anna, office.till(till.site, f"Kase {number + 7}"), still)
    passes(still)
    assert told() == [("ilze@plomba.example", "Pieteikumi: jauni: 3")]
    assert Call.objects.exclude(outgoing=None).count() == 3


def test_the_same_said_again_is_not_told_again_while_nobody_has_it(
    anna: ContactPerson, till: Terminal, still: StillClock, desk: tuple[User, User]
) -> None:
    first = asked(anna, till, still)
    passes(still)
    asked(anna, till, still)
    passes(still)
    assert len(told()) == 1
    assert Turn.objects.order_by("-pk")[0].silent == "double"
    acts.take(first.pk, desk[1], desk[1], still.now())
    asked(anna, till, still)
    passes(still)
    assert len(told()) == 2


def test_one_message_per_cause_where_the_incident_was_told(
    anna: ContactPerson, till: Terminal, still: StillClock, desk: tuple[User, User]
) -> None:
    incident = people.fault(till, still)
    telling.tell(still.now())
    still.seconds += GROUP
    telling.tell(still.now())
    assert len(told()) == 1
    asked(anna, till, still, incident=incident)
    passes(still)
    assert len(told()) == 1


def test_whose_it_is_hears_of_it_and_of_what_the_customer_says(
    anna: ContactPerson, till: Terminal, still: StillClock, desk: tuple[User, User]
) -> None:
    quiet, loud = desk
    made = asked(anna, till, still)
    acts.take(made.pk, loud, quiet, still.now())
    passes(still)
    voice.say(made.pk, Actor(contact=anna), "Tagad iet", still.now())
    passes(still)
    assert [address for address, _subject in told()] == [quiet.email, quiet.email]
    assert [subject.split(" P-")[0] for _address, subject in told()] == [
        "A request is assigned to you",
        "The customer answered",
    ]
    acts.take(made.pk, loud, loud, still.now())
    passes(still)
    assert len(told()) == 2


def test_two_workers_decide_and_write_once(
    anna: ContactPerson, till: Terminal, still: StillClock, desk: tuple[User, User]
) -> None:
    """The second comes after the first has claimed; without the claim there would be calls of both."""
    asked(anna, till, still)
    turn = Turn.objects.get()
    assert [waking.hear(turn.pk, still.now()) for _ in range(2)] == [True, False]
    still.seconds += GROUP
    call = Call.objects.get()
    ear = ringing.Ear(desk[1], call.channel, call.address)
    stale = list(Call.objects.select_related("turn__entry", "turn__request__customer"))
    assert ringing.speak(ear, still.now())
    with pytest.raises(ringing.TakenByAnother):
        ringing._write(ear, stale, still.now(), None)
    assert len(told()) == 1


def test_the_cap_of_an_address_counts_incidents_and_requests_together(
    anna: ContactPerson, till: Terminal, still: StillClock, desk: tuple[User, User], settings: Any
) -> None:
    given = django_settings.CONFIG
    settings.CONFIG = given.model_copy(update={"notify": given.notify.model_copy(update={"most": 2})})
    people.fault(till, still)
    telling.tell(still.now())
    still.seconds += GROUP
    telling.tell(still.now())
    for number in range(3):
        asked(anna, office.till(till.site, f"Kase {number + 7}"), still)
        passes(still)
    letters = list(Outgoing.objects.filter(address="ilze@plomba.example").order_by("pk"))
    assert len(letters) == 2
    assert "vairs nekas netiks sūtīts" in letters[1].text


def test_the_chain_hears_when_nobody_takes_it_and_once(
    anna: ContactPerson, till: Terminal, still: StillClock, desk: tuple[User, User]
) -> None:
    chain = Chain.objects.get(priority=2)
    rung = chain.rungs.get(trigger="nobody")
    boss = office.person("manager")
    made = asked(anna, till, still)
    assert escalating.tell_due(still.now()) == 0
    still.seconds += rung.threshold * 60
    assert [escalating.tell_due(still.now()) for _ in range(2)] == [1, 0]
    kept = Escalation.objects.get()
    assert kept.told == [boss.pk]
    assert "Nobody has taken it for" in Outgoing.objects.get(address=boss.email).text
    acts.take(made.pk, desk[0], desk[0], still.now())
    still.seconds += timedelta(days=1).total_seconds()
    assert all(row.rung.trigger != "nobody" for row in Escalation.objects.exclude(pk=kept.pk))


def test_two_workers_escalate_once(
    anna: ContactPerson, till: Terminal, still: StillClock, desk: tuple[User, User]
) -> None:
    office.person("manager")
    made = asked(anna, till, still)
    rung = next(one for chain in chains.chains_in_use() for one in chain.rungs if one.trigger == "nobody")
    due = Due(rung, "nobody:0")
    assert [escalating.tell(made, due, START) for _ in range(2)] == [True, False]


def test_every_text_is_there_in_three_languages() -> None:
    assert set(TEXTS) == {"lv", "en", "ru"}
    assert set(TEXTS["lv"]) == set(TEXTS["en"]) == set(TEXTS["ru"])


def test_the_page_of_a_request_shows_who_was_told(
    anna: ContactPerson, till: Terminal, still: StillClock, desk: tuple[User, User]
) -> None:
    made = asked(anna, till, still)
    passes(still)
    page = world.signed_in("reader").get(f"/requests/{made.pk}/").content.decode()
    assert "Who was told" in page
    assert "Ilze" in page
    assert anna.email in page
