"""Which neighbour carries a till, by table: every till that hears the same elects the same."""

from collections.abc import Mapping

import pytest

from agent.uplink.relay_election import SHUN_S, STEADY_S, Heard, elect
from protocols.wire.relay import Reach

UP, DOWN, REFUSED = Reach.REACHED, Reach.SILENT, Reach.REFUSED


def heard(
    terminal: str, reach: Reach = UP, *, rank: int = 100, load: float = 0.0, steady_s: float = STEADY_S
) -> Heard:
    return Heard(terminal, ("10.0.0.1", 8447), reach, steady_s, load, rank)


@pytest.mark.parametrize(
    ("who", "current", "failed_s", "elected"),
    [
        pytest.param([], None, {}, None, id="nobody is heard"),
        pytest.param([heard("a", DOWN), heard("b", REFUSED)], None, {}, None, id="nobody reaches it"),
        pytest.param([heard("b"), heard("a")], None, {}, "a", id="the lowest name of equal ranks"),
        pytest.param([heard("a"), heard("b", rank=1)], None, {}, "b", id="the rank goes before the name"),
        pytest.param([heard("a", DOWN), heard("b")], None, {}, "b", id="who has no way is no candidate"),
        pytest.param([heard("a", load=1.0), heard("b")], None, {}, "b", id="who is full is no candidate"),
        pytest.param([heard("a", load=1.0), heard("b")], "a", {}, "a", id="a full one keeps whom it carries"),
        pytest.param(
            [heard("a", steady_s=STEADY_S - 1), heard("b")],
            "b",
            {},
            "b",
            id="a better one that just came waits",
        ),
        pytest.param(
            [heard("a"), heard("b")], "b", {}, "a", id="a better one that has been steady takes over"
        ),
        pytest.param([heard("a"), heard("b")], "a", {}, "a", id="a worse one never takes over"),
        pytest.param(
            [heard("a", DOWN), heard("b")], "a", {}, "b", id="the current one that lost its way goes"
        ),
        pytest.param([heard("b")], "a", {}, "b", id="the current one that is silent goes"),
        pytest.param([heard("a"), heard("b")], "a", {"a": 1.0}, "b", id="who just failed is avoided"),
        pytest.param([heard("a"), heard("b")], None, {"a": SHUN_S}, "a", id="and forgiven"),
        pytest.param([heard("a")], None, {"a": 1.0}, "a", id="and still better than nobody"),
    ],
)
def test_election(
    who: list[Heard], current: str | None, failed_s: Mapping[str, float], elected: str | None
) -> None:
    for order in (who, who[::-1]):
        found = elect(order, current, failed_s)
        assert (found.terminal if found else None) == elected


def test_tills_of_one_lan_end_at_one_relay_whatever_they_had_before() -> None:
    everybody = [heard("c"), heard("a"), heard("b", rank=200)]
    assert {
        getattr(elect(everybody, current, {}), "terminal", None) for current in (None, "a", "b", "c")
    } == {"a"}


@pytest.mark.parametrize(
    ("steady_s", "most"), [(60.0, 1), pytest.param(STEADY_S, 40, id="control: without the wait it does")]
)
def test_a_relay_that_comes_and_goes_does_not_make_a_till_change_each_time(
    steady_s: float, most: int
) -> None:
    current, changes = None, 0
    for turn in range(40):
        found = elect([heard("a", UP if turn % 2 else DOWN, steady_s=steady_s), heard("b")], current, {})
        assert found
        changes += found.terminal != current
        current = found.terminal
    assert changes == most
