"""Events judged together, as the writer does it: the same rows as judged one by one, with a fraction of the
questions."""

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from collector.core import live
from collector.incidents import apply, batch, ticks
from collector.incidents.batch import Batch
from collector.incidents.engine.facts import Spot, till_place
from collector.incidents.models import Incident, State, Transition
from collector.incidents.watch_models import Watched
from collector.inventory.models import Customer, Device, Site, Terminal
from protocols.wire import v1
from tests.collector.served import event
from tests.collector.still import START, StillClock

CODES = (
    "printer.paper_end",
    "printer.offline",
    "printer.paper_near_end",
    "drawer.open_too_long",
    "device.no_reply",
    "agent.silent",
    "fiscal.tax_link",
)
TOGETHER = 60
AHEAD = timedelta(seconds=2)
Told = tuple[str, v1.Event, datetime]
Rows = dict[str, list[tuple[object, ...]]]


def tills(count: int) -> list[str]:
    customer = Customer.objects.create(name="SIA Kafija")
    hours = {"mon": [["08:00", "12:00"]]}
    shops = [
        Site.objects.create(customer=customer, name=f"Veikals {n}", provider="Tet", hours=hours if n else {})
        for n in range(3)
    ]
    made = [
        Terminal.objects.create(
            id=f"kase-{n:02}", site=shops[n % 3], name=f"Kase {n}", public_key=f"k{n}", enrolled_at=START
        )
        for n in range(count)
    ]
    return [one.pk for one in made]


def story(names: Sequence[str], count: int, still: StillClock, seed: int) -> list[Told]:
    """Faults that come, go, come again and are told twice, with hours between some; and one that all have at once."""
    rng = random.Random(seed)
    up: set[tuple[str, str]] = set()
    found: list[Told] = []
    for n in range(count):
        still.seconds += rng.choice((0.2, 0.2, 3, 40)) if n % 97 else 5000
        one = (rng.choice(names), rng.choice(CODES[:3] if n % 2 else CODES))
        raised = one not in up or rng.random() < 0.1
        (up.add if raised else up.discard)(one)
        told = event(n + 1, "raised" if raised else "cleared", one[1], at=still.now() - AHEAD)
        if one[1] == "agent.silent":
            told = told.model_copy(update={"subject": v1.Subject(kind=v1.SubjectKind.TERMINAL)})
        found.append((one[0], told, still.now()))
        if rng.random() < 0.05:
            found.append(found[-1])
    for name in names:
        still.seconds += 0.1
        found.append(
            (name, event(count + 1, "raised", "device.port_missing", at=still.now() - AHEAD), still.now())
        )
    return found


def one_by_one(told: Sequence[Told]) -> None:
    for till, one, now in told:
        apply.record_event(till, one, now, now - AHEAD)


def together(told: Sequence[Told]) -> None:
    found = Batch()
    found.expect(
        Spot(till_place(till), one.subject.kind.value, one.subject.id, one.code) for till, one, _now in told
    )
    for till, one, now in told:
        found.tell(till, apply.happening(one), now, AHEAD)
    found.end()


def lived(told: Sequence[Told], tell: Callable[[Sequence[Told]], None]) -> Rows:
    """What the tables hold after it, of nothing else than this; then it never was. Between two groups time passes and
    a person has a hand in it."""
    with transaction.atomic():
        for n in range(0, len(told), TOGETHER):
            group = told[n : n + TOGETHER]
            tell(group)
            meddle(group[-1][2])
        found = rows()
        transaction.set_rollback(True)
    return found


def meddle(now: datetime) -> None:
    ticks.resolve_due(now)
    ticks.rejudge(now)
    newest = Incident.objects.filter(state=State.NEW, suppressed_since=None).order_by("-id").first()
    if newest is not None:
        newest.state, newest.resolution = State.RESOLVED, "by hand"
        newest.save()


def rows() -> Rows:
    """Of all fields; numbers of rows as their place in the table."""
    places: dict[object, int] = {
        pk: n for n, pk in enumerate(Incident.objects.order_by("id").values_list("pk", flat=True))
    }
    found: Rows = {}
    for model in (Incident, Transition, Watched, Device):
        names = [one.attname for one in model._meta.fields if one.attname not in ("id", "device_id")]
        order = ("place", "subject_kind", "subject_id", "code") if model is Watched else ("id",)
        listed = model._default_manager.order_by(*order).values(*names)
        found[model.__name__] = [tuple(_value(name, one[name], places) for name in names) for one in listed]
    return found


def _value(name: str, value: object, places: dict[object, int]) -> object:
    if name in ("incident_id", "cause_id"):
        return places.get(value)
    if isinstance(value, dict) and value.get("cause") is not None:
        return {**value, "cause": places[value["cause"]]}
    return value


@pytest.mark.django_db
def test_together_is_as_one_by_one(still: StillClock) -> None:
    names, kinds = tills(36), set()
    for seed in (1, 2):
        told = story(names, 120, still, seed)
        alone, both = lived(told, one_by_one), lived(told, together)
        assert both == alone
        kinds.update(row[1] for row in alone["Transition"])
    assert {"opened", "repeated", "cleared", "reopened", "resolved", "suppressed", "released"} <= kinds


@pytest.mark.django_db
def test_an_event_costs_less_than_one_question(still: StillClock) -> None:
    names, told = tills(10), []
    for n in range(200):
        still.seconds += 0.05
        code, change = CODES[n // 10 % 2], "cleared" if n // 20 % 2 else "raised"
        told.append((names[n % 10], event(n + 1, change, code, at=still.now() - AHEAD), still.now()))
    with CaptureQueriesContext(connection) as queries:
        together(told)
    assert len(queries) < len(told)


@pytest.mark.django_db(transaction=True)
def test_an_incident_is_news_once_and_only_after_commit(
    still: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    news: list[object] = []
    monkeypatch.setattr(live, "publish", news.append)
    still.seconds = 1
    (till,) = tills(1)
    told = [
        (till, event(n, "raised" if n % 2 else "cleared", "printer.paper_end", at=still.now()), still.now())
        for n in range(1, 8)
    ]
    with transaction.atomic():
        together(told)
        assert not news
    assert len(news) == 1


@pytest.mark.django_db
def test_control_a_batch_that_forgets_what_it_changed_is_not_as_one_by_one(
    still: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = story(tills(10), 60, still, 1)
    alone = lived(told, one_by_one)
    monkeypatch.setattr(batch, "_LIVED", ("state",))
    assert lived(told, together) != alone
