"""Who is told of what: once per cause, in their hours, grouped and capped, and told again when it ends."""

import pytest

from collector.incidents.models import Incident, Kind
from collector.inventory.enrolment import site_of
from collector.inventory.models import Site, Terminal
from collector.notify import telling
from collector.notify.models import Channel, Outgoing, Telling
from tests.collector.notify.people import address, fault, messages, person, resolve, till, turn
from tests.collector.still import StillClock

pytestmark = pytest.mark.django_db
GROUP_S = 30


def passes(still: StillClock, seconds: float = GROUP_S + 1, step: float = 5) -> None:
    """Time goes by while the duty runs."""
    for _ in range(int(seconds / step) + 1):
        telling.tell(still.now())
        still.seconds += step
    telling.tell(still.now())


def test_a_fault_is_told_once_after_the_window(terminal: Terminal, still: StillClock) -> None:
    who = address()
    incident = fault(terminal, still)
    telling.tell(still.now())
    assert messages(who) == []
    passes(still, 120)
    (told,) = messages(who)
    assert told.subject == f"Error: Printer is out of paper – Kafejnīca Centrs, Kase 1, {incident.subject_id}"
    assert "Customer: SIA Zaļā karote" in told.text
    assert f"/incidents/{incident.pk}/" in told.text
    assert told.about == f"incident:{incident.pk}"


def test_what_is_over_before_it_was_told_is_not_told(terminal: Terminal, still: StillClock) -> None:
    who = address()
    incident = fault(terminal, still)
    passes(still, 10)
    resolve(incident, still)
    passes(still)
    assert messages(who) == []
    assert [row.dropped for row in who.tellings.all()] == ["over"]


def test_those_who_were_told_are_told_of_the_end_in_the_same_conversation(
    terminal: Terminal, still: StillClock
) -> None:
    early = address()
    incident = fault(terminal, still)
    passes(still)
    late = address()
    resolve(incident, still)
    passes(still)
    began, ended = messages(early)
    assert ended.subject.startswith("Over: Printer is out of paper")
    assert ended.thread == began.key
    assert messages(late) == []


def test_who_does_not_want_the_end_is_not_told_of_it(terminal: Terminal, still: StillClock) -> None:
    who = address(tells_end=False)
    incident = fault(terminal, still)
    passes(still)
    resolve(incident, still)
    passes(still)
    assert len(messages(who)) == 1


def test_faults_of_one_window_come_in_one_message(terminal: Terminal, still: StillClock) -> None:
    who = address()
    for code in ("printer.paper_end", "host.too_hot", "drawer.stuck"):
        fault(terminal, still, code)
        passes(still, 4, 2)
    passes(still)
    (told,) = messages(who)
    assert told.subject == "Incidents: 3 new"
    assert told.text.count("- Error:") == 3
    assert told.about == ""


def test_forty_tills_behind_one_line_are_one_message(db: None, still: StillClock) -> None:
    """The cause is found a moment after its first effects were seen; they stay silent and are counted."""
    who = address()
    site = site_of("SIA Zaļā karote", "Kafejnīca Centrs")
    effects = [
        fault(till(site, f"Kase {number}"), still, "agent.silent", subject_id="") for number in range(40)
    ]
    passes(still, 10)
    cause = fault(
        None, still, "site.offline", site=site, subject_kind="site", subject_id="", severity="critical"
    )
    for effect in effects:
        turn(
            effect,
            Kind.SUPPRESSED,
            still,
            cause=cause,
            suppressed_since=still.now(),
            suppressed_why="cause",
        )
    passes(still)
    (told,) = messages(who)
    assert told.about == f"incident:{cause.pk}"
    assert "Silent because this is their cause: 40" in told.text
    for incident in (cause, *effects):
        resolve(incident, still)
    passes(still)
    assert [message.subject.split(":")[0] for message in messages(who)] == ["Critical", "Over"]


def test_an_effect_that_outlasts_its_cause_is_told_then(terminal: Terminal, still: StillClock) -> None:
    who = address()
    cause = fault(terminal, still, "host.on_battery", severity="warning")
    effect = fault(terminal, still, cause=cause, suppressed_since=still.now(), suppressed_why="cause")
    passes(still)
    assert len(messages(who)) == 1
    turn(effect, Kind.RELEASED, still, cause=None, suppressed_since=None, suppressed_why="")
    passes(still)
    assert [message.about for message in messages(who)] == [
        f"incident:{cause.pk}",
        f"incident:{effect.pk}",
    ]


def test_severity_customer_and_site_are_chosen(terminal: Terminal, still: StillClock) -> None:
    elsewhere = site_of("SIA Cits", "Cits veikals")
    grave = address(severity="critical")
    of_site = address(sites=[terminal.site])
    of_customer = address(customers=[terminal.site.customer])
    of_other = address(customers=[elsewhere.customer], sites=[elsewhere])
    fault(terminal, still)
    fault(till(elsewhere), still, "printer.mechanism_error", severity="critical")
    passes(still)
    got = [[message.subject for message in messages(who)] for who in (grave, of_site, of_customer, of_other)]
    assert [len(subjects) for subjects in got] == [1, 1, 1, 1]
    assert "mechanism" in got[0][0]
    assert "paper" in got[1][0]
    assert "paper" in got[2][0]
    assert "mechanism" in got[3][0]


def test_a_quiet_hour_holds_it_until_the_person_is_there(terminal: Terminal, still: StillClock) -> None:
    """START is a Monday, 12:00 in Riga."""
    who = address(hours={"mon": [["13:00", "18:00"]]})
    over, lasting = fault(terminal, still), fault(terminal, still, "host.too_hot")
    passes(still, 60)
    resolve(over, still)
    assert messages(who) == []
    still.seconds = 3600
    passes(still, 5)
    (told,) = messages(who)
    assert told.about == f"incident:{lasting.pk}"


def test_back_before_the_end_was_told_is_no_news(terminal: Terminal, still: StillClock) -> None:
    who = address()
    incident = fault(terminal, still)
    passes(still)
    resolve(incident, still)
    passes(still, 5)
    turn(incident, Kind.REOPENED, still, state="new", resolved_at=None)
    passes(still)
    assert len(messages(who)) == 1
    resolve(incident, still)
    passes(still)
    assert len(messages(who)) == 2


def test_worse_than_told_is_told_once_more(terminal: Terminal, still: StillClock) -> None:
    who = address()
    incident = fault(terminal, still, severity="warning")
    passes(still)
    turn(incident, Kind.ESCALATED, still, severity="critical")
    turn(incident, Kind.ESCALATED, still, severity="critical")
    passes(still)
    assert [message.subject.split(":")[0] for message in messages(who)] == ["Warning", "Worse"]


def test_a_storm_is_capped_and_summed_up(terminal: Terminal, still: StillClock) -> None:
    """A fault every forty seconds: six messages in any ten minutes, and nothing is left out in the end."""
    who = address()
    for _ in range(30):
        fault(terminal, still)
        passes(still, 39, 20)
    passes(still, 1300, 60)
    told = messages(who)
    at = [message.made_at.timestamp() for message in told]
    assert max(sum(0 <= other - one < 600 for other in at) for one in at) == 6
    assert "nothing more is sent here" in told[5].text
    assert "nothing more" not in told[0].text
    assert Telling.objects.filter(outgoing=None).count() == 0
    assert Telling.objects.values("incident").distinct().count() == 30


def test_people_who_left_are_not_told(terminal: Terminal, still: StillClock) -> None:
    gone = person()
    who = address(whose=gone)
    gone.is_active = False
    gone.save()
    fault(terminal, still)
    passes(still)
    assert messages(who) == []


@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize("language", ["lv", "en", "ru"])
def test_every_channel_speaks_three_languages(
    terminal: Terminal, still: StillClock, channel: Channel, language: str
) -> None:
    site: Site = terminal.site
    who = address(channel, whose=person(language), to="x")
    one = fault(terminal, still, severity="critical", major_since=still.now())
    fault(terminal, still, "agent.silent", cause=one, suppressed_since=still.now())
    passes(still)
    turn(one, Kind.MAJOR, still)
    fault(till(site), still, "host.too_hot")
    passes(still)
    for incident in Incident.objects.filter(cause=None):
        resolve(incident, still)
    passes(still)
    texts = [f"{message.subject}\n{message.text}" for message in messages(who)]
    assert len(texts) == 3
    words = {"lv": "Beigušies", "en": "Over", "ru": "Завершены"}
    assert words[language].lower() in texts[-1].lower() or channel in (Channel.SMS, Channel.PUSH)
    for text in texts:
        assert "{" not in text
        assert "None" not in text
        assert "\n\n\n" not in text
    if channel == Channel.SMS and language == "lv":
        assert all(message.text.isascii() for message in messages(who))


def test_what_commits_late_is_read_and_nothing_twice(terminal: Terminal, still: StillClock) -> None:
    """On PostgreSQL a transaction with a lower number may commit after a higher one was read."""
    who = address()
    early = fault(terminal, still)
    row = early.transitions.get()
    number = row.pk
    row.delete()
    later = fault(terminal, still, "host.too_hot")
    passes(still)
    assert [message.about for message in messages(who)] == [f"incident:{later.pk}"]
    row.pk = number
    row.save(force_insert=True)
    passes(still)
    passes(still)
    assert [message.about for message in messages(who)] == [f"incident:{later.pk}", f"incident:{early.pk}"]
    assert Outgoing.objects.count() == 2


def test_who_shall_work_on_it_is_told_whatever_its_severity(terminal: Terminal, still: StillClock) -> None:
    worker, boss = person(), person()
    who = address(whose=worker, severity="critical")
    incident = fault(terminal, still, severity="warning")
    passes(still)
    assert messages(who) == []
    turn(incident, Kind.ASSIGNED, still, assignee=worker, by=boss)
    passes(still)
    resolve(incident, still)
    passes(still)
    assert [message.subject.split(":")[0] for message in messages(who)] == ["Assigned to you", "Over"]


def test_who_takes_it_or_loses_it_again_is_not_told(terminal: Terminal, still: StillClock) -> None:
    worker, boss = person(), person()
    who = address(whose=worker, severity="critical")
    taken, lost = (
        fault(terminal, still, severity="warning"),
        fault(terminal, still, "host.disk_low", severity="warning"),
    )
    turn(taken, Kind.ASSIGNED, still, assignee=worker, by=worker)
    turn(lost, Kind.ASSIGNED, still, assignee=worker, by=boss)
    turn(lost, Kind.ASSIGNED, still, assignee=boss, by=boss)
    passes(still)
    assert messages(who) == []


def test_a_hundred_shops_at_once_are_one_message(db: None, still: StillClock) -> None:
    who = address()
    for number in range(100):
        fault(till(site_of("SIA Ķēde", f"Veikals {number}")), still)
    passes(still)
    (told,) = messages(who)
    assert told.subject == "Incidents: 100 new"
    assert "Not listed here: 80" in told.text
    assert len(told.text) < 8000
