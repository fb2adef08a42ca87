"""Work is shed before a limit is reached, comes back slowly, and nothing unknown moves anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.runtime.budget import CALM_LOOKS, FACTORS, Budget, Decision, Limits, Usage

LIMITS = Limits(cpu_percent=2.0, memory_mib=100.0, disk_mib_per_h=50.0, sent_mib_per_h=10.0)
CALM = Usage(cpu_percent=0.1, memory_mib=40.0, disk_mib_per_h=1.0, sent_mib_per_h=0.1)


def looks(*usages: Usage) -> list[Decision]:
    budget = Budget(LIMITS)
    return [budget.look(usage) for usage in usages]


def test_nothing_is_shed_while_little_is_used() -> None:
    assert {(d.factor, d.heavy) for d in looks(*[CALM] * 20)} == {(1.0, True)}


@pytest.mark.parametrize(
    "usage",
    [
        Usage(cpu_percent=1.6),
        Usage(memory_mib=80.0),
        Usage(disk_mib_per_h=40.0),
        Usage(sent_mib_per_h=8.0),
        Usage(cpu_percent=0.0, sent_mib_per_h=9.9),
    ],
)
def test_work_is_shed_before_any_limit_is_reached(usage: Usage) -> None:
    [*steps] = looks(*[usage] * 5)
    assert [d.factor for d in steps] == [2, 4, 4, 4, 4]
    assert [d.heavy for d in steps] == [True, True, False, False, False]
    assert all(d.worst is not None and d.worst < 1 for d in steps)


def test_what_was_shed_comes_back_step_by_step() -> None:
    busy = Usage(cpu_percent=5.0)
    steps = looks(*[busy] * 3, *[CALM] * (CALM_LOOKS * 3))
    assert [d.factor for d in steps[:3]] == [2, 4, 4]
    assert [d.factor for d in steps[3::3]] == [4, 4, 2]
    assert (steps[-1].factor, steps[-1].heavy) == (1, True)


def test_between_the_two_marks_nothing_moves() -> None:
    steps = looks(Usage(cpu_percent=1.7), *[Usage(cpu_percent=1.2)] * 30)
    assert {d.factor for d in steps} == {2.0}


def test_what_is_not_known_moves_nothing() -> None:
    [decision] = looks(Usage())
    assert (decision.factor, decision.worst) == (1.0, None)
    steps = looks(Usage(cpu_percent=1.7), *[Usage()] * 30)
    assert {d.factor for d in steps} == {2.0}


def test_the_reason_names_what_is_used_most_and_what_is_done_about_it() -> None:
    [decision] = looks(Usage(cpu_percent=0.2, memory_mib=130.0))
    assert decision.worst == 1.3
    assert decision.reason == "memory of the agent: 130.0 of 100 MiB; polls are 2 times rarer"


figures = st.none() | st.floats(0, 1e9)


@given(st.lists(st.builds(Usage, figures, figures, figures, figures), max_size=50))
def test_any_usage_gives_one_of_the_steps(usages: list[Usage]) -> None:
    before = 0
    for decision in looks(*usages):
        assert decision.factor in FACTORS
        step = 3 if not decision.heavy else FACTORS.index(decision.factor)
        assert abs(step - before) <= 1
        before = step
