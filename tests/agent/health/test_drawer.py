"""A drawer that nobody described: what its sensor means is learned from kicks, and unlearned."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.health import Drawer, DrawerView
from agent.health.drawer import LOOKS_S, OPENS_S

START = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


@dataclass
class Till:
    """A drawer on a printer: `open`, and `high_is_open` how it is wired. Looked at every `poll_s`, and after
    a kick as it asks."""

    drawer: Drawer
    high_is_open: bool = True
    open: bool = False
    works: bool = True
    poll_s: float = 5.0
    now_s: float = 0.0
    views: list[DrawerView] = field(default_factory=list)

    def look(self) -> DrawerView:
        view = self.drawer.look(
            self.open == self.high_is_open, None, self.now_s, START + timedelta(seconds=self.now_s)
        )
        self.views.append(view)
        return view

    def rest(self, seconds: float = 20.0) -> None:
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s += min(self.drawer.wants_look_s(self.now_s) or self.poll_s, self.poll_s)
            self.look()

    def kick(self, *, shut_after_s: float = 60.0) -> None:
        self.rest()
        self.drawer.kicked(self.now_s)
        self.open = self.open or self.works
        self.rest(shut_after_s)
        self.open = False
        self.rest()

    @property
    def facts(self) -> list[tuple[str, dict[str, object]]]:
        return [(fact.name, dict(fact.detail)) for view in self.views for fact in view.facts]

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.facts]

    @property
    def stuck(self) -> list[bool]:
        return [view.stuck for view in self.views if view.stuck is not None]


@pytest.mark.parametrize("high_is_open", [True, False])
def test_two_kicks_that_agree_teach_the_polarity(high_is_open: bool) -> None:
    till = Till(Drawer(), high_is_open)
    till.rest()
    till.kick()
    assert till.drawer.open_when_high is None
    assert {view.open for view in till.views} == {None}
    till.kick()
    assert till.drawer.open_when_high is high_is_open
    assert till.views[-1].open is False
    learned = "high" if high_is_open else "low"
    assert ("drawer.polarity_learned", {"open_when": learned}) in till.facts


def test_one_kick_or_a_level_without_a_kick_teaches_nothing() -> None:
    till = Till(Drawer())
    for _ in range(10):
        till.open = not till.open
        till.rest()
    till.kick()
    assert till.drawer.open_when_high is None
    assert till.facts == []


def test_kicks_that_disagree_teach_nothing() -> None:
    till = Till(Drawer())
    for number in range(6):
        till.high_is_open = number % 2 == 0
        till.kick()
    assert till.drawer.open_when_high is None


def test_a_kick_of_an_open_drawer_or_of_one_that_opens_late_is_no_evidence() -> None:
    till = Till(Drawer())
    for _ in range(4):
        till.open = True
        till.kick()
    till.works = False
    for _ in range(4):
        till.rest()
        till.drawer.kicked(till.now_s)
        till.rest(2.5)
        till.open = True
        till.rest()
        till.open = False
    assert till.drawer.open_when_high is None


def test_evidence_against_what_is_known_makes_it_unknown_until_two_agree_again() -> None:
    till = Till(Drawer())
    till.kick()
    till.kick()
    till.high_is_open = False  # another drawer was connected
    till.rest()
    till.views.clear()
    till.kick()
    assert till.drawer.open_when_high is None
    assert till.views[-1].open is None
    assert "drawer.polarity_unknown" in till.names
    till.kick()
    assert till.drawer.open_when_high is False


def test_what_the_configuration_says_wins_and_a_contradiction_is_told_once() -> None:
    till = Till(Drawer(open_when_high=True), high_is_open=False)
    for _ in range(4):
        till.kick()
    assert till.drawer.open_when_high is True
    assert till.names.count("drawer.polarity_contradicted") == 1


def test_a_restart_forgets_nothing_that_was_learned() -> None:
    till = Till(Drawer(), high_is_open=False)
    till.kick()
    after = Drawer()
    after.restore(till.drawer.export())
    till.drawer = after
    till.kick()
    assert (after.open_when_high, after.kicks) == (False, 2)
    again = Drawer()
    again.restore(after.export())
    assert (again.open_when_high, again.kicks) == (False, 2)
    again.restore({"kicks": "many", "votes": 3})
    assert (again.open_when_high, again.kicks) == (None, 0)


def test_openings_are_told_with_their_kick_and_their_time() -> None:
    till = Till(Drawer(open_when_high=True, sees_kicks=True))
    till.kick(shut_after_s=60)
    till.rest()
    till.open = True  # by key, or by force
    till.rest(30)
    till.open = False
    till.rest()
    assert [(name, d.get("kicked")) for name, d in till.facts] == [
        ("drawer.opened", True), ("drawer.closed", None), ("drawer.opened", False), ("drawer.closed", None),
    ]  # fmt: skip
    lengths = [d["open_s"] for name, d in till.facts if name == "drawer.closed"]
    assert lengths == pytest.approx([60, 30], abs=2 * till.poll_s)


def test_where_kicks_are_not_seen_an_opening_says_nothing_of_one() -> None:
    till = Till(Drawer(open_when_high=True))
    till.rest()
    till.open = True
    till.rest()
    assert till.facts == [("drawer.opened", {})]


def test_a_kick_long_ago_opens_nothing_now() -> None:
    till = Till(Drawer(open_when_high=True, sees_kicks=True), works=False)
    till.kick()
    till.rest(600)
    till.open = True
    till.rest()
    assert till.facts == [("drawer.opened", {"kicked": False})]


def test_a_drawer_that_does_not_open_is_stuck_until_a_kick_opens_it() -> None:
    till = Till(Drawer(open_when_high=True), works=False)
    till.kick()
    assert till.stuck == [True]
    till.works = True
    till.kick()
    assert till.stuck == [True, False]


def test_without_a_known_polarity_nothing_is_stuck() -> None:
    till = Till(Drawer(), works=False)
    for _ in range(3):
        till.kick()
    assert till.stuck == []


@pytest.mark.parametrize("delay_s", [0.2, 1.0, 2.2, 3.5])
def test_a_drawer_that_opens_behind_a_long_receipt_is_not_stuck(delay_s: float) -> None:
    till = Till(Drawer(open_when_high=True))
    till.rest()
    till.drawer.kicked(till.now_s)
    till.rest(delay_s)
    till.open = True
    till.rest(1.1)  # shut again at once
    till.open = False
    till.rest()
    assert till.stuck == [False]


def test_looks_that_are_too_far_apart_prove_nothing() -> None:
    """The control of the test above: a short opening between two looks is not seen."""
    till = Till(Drawer(open_when_high=True), works=False)
    till.rest()
    till.drawer.kicked(till.now_s)
    for after_s in (0.4, 0.9, OPENS_S + 0.1):
        till.drawer.look(False, None, till.now_s + after_s, START)
    assert till.stuck == []


def test_a_look_that_could_not_be_had_leaves_all_unknown() -> None:
    till = Till(Drawer(open_when_high=True, sees_kicks=True), works=False)
    till.rest()
    till.drawer.kicked(till.now_s)
    till.rest(2)
    assert till.drawer.look(None, None, till.now_s, START) == DrawerView(None)
    till.open = True
    till.rest()
    assert (till.stuck, till.facts) == ([], [])


def test_a_device_that_says_open_or_shut_itself_needs_no_learning() -> None:
    drawer = Drawer()
    said = [drawer.look(None, is_open, at, START + timedelta(seconds=at)) for at, is_open in
            enumerate((False, True, True, False))]  # fmt: skip
    assert [view.open for view in said] == [False, True, True, False]
    assert [fact.name for view in said for fact in view.facts] == ["drawer.opened", "drawer.closed"]


def test_it_is_looked_at_often_enough_after_a_kick_and_then_no_more() -> None:
    drawer = Drawer(open_when_high=True)
    assert drawer.wants_look_s(0) is None
    drawer.look(False, None, 0, START)
    drawer.kicked(10)
    assert drawer.wants_look_s(10) == LOOKS_S[0]
    at_s = 10.0
    while (wait_s := drawer.wants_look_s(at_s)) is not None:
        at_s += wait_s
        view = drawer.look(False, None, at_s, START)
    assert view.stuck is True
    assert at_s < 10 + OPENS_S + 1


steps = st.lists(
    st.tuples(st.sampled_from(["kick", "open", "shut", "blind", "rewire"]), st.floats(0.1, 30)), max_size=40
)


@given(steps, st.booleans())
def test_opened_and_closed_take_turns_whatever_happens(steps: list[tuple[str, float]], learn: bool) -> None:
    till = Till(Drawer(None if learn else True, sees_kicks=True))
    is_open: bool | None = None
    for step, seconds in steps:
        if step == "kick":
            till.drawer.kicked(till.now_s)
            till.open = True
        elif step == "blind":
            till.drawer.look(None, None, till.now_s, START)
            is_open = None
        elif step == "rewire":
            till.high_is_open = not till.high_is_open
        else:
            till.open = step == "open"
        till.views.clear()
        till.rest(seconds)
        for view in till.views:
            for fact in view.facts:
                if fact.name in ("drawer.opened", "drawer.closed"):
                    assert is_open is (fact.name == "drawer.closed")
            is_open = view.open
