"""Every transition that is not in the tables is refused; every state can be reached and, but for the ends, left."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.service import flow
from collector.service.flow import Flow, Kind
from collector.service.refusing import ServiceRefused

FLOWS = {
    **{f"change.{kind}": table for kind, table in flow.CHANGES.items()},
    "visit": flow.VISITS,
    "problem": flow.PROBLEMS,
    "candidate": flow.CANDIDATES,
    "swap": flow.SWAPS,
}
ENDS = {
    "change.normal": {"closed", "cancelled"},
    "change.standard": {"closed", "cancelled"},
    "change.emergency": {"closed", "cancelled"},
    "visit": {"done", "cancelled"},
    "problem": {"closed"},
    "candidate": {"accepted"},
    "swap": {"accepted", "declined", "withdrawn"},
}


def pairs() -> list[tuple[str, str, str]]:
    return [
        (name, state, stimulus)
        for name, table in FLOWS.items()
        for state, stimulus in itertools.product(sorted(table.states), sorted(table.stimuli))
    ]


@pytest.mark.parametrize("name", FLOWS)
def test_what_is_not_in_the_table_is_refused_and_what_is_leads_where_it_says(name: str) -> None:
    table = FLOWS[name]
    for state, stimulus in itertools.product((*table.states, "nowhere"), (*table.stimuli, "explode")):
        if (to := table.moves.get((state, stimulus))) is not None:
            assert table.move(state, stimulus) == to
            continue
        with pytest.raises(ServiceRefused) as refused:
            table.move(state, stimulus)
        assert (refused.value.code, refused.value.detail) == ("service.state", state)


@pytest.mark.parametrize("name", FLOWS)
def test_every_state_is_reached_and_only_the_ends_are_ends(name: str) -> None:
    table = FLOWS[name]
    reached = {table.start}
    while more := {to for (state, _), to in table.moves.items() if state in reached} - reached:
        reached |= more
    assert reached == table.states
    assert {state for state in table.states if not table.open_to(state)} == ENDS[name]


def test_the_kinds_of_change_differ_as_the_field_says() -> None:
    """Routine skips validation and approval, emergency skips validation and keeps approval (iTop's change module)."""
    standard, normal, emergency = (FLOWS[f"change.{kind}"] for kind in ("standard", "normal", "emergency"))
    assert {"validate", "approve"} <= normal.stimuli
    assert not {"validate", "approve", "refuse"} & standard.stimuli
    assert "validate" not in emergency.stimuli
    assert "approve" in emergency.stimuli
    assert ("planned", "implement") in standard.moves
    assert ("planned", "implement") not in normal.moves
    assert ("planned", "implement") not in emergency.moves


@given(
    st.sampled_from(list(Kind)),
    st.lists(st.sampled_from(sorted(flow.CHANGES[Kind.NORMAL].stimuli)), max_size=40),
)
def test_no_order_of_stimuli_brings_a_normal_change_to_its_end_unapproved(
    kind: Kind, stimuli: list[str]
) -> None:
    table: Flow = flow.CHANGES[kind]
    state, approved = table.start, False
    for stimulus in stimuli:
        try:
            state = table.move(state, stimulus)
        except ServiceRefused:
            continue
        approved = (approved or stimulus == "approve") and stimulus != "plan"
        if state == "implemented" and kind is not Kind.STANDARD:
            assert approved
