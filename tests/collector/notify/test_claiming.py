"""Any interleaving of two workers, with crashes between any two steps: what the other side took and a worker recorded
is never sent again, and nothing is lost. The controls take the claim or its second look away and are found out."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from collector.notify import claiming, outbox
from collector.notify.claiming import LEASE
from collector.notify.models import Channel, Outgoing, Status
from collector.notify.outbox import Letter
from tests.collector.still import START

pytestmark = pytest.mark.django_db
WORKERS = ("one", "two")
KEYS = ("a", "b", "c")


def letter(key: str) -> Letter:
    return Letter(Channel.EMAIL, f"{key}@example.com", "en", key, key, key=key)


class TwoWorkers(RuleBasedStateMachine):
    """Each worker is a program of four steps: claim, begin, hand over, record. A rule lets one of them do its next
    step, die, or sleep while the lease runs out. What the other side took is counted by key; `excused` counts how often
    a message may come again, which is each time a worker ended, or slept through the lease, between the
    hand-over and the record."""

    claims = True

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.arrived: Counter[str] = Counter()
        self.excused: Counter[str] = Counter()
        self.at: dict[str, tuple[str, Any]] = dict.fromkeys(WORKERS, ("free", None))

    @initialize(keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=3))
    def put(self, keys: list[str]) -> None:
        Outgoing.objects.all().delete()
        for key in keys:
            outbox.put(letter(key), self.now)

    @rule(worker=st.sampled_from(WORKERS))
    def step(self, worker: str) -> None:
        place, what = self.at[worker]
        match place:
            case "free":
                pk = self._claim(worker)
                self.at[worker] = ("claimed", pk) if pk else ("free", None)
            case "claimed":
                message = self._begin(what, worker)
                self.at[worker] = ("begun", message) if message else ("free", None)
            case "begun":
                self.arrived[what.key] += 1
                self.at[worker] = ("taken", what)
            case "taken":
                claiming.sent(what.pk, worker, "fine", self.now)
                self.at[worker] = ("free", None)

    @rule(worker=st.sampled_from(WORKERS))
    def die(self, worker: str) -> None:
        """It starts anew at once, with another name."""
        place, what = self.at[worker]
        if place in ("begun", "taken"):
            self.excused[what.key] += 1
        self.at[worker] = ("free", None)

    @rule()
    def lease_runs_out(self) -> None:
        """Whoever is in the middle of a hand-over now has slept for longer than any hand-over may take."""
        self.now += LEASE + timedelta(seconds=1)
        for place, what in self.at.values():
            if place in ("begun", "taken"):
                self.excused[what.key] += 1
        claiming.give_back(self.now)

    @rule(worker=st.sampled_from(WORKERS))
    @precondition(lambda self: any(place == "begun" for place, _ in self.at.values()))
    def refuse(self, worker: str) -> None:
        """The other side says: not now."""
        place, what = self.at[worker]
        if place == "begun":
            claiming.later(what.pk, worker, self.now, "mail.refused", "450", doubtful=False)
            self.at[worker] = ("free", None)

    @invariant()
    def never_twice(self) -> None:
        for key, times in self.arrived.items():
            assert times <= 1 + self.excused[key], f"{key} arrived {times} times"

    def teardown(self) -> None:
        """Left alone, one worker sends all that is left."""
        for worker in WORKERS:
            self.die(worker)
        self.now += 2 * LEASE
        claiming.give_back(self.now)
        for _ in range(40):
            if not Outgoing.objects.exclude(status=Status.SENT).exists():
                break
            self.step("one")
        assert not Outgoing.objects.exclude(status=Status.SENT).exists()
        self.never_twice()

    def _claim(self, worker: str) -> int | None:
        return claiming.claim(Channel.EMAIL, worker, self.now)

    def _begin(self, pk: int, worker: str) -> Outgoing | None:
        return claiming.begin(pk, worker, self.now)


class Careless(TwoWorkers):
    """Takes what is waiting without a claim."""

    def _claim(self, worker: str) -> int | None:
        rows = Outgoing.objects.exclude(status=Status.SENT).order_by("pk")
        return rows.values_list("pk", flat=True).first()

    def _begin(self, pk: int, worker: str) -> Outgoing | None:
        Outgoing.objects.filter(pk=pk).update(status=Status.SENDING, claim=worker)
        return Outgoing.objects.get(pk=pk)


class NoFence(TwoWorkers):
    """Claims, but does not look again before it sends."""

    def _begin(self, pk: int, worker: str) -> Outgoing | None:
        Outgoing.objects.filter(pk=pk).update(status=Status.SENDING, claim=worker)
        return Outgoing.objects.get(pk=pk)


SHORT = settings(
    max_examples=40,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def test_no_interleaving_sends_twice() -> None:
    run_state_machine_as_test(TwoWorkers, settings=SHORT)


def test_without_a_claim_it_is_found_out() -> None:
    fast = settings(SHORT, phases=[Phase.generate])
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Careless, settings=fast)


@pytest.mark.parametrize(("machine", "times"), [(TwoWorkers, 1), (NoFence, 2)])
def test_without_the_second_look_one_that_slept_sends_again(machine: type[TwoWorkers], times: int) -> None:
    """It claimed, and slept until the message was given to the other. The first of the two is the control."""
    played = machine()
    played.put(["a"])
    played.step("one")
    played.lease_runs_out()
    for worker in ("two",) * 4 + ("one",) * 3:
        played.step(worker)
    assert played.arrived["a"] == times
    assert played.excused["a"] == 0


def test_the_same_key_is_kept_once() -> None:
    assert outbox.put(letter("a"), START)
    assert not outbox.put(letter("a"), START)
    assert Outgoing.objects.count() == 1


def test_a_message_goes_out_with_its_transaction_only() -> None:
    with transaction.atomic():
        outbox.put(letter("a"), START)
        transaction.set_rollback(True)
    assert not Outgoing.objects.exists()


def test_the_answer_of_one_who_was_given_up_still_counts() -> None:
    """It slept for longer than the lease, and nobody else has taken the message since."""
    outbox.put(letter("a"), START)
    pk = claiming.claim(Channel.EMAIL, "one", START)
    assert pk
    assert claiming.begin(pk, "one", START)
    later = START + LEASE + timedelta(seconds=1)
    assert claiming.give_back(later) == 1
    assert claiming.sent(pk, "one", "fine", later)
    assert claiming.claim(Channel.EMAIL, "two", later) is None
    assert Outgoing.objects.get().doubts == 1
