"""The scenarios of tests/vectors/incidents, as they are told, and told late, in another order, twice, and with the
engine begun anew in the middle: always the same end."""

import random
from typing import Any

import pytest

from tests.collector.incidents import scenario
from tests.collector.incidents.scenario import Scenario, World, doubled, end_state, late, seconds, steps

SCENARIOS = scenario.scenarios()
LATE_S = 20.0
NAMES = [one["name"] for one in SCENARIOS]


def by_name(one: Scenario) -> str:
    return str(one["name"])


def test_there_are_enough_of_them_and_each_has_a_name_of_its_own() -> None:
    assert len(NAMES) >= 60
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("one", SCENARIOS, ids=by_name)
def test_as_it_is_told(one: Scenario) -> None:
    world = World(one)
    _check(one["then"], world, world.run(steps(one)))


def _check(then: dict[str, Any], world: World, played: scenario.Played) -> None:
    if "incidents" in then:
        assert scenario.lines(played) == then["incidents"]
    if "counts" in then:
        assert scenario.tally(played) == then["counts"]
    if "suppressed" in then:
        assert sum(bool(known.why) for known in played.book.open()) == then["suppressed"]
    if "open" in then:
        assert len(played.book.open()) == then["open"]
    for name, state in then.get("states", {}).items():
        assert scenario.states(played)[name] == state
    for name, (first, last) in then.get("opened", {}).items():
        assert seconds(first) <= scenario.opened(played, world)[name] <= seconds(last), name
    if "told_most" in then:
        assert set(then["told"]) <= set(scenario.told(played))
        assert len(played.told) <= then["told_most"]
    elif "told" in then:
        assert scenario.told(played) == sorted([*then["told"], *then.get("told_too", [])])


@pytest.mark.parametrize("one", SCENARIOS, ids=by_name)
def test_however_it_is_told_the_end_is_the_same(one: Scenario) -> None:
    rng = random.Random(one["name"])
    plain = end_state(World(one).run(steps(one)))
    for found, restart_at in (
        (late(steps(one), rng, LATE_S), None),
        (doubled(steps(one), rng), None),
        (steps(one), rng.uniform(0, seconds(one["until"]))),
        (doubled(late(steps(one), rng, LATE_S), rng), rng.uniform(0, seconds(one["until"]))),
    ):
        world = World(one)
        assert end_state(world.run(found, restart_at)) == plain


def test_control_an_engine_that_forgets_what_it_watched_ends_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forgetful(self: World) -> None:
        self.played.book._watches.clear()

    monkeypatch.setattr(World, "_restart", forgetful)
    one = next(one for one in SCENARIOS if one["name"] == "maintenance that ends during a fault opens then")
    assert end_state(World(one).run(steps(one), 200)) != end_state(World(one).run(steps(one)))


def test_control_without_the_site_tree_forty_tills_are_forty_messages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("collector.incidents.engine.cause.TABLE", ())
    monkeypatch.setattr("collector.incidents.engine.cause.may_have_cause", lambda code: False)
    one = next(one for one in SCENARIOS if one["name"] == "the line is still cut: one stands, 40 are counted")
    assert len(World(one).run(steps(one)).told) > 1
