"""The life of a request: what may be done when, what the customer reads of it, and what time does."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.core import calendars, clock
from collector.core.models import User
from collector.incidents import contracts
from collector.incidents.contracts import Draft
from collector.incidents.life import MoveRefused
from collector.inventory.models import ContactPerson, Terminal
from collector.notify.models import Outgoing
from collector.requests import acts, catalogue, files, fulfilment, promise, ticks, voice
from collector.requests.acts import ActRefused
from collector.requests.fulfilment import StepRefused
from collector.requests.log import Actor
from collector.requests.models import Request
from collector.requests.opening import PlaceWrong, Wish, open_request
from protocols.errors import PlombaError
from tests.collector.web import world

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 4, 30, 9, tzinfo=UTC)
REGISTRATION = {"model": "m", "chassis": "1", "address": "a", "from": "2026-12-01"}


@pytest.fixture
def worker(db: None) -> User:
    return world.person("technician")


def asked(
    anna: ContactPerson, till: Terminal, key: str = "fault", now: datetime = NOW, **answers: str
) -> Request:
    given_ = answers or {"fault": {"selling": "no"}, "registration": REGISTRATION}.get(key, {})
    wish = Wish(
        type=catalogue.types()[key], customer=anna.customer, terminal=till, contact=anna, source="portal",
        title="Neiet", text="Palīgā", answers=given_,
    )  # fmt: skip
    return open_request(wish, Actor(contact=anna), now)


def kinds(made: Request, public: bool = True) -> list[str]:
    return list(made.entries.filter(public=public).values_list("kind", flat=True))


def fresh(made: Request) -> Request:
    return Request.objects.get(pk=made.pk)


def test_a_till_that_cannot_sell_comes_first(anna: ContactPerson, till: Terminal) -> None:
    stands, sells = asked(anna, till, selling="no"), asked(anna, till, selling="yes")
    assert stands.priority < sells.priority
    assert stands.queue == "technical"


def test_a_place_must_be_there_and_be_the_customers_own(anna: ContactPerson, till: Terminal) -> None:
    foreign = world.till(world.site("Kūriņš", "Ventspils", "SIA Jūras vējš"))
    with pytest.raises(PlaceWrong) as refused:
        asked(anna, foreign)
    assert refused.value.code == "request.place_foreign"
    with pytest.raises(PlaceWrong):
        asked(anna, None)  # type: ignore[arg-type]
    wish = Wish(
        type=catalogue.types()["fault"],
        customer=anna.customer,
        terminal=till,
        source="portal",
        answers={"selling": "no"},
        incident=world.incident(foreign),
    )
    with pytest.raises(PlaceWrong):
        open_request(wish, Actor(contact=anna), NOW)


def test_the_whole_way_and_what_the_customer_reads(anna: ContactPerson, till: Terminal, worker: User) -> None:
    made = asked(anna, till)
    acts.take(made.pk, worker, worker, NOW)
    acts.say(made.pk, worker, "iekšēji", NOW, public=False)
    acts.say(made.pk, worker, "Skatāmies", NOW, public=True)
    acts.wait(made.pk, worker, "customer", NOW + timedelta(days=1), reason="Lūdzu bildi", now=NOW)
    assert fresh(made).state == "pending_customer"
    voice.say(
        made.pk, Actor(contact=anna), "Te ir", NOW, attached=[files.File("a.png", b"\x89PNG\r\n\x1a\n1")]
    )
    assert fresh(made).state == "assigned"
    acts.resolve(made.pk, worker, "Nomainīts kabelis", "hardware_repair", NOW)
    voice.reopen(made.pk, anna, "Atkal", NOW)
    acts.resolve(made.pk, worker, "Nomainīts bloks", "", NOW)
    voice.rate(made.pk, anna, 5, "Paldies", NOW)
    voice.settle(made.pk, anna, NOW)
    done = fresh(made)
    assert (done.state, done.rating, done.reopen_count) == ("closed", 5, 1)
    assert "noted" not in kinds(made)
    assert "iekšēji" not in "".join(Outgoing.objects.values_list("text", flat=True))
    subjects = list(Outgoing.objects.order_by("id").values_list("subject", flat=True))
    assert [subject.partition(":")[0].partition(" [")[0] for subject in subjects] == [
        "Saņēmām", "Neiet", "Vajadzīga jūsu atbilde", "Atrisināts", "Atrisināts",
    ]  # fmt: skip
    with pytest.raises(MoveRefused):
        voice.reopen(made.pk, anna, "vēlreiz", NOW)


def test_an_answer_opens_again_what_was_solved(anna: ContactPerson, till: Terminal, worker: User) -> None:
    made = asked(anna, till)
    acts.resolve(made.pk, worker, "Viss", "", NOW)
    voice.say(made.pk, Actor(contact=anna), "Nav", NOW)
    assert fresh(made).state == "assigned"
    voice.say(made.pk, Actor(name="svešs"), "Es arī", NOW)
    assert made.entries.latest("id").public is False


def test_steps_go_in_order_and_wait_for_whom_they_are(
    anna: ContactPerson, till: Terminal, worker: User
) -> None:
    """Three legal working days after 2026-04-30 are 2026-05-07 (facts, section 5)."""
    calendars.ensure(NOW)
    made = asked(anna, till, "registration")
    acts.take(made.pk, worker, worker, NOW)
    with pytest.raises(StepRefused) as early:
        acts.do_step(made.pk, "submit", Actor(worker), NOW)
    assert early.value.code == "request.step_early"
    with pytest.raises(StepRefused) as foreign:
        voice.confirm_step(made.pk, anna, "version", NOW)
    assert foreign.value.code == "request.step_foreign"
    for name in ("version", "install", "submit"):
        acts.do_step(made.pk, name, Actor(worker), NOW)
    waiting = fresh(made)
    assert waiting.state == "pending_legal"
    current = fulfilment.current(waiting)
    assert current is not None
    assert (current.name, current.due_on) == ("eds_confirm", date(2026, 5, 7))
    with pytest.raises(ActRefused):
        acts.resolve(made.pk, worker, "gatavs", "", NOW)
    voice.confirm_step(made.pk, anna, "eds_confirm", NOW)
    assert fresh(made).state == "assigned"
    with pytest.raises(StepRefused) as twice:
        voice.confirm_step(made.pk, anna, "eds_confirm", NOW)
    assert twice.value.code == "request.step_done"
    assert Outgoing.objects.filter(subject__startswith="Jūsu kārta").count() == 1


def test_paid_work_waits_for_who_may_agree(anna: ContactPerson, till: Terminal, worker: User) -> None:
    made = asked(anna, till, "paid_work", work="Kabelis")
    with pytest.raises(StepRefused) as early:
        acts.do_step(made.pk, "do", Actor(worker), NOW)
    assert early.value.code == "request.approval_open"
    question = acts.ask_approval(made.pk, worker, "Vai piekrītat?", 123_456, NOW)
    assert "1\u00a0234,56\u00a0€" in Outgoing.objects.latest("id").text
    helper = ContactPerson.objects.create(customer=anna.customer, name="Jānis", email="j@karote.lv")
    with pytest.raises(ActRefused) as refused:
        voice.decide(made.pk, helper, question.pk, True, comment="", now=NOW)
    assert refused.value.code == "request.not_allowed"
    voice.decide(made.pk, anna, question.pk, False, comment="Dārgi", now=NOW)
    with pytest.raises(ActRefused):
        voice.decide(made.pk, anna, question.pk, True, comment="", now=NOW)
    with pytest.raises(StepRefused):
        acts.do_step(made.pk, "do", Actor(worker), NOW)
    cheaper = acts.ask_approval(made.pk, worker, "Un tā?", 100, NOW)
    voice.decide(made.pk, anna, cheaper.pk, True, comment="", now=NOW)
    acts.do_step(made.pk, "do", Actor(worker), NOW)
    assert fulfilment.agreed(fresh(made))


def test_a_customer_does_not_answer_a_managers_question(anna: ContactPerson, till: Terminal) -> None:
    answers = {"what": "tape", "from": "2026-01-01", "to": "2026-02-01", "why": "VID"}
    made = asked(anna, till, "data_retrieval", **answers)
    with pytest.raises(ActRefused):
        voice.decide(made.pk, anna, made.approvals.get().pk, True, comment="", now=NOW)


def test_what_was_pinned_stays_when_the_catalogue_changes(anna: ContactPerson, till: Terminal) -> None:
    made = asked(anna, till, "registration")
    text = catalogue.text_of("registration").replace('name = "version"', 'name = "other"', 1)
    catalogue.save(text, world.person("manager"), "", 0, NOW)
    assert "version" in [step.name for step in acts.type_of(fresh(made)).steps]
    assert set(made.steps.values_list("name", flat=True)) >= {"version"}


def test_the_promise_follows_the_contract_and_waiting_does_not_count(
    anna: ContactPerson, till: Terminal, worker: User
) -> None:
    """The vector of Znuny: 2 h from 08:00, waiting from 09:00, still waiting at 09:30: due 10:30."""
    calendars.ensure(NOW)
    targets = [{"metric": "ttr", "minutes": 120}, {"metric": "tto", "minutes": 30}]
    draft = Draft(
        name="Līgums", customer=anna.customer.pk, valid_from=date(2026, 1, 1), targets=targets,
        reaction_calendar=calendars.ALWAYS, solution_calendar=calendars.ALWAYS,
    )  # fmt: skip
    contracts.make(draft, NOW)
    eight = NOW.replace(hour=8)
    made = asked(anna, till, now=eight)
    assert made.promised_at == eight + timedelta(hours=2)
    acts.take(made.pk, worker, worker, eight)
    nine = eight + timedelta(hours=1)
    acts.wait(made.pk, worker, "customer", nine + timedelta(hours=8), reason="Lūdzu bildi", now=nine)
    half_past = nine + timedelta(minutes=30)
    solution = promise.clocks(fresh(made), half_past).solution
    assert solution is not None
    assert solution.due_at == eight.replace(hour=10, minute=30)
    reaction = promise.clocks(fresh(made), half_past).reaction
    assert reaction is not None
    assert reaction.standing == "stopped", "the question to the customer was an answer of a person"
    voice.say(made.pk, Actor(contact=anna), "Te", half_past)
    assert fresh(made).promised_at == eight.replace(hour=10, minute=30)


def test_time_ends_waits_and_closes_what_was_solved(
    anna: ContactPerson, till: Terminal, worker: User
) -> None:
    calendars.ensure(NOW)
    waiting, solved = asked(anna, till), asked(anna, till)
    acts.take(waiting.pk, worker, worker, NOW)
    acts.wait(waiting.pk, worker, "supplier", NOW + timedelta(hours=1), reason="Detaļa", now=NOW)
    acts.resolve(solved.pk, worker, "Viss", "", NOW)
    ticks.wake_due(NOW + timedelta(minutes=59))
    ticks.close_old(
        NOW + timedelta(days=11)
    )  # 30 April, with 1 and 4 May off: the fifth working day is 11 May
    assert (fresh(waiting).state, fresh(solved).state) == ("pending_supplier", "resolved")
    ticks.wake_due(NOW + timedelta(hours=1))
    ticks.close_old(NOW + timedelta(days=12))
    assert (fresh(waiting).state, fresh(solved).state) == ("assigned", "closed")


def test_merged_ones_lead_on_and_stay_with_the_customer(
    anna: ContactPerson, till: Terminal, worker: User
) -> None:
    first, second = asked(anna, till), asked(anna, till)
    other = world.till(world.site("Kūriņš", "Ventspils", "SIA Jūras vējš"))
    stranger = ContactPerson.objects.create(customer=other.site.customer, name="Ilze", email="i@vejs.lv")
    foreign = asked(stranger, other)
    for into in (first.pk, foreign.pk, 10**6):
        with pytest.raises(ActRefused):
            acts.merge(first.pk, worker, into, NOW)
    acts.merge(first.pk, worker, second.pk, NOW)
    assert (fresh(first).state, fresh(first).merged_into) == ("merged", second)


def test_an_incident_is_opened_of_a_request_once(anna: ContactPerson, till: Terminal, worker: User) -> None:
    first, second = asked(anna, till), asked(anna, till)
    incident = acts.open_incident(first.pk, worker, NOW)
    assert (incident.terminal, incident.source, incident.priority) == (till, "portal", first.priority)
    assert fresh(first).incident == incident
    with pytest.raises(ActRefused) as again:
        acts.open_incident(first.pk, worker, NOW)
    assert again.value.code == "request.incident_there"
    acts.link(second.pk, worker, incident, NOW)
    foreign = world.incident(world.till(world.site("Kūriņš", "Ventspils", "SIA Jūras vējš")))
    with pytest.raises(ActRefused):
        acts.link(second.pk, worker, foreign, NOW)


STIMULI = ("take", "start", "queue", "wait", "wake", "visit", "resolve", "reopen", "close", "cancel", "say")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(STIMULI), max_size=10))
def test_whatever_is_done_the_log_tells_the_state(names: list[str]) -> None:
    """In any order: an act does what its line says or is refused and leaves nothing; the log begins with the opening
    and ends with the state that the request has, each line where the one before it ended."""
    till = world.till()
    anna = ContactPerson.objects.create(customer=till.site.customer, name="A", email="a@b.lv")
    worker, made = world.person("technician"), asked(anna, till)
    later = NOW + timedelta(days=1)
    do = {
        "take": lambda: acts.take(made.pk, worker, worker, NOW),
        "start": lambda: acts.start(made.pk, worker, NOW),
        "queue": lambda: acts.give_back(made.pk, worker, "helpdesk", NOW),
        "wait": lambda: acts.wait(made.pk, worker, "customer", later, reason="x", now=NOW),
        "wake": lambda: acts.wake(made.pk, worker, NOW),
        "visit": lambda: acts.agree_visit(made.pk, worker, later, "", NOW),
        "resolve": lambda: acts.resolve(made.pk, worker, "x", "", NOW),
        "reopen": lambda: acts.reopen(made.pk, Actor(contact=anna), "x", NOW),
        "close": lambda: acts.close(made.pk, Actor(worker), NOW),
        "cancel": lambda: acts.cancel(made.pk, Actor(contact=anna), "x", NOW),
        "say": lambda: voice.say(made.pk, Actor(contact=anna), "x", NOW),
    }
    for name in names:
        before = made.entries.count()
        try:
            do[name]()
        except PlombaError:
            assert made.entries.count() == before
    moves = list(made.entries.exclude(to_state="").values_list("from_state", "to_state"))
    assert moves[0] == ("", "new")
    assert all(after[0] == before[1] for before, after in pairwise(moves))
    assert moves[-1][1] == fresh(made).state


def test_files_are_limited_and_named_harmlessly() -> None:
    with pytest.raises(files.FilesRefused):
        files.accept([files.File("a", b"x" * (files.MOST_BYTES + 1))])
    with pytest.raises(files.FilesRefused):
        files.accept([files.File("a", b"x")] * (files.MOST_FILES + 1))
    kept, left_out = files.within([files.File("a", b"x")] * (files.MOST_FILES + 2))
    assert (len(kept), left_out) == (files.MOST_FILES, 2)
    assert files.plain_name("../../etc/pass\0wd\r\n.html") == "pass_wd_.html"
    assert files.plain_name("C:\\x\\..") == "file"
    assert files.kind_of(b"<svg onload=x>") == "application/octet-stream"
    assert clock.now()
