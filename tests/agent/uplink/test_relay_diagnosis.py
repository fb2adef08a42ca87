"""Which side of the line is dead, by table."""

import pytest

from agent.uplink.relay_diagnosis import Finding, Outage, Sight, Verdict, diagnose
from protocols.wire.relay import Reach

REACHED, REFUSED, SILENT, NO_NAME, NO_ROUTE, UNKNOWN = (
    Reach.REACHED,
    Reach.REFUSED,
    Reach.SILENT,
    Reach.NO_NAME,
    Reach.NO_ROUTE,
    Reach.UNKNOWN,
)


@pytest.mark.parametrize(
    ("own", "neighbours", "known", "verdict"),
    [
        (REACHED, [], False, Verdict.NOTHING),
        (REACHED, [SILENT], True, Verdict.NOTHING),
        (UNKNOWN, [REACHED], True, Verdict.UNKNOWN),
        # a neighbour has a way: whatever is dead is this till's
        (SILENT, [REACHED], True, Verdict.OWN_WAY),
        (NO_ROUTE, [SILENT, REACHED], True, Verdict.OWN_WAY),
        (REFUSED, [REACHED, REFUSED], True, Verdict.OWN_WAY),
        # neighbours answer and have none either
        (SILENT, [SILENT], True, Verdict.LINE),
        (SILENT, [SILENT, UNKNOWN], True, Verdict.LINE),
        (NO_NAME, [NO_NAME, SILENT], True, Verdict.LINE),
        (NO_ROUTE, [SILENT], True, Verdict.LINE),
        (SILENT, [REFUSED], True, Verdict.COLLECTOR),
        (REFUSED, [REFUSED, SILENT], True, Verdict.COLLECTOR),
        (REFUSED, [SILENT], True, Verdict.UNKNOWN),
        (SILENT, [UNKNOWN], True, Verdict.UNKNOWN),
        # nobody answers
        (SILENT, [], True, Verdict.LAN),
        (NO_ROUTE, [], True, Verdict.LAN),
        (NO_NAME, [], True, Verdict.LAN),
        (REFUSED, [], True, Verdict.COLLECTOR),
        # nobody to compare with
        (SILENT, [], False, Verdict.UNKNOWN),
        (NO_ROUTE, [], False, Verdict.UNKNOWN),
        (REFUSED, [], False, Verdict.COLLECTOR),
    ],
)
def test_diagnosis(own: Reach, neighbours: list[Reach], known: bool, verdict: Verdict) -> None:
    for order in (neighbours, neighbours[::-1]):
        found = diagnose(Sight(own, order, known))
        assert found.verdict is verdict
        assert found.reason


@pytest.mark.parametrize("own", [SILENT, NO_NAME, NO_ROUTE])
def test_what_cannot_be_told_apart_is_said_so(own: Reach) -> None:
    assert "switched off would look the same" in diagnose(Sight(own, [], known=True)).reason
    assert "off would look the same" in diagnose(Sight(SILENT, [SILENT], known=True)).reason


@pytest.mark.parametrize(
    ("own", "neighbours", "verdict"),
    [
        (SILENT, [], Verdict.LINE),
        (NO_ROUTE, [UNKNOWN], Verdict.LINE),
        (SILENT, [REACHED], Verdict.OWN_WAY),
        (REFUSED, [], Verdict.UNKNOWN),
        (REACHED, [], Verdict.NOTHING),
    ],
)
def test_a_neighbour_that_asks_for_a_way_has_none_and_the_lan_carries(
    own: Reach, neighbours: list[Reach], verdict: Verdict
) -> None:
    assert diagnose(Sight(own, neighbours, known=True, asking=True)).verdict is verdict


def test_an_outage_was_what_was_seen_for_the_longest() -> None:
    line, mended, nothing = (Finding(v, "") for v in (Verdict.LINE, Verdict.OWN_WAY, Verdict.UNKNOWN))
    outage = Outage(0.0)
    assert outage.finding(0.0) is None
    outage.see(nothing, 0.0)
    assert outage.finding(100.0) == nothing
    outage.see(line, 100.0)
    outage.see(line, 120.0)
    outage.see(mended, 160.0)
    assert outage.finding(170.0) == line
    assert outage.finding(300.0) == mended
