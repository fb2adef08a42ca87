"""The scenarios of tests/vectors/incidents, as they are told, and told late, in another order, twice, and with the
engine begun anew in the middle: always the same end."""

import random
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from tests.collector.incidents import scenario
from tests.collector.incidents.scenario import (
    Scenario,
    World,
    doubled,
    drained,
    end_state,
    late,
    seconds,
    steps,
    twice,
)

SCENARIOS = scenario.scenarios()
LATE_S = 20.0
FAR_S = 7200.0
BY_TIME = (
    "a printer flaps a hundred times: one incident",
    "a rule that waits: a minute on battery opens nothing",
    "a fault that comes and goes in a window is not told",
)
"""What time alone brings in these (a long fault is graver, a wait and a window end) a report that is held up for longer
would have prevented. Nobody can wait for a report that may never come (docs/decisions/0016)."""
AT_ONCE = (
    "thirty tills lose their repository at once and some more: one summary",
    "the storm is over: its summary ends with the last of it",
)
"""A summary spares messages that would go out together: what comes drop by drop over hours is no storm to who reads."""
TOLD = [
    one
    for one in SCENARIOS
    if one["name"] not in AT_ONCE and any(step.verb in ("raised", "cleared") for step in steps(one))
]
"""Those in which tills tell something; in the others the collector alone finds what fell silent."""
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


@pytest.mark.parametrize("one", TOLD, ids=by_name)
def test_in_any_order_between_tills_and_devices_the_end_is_the_same(one: Scenario) -> None:
    """However late, by hours, with doubles and a restart: what is told keeps the time at which it was."""
    rng = random.Random(one["name"])
    plain = end_state(World(one).run(steps(one), longer=FAR_S))
    found = twice(drained(steps(one), rng, FAR_S))
    restart_at = rng.uniform(0, seconds(one["until"]))
    assert end_state(World(one).run(found, restart_at, longer=FAR_S)) == plain


@pytest.mark.parametrize("name", AT_ONCE)
def test_a_storm_that_comes_drop_by_drop_is_none(name: str) -> None:
    """So that nothing is left out of the test above that need not be."""
    one = next(one for one in SCENARIOS if one["name"] == name)
    plain = end_state(World(one).run(steps(one), longer=FAR_S))
    tries = (drained(steps(one), random.Random(seed), FAR_S) for seed in range(5))
    assert any(end_state(World(one).run(found, longer=FAR_S)) != plain for found in tries)


@pytest.mark.parametrize("name", BY_TIME)
def test_a_line_that_dies_in_between_lets_time_bring_what_the_next_report_undoes(name: str) -> None:
    """A limit, not a wish: the same till, and its second report comes two hours after its first."""
    one = next(one for one in SCENARIOS if one["name"] == name)
    plain = end_state(World(one).run(steps(one), longer=FAR_S))
    first, *rest = steps(one)
    found = [first, *(replace(step, arrives=step.at + FAR_S) for step in rest)]
    assert end_state(World(one).run(found, longer=2 * FAR_S)) != plain


def test_control_an_engine_that_takes_the_servers_clock_ends_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def careless(self: World, step: scenario.Step, now: datetime) -> None:
        honest(self, replace(step, at=step.arrives), now)

    honest = World._report
    one = next(one for one in SCENARIOS if one["name"] == BY_TIME[0])
    found = drained(steps(one), random.Random(1), FAR_S)
    plain = end_state(World(one).run(steps(one), longer=FAR_S))
    assert end_state(World(one).run(found, longer=FAR_S)) == plain
    monkeypatch.setattr(World, "_report", careless)
    assert end_state(World(one).run(found, longer=FAR_S)) != plain


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
    monkeypatch.setattr("collector.incidents.engine.cause.causes_of", lambda code: frozenset())
    one = next(one for one in SCENARIOS if one["name"] == "the line is still cut: one stands, 40 are counted")
    assert len(World(one).run(steps(one)).told) > 1
