"""A till without a way of its own reports through a neighbour that can neither read nor change it, and finds its own
way again."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from agent.uplink.client import Client
from agent.uplink.relay_diagnosis import Verdict
from agent.uplink.relay_election import STEADY_S
from protocols.errors import CollectorUnreachable
from protocols.wire import v1
from protocols.wire.relay import Reach
from tests.agent.uplink.collector import Collector, Lost, problem
from tests.agent.uplink.relay_site import CLOCK, Heard, Shop
from tests.agent.uplink.wire import Wire


@pytest.fixture
def shop(collector: Collector) -> Iterator[Shop]:
    with Shop(collector, ("a", "b", "c")) as made:
        yield made


def body(name: str) -> bytes:
    fact = v1.Fact(seq=1, at=CLOCK.now(), subject=v1.Subject(kind=v1.SubjectKind.TERMINAL), name=name)
    report = v1.Report(terminal="c", epoch=1, sent_at=CLOCK.now(), messages=(fact,))
    return report.model_dump_json().encode()


def report(client: Client, name: str = "kept.secret", *, tries: int = 5) -> int:
    """How many tries it took. CollectorUnreachable where none went well."""
    for count in range(1, tries):
        with suppress(CollectorUnreachable):
            client.report(body(name))
            return count
    client.report(body(name))
    return tries


def test_a_till_without_a_way_reports_through_its_neighbour(shop: Shop, collector: Collector) -> None:
    heard = Heard()
    till = shop.till("c", shop.relay("a"), heard=heard)
    assert report(till) == 3
    assert collector.stored[1, 1]["name"] == "kept.secret"
    assert report(till) == 1
    assert collector.connections == 1
    assert till._connection.sent_bytes >= sum(map(len, collector.bodies))
    assert (heard.courses[-1].relay, heard.courses[-1].name) == ("a", "Kase a")
    [news] = heard.news
    assert (news.relay, news.finding.verdict) == ("a", Verdict.OWN_WAY)


def test_control_a_till_that_may_not_go_through_others_reports_nothing(
    shop: Shop, collector: Collector
) -> None:
    shop.relay("a")
    with pytest.raises(CollectorUnreachable):
        report(shop.till("c", lan=False))
    assert collector.connections == 0


def test_the_relay_sees_no_word_of_what_it_carries(shop: Shop, collector: Collector) -> None:
    with Wire(collector.port) as wire:
        report(shop.till("c", shop.relay("a", to=wire.port)))
        heard = bytes(wire.heard)
    assert len(heard) > len(collector.bodies[0])
    for word in (b"kept.secret", b"POST", b"/api/agent", b"Signature", b"complete_to", b"terminal"):
        assert word not in heard
    assert b"kept.secret" in collector.bodies[0]


def flipped(data: bytes) -> bytes:
    """One bit of the last byte, but of the handshake (RFC 8446 section 5.1: it begins with type 22, and its end is
    short)."""
    return data if data[0] == 22 or len(data) < 150 else data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize("change", [flipped, pytest.param(bytes, id="control")])
def test_what_a_relay_changes_is_not_stored(shop: Shop, collector: Collector, change: object) -> None:
    changes = change is flipped
    with Wire(collector.port, change=flipped if changes else None) as wire:
        till = shop.till("c", shop.relay("a", to=wire.port))
        if changes:
            with pytest.raises(CollectorUnreachable):
                report(till)
        else:
            report(till)
    assert bool(collector.stored) is not changes
    assert bool(collector.bodies) is not changes


def test_when_the_relay_dies_another_is_elected(shop: Shop, collector: Collector) -> None:
    heard = Heard()
    first, second = shop.relay("a"), shop.relay("b")
    till = shop.till("c", first, second, heard=heard)
    report(till)
    assert heard.courses[-1].relay == "a"
    first.stop()
    assert report(till) <= 3
    assert heard.courses[-1].relay == "b"
    assert len(collector.bodies) == 2


def test_a_relay_that_loses_its_way_is_left_for_one_that_has_one(shop: Shop) -> None:
    heard = Heard()
    first, second = shop.relay("a"), shop.relay("b")
    till = shop.till("c", first, second, heard=heard)
    report(till)
    shop.offer(first, Reach.SILENT)
    assert report(till) == 1
    assert heard.courses[-1].relay == "b"
    shop.offer(first, Reach.REACHED, steady_s=1.0)
    report(till)
    assert heard.courses[-1].relay == "b", "it waits until the better one has been steady"
    shop.offer(first, Reach.REACHED, steady_s=STEADY_S)
    report(till)
    assert heard.courses[-1].relay == "a"


def test_a_relay_that_says_more_than_it_can_is_found_out(shop: Shop, collector: Collector) -> None:
    """It says that it reaches the collector, and does not: the next neighbours are told, and another is taken."""
    heard = Heard()
    liar, true = shop.relay("a", to=shop.dead), shop.relay("b")
    till = shop.till("c", liar, true, heard=heard)
    assert report(till) == 4
    assert heard.courses[-1].relay == "b"
    assert len(collector.stored) == 1
    assert liar.met_dead_end
    assert not true.met_dead_end


def test_the_own_way_is_taken_again_when_it_is_back_for_good(shop: Shop, collector: Collector) -> None:
    heard = Heard()
    till = shop.till("c", shop.relay("a"), heard=heard)
    report(till)
    with Wire(collector.port, port=shop.dead) as own:
        report(till)
        assert heard.courses[-1].relay == "a", "one good try is not enough"
        report(till)
        assert heard.courses[-1].relay == ""
        assert own.connections == 3
        report(till)
        assert own.connections == 3
        assert own.heard
    assert heard.news[-1].relay == ""
    assert heard.news[-1].finding.verdict is Verdict.OWN_WAY
    assert collector.paths.count("/api/agent/v1/authority") == 2
    assert heard.reaches[-1] is Reach.REACHED


def test_a_request_that_may_have_arrived_is_not_sent_by_another_way(shop: Shop, collector: Collector) -> None:
    def lose(*_: object) -> None:
        raise Lost

    till = shop.till("c", shop.relay("a"), shop.relay("b"))
    report(till)
    collector.plan.append(lose)
    with pytest.raises(CollectorUnreachable):
        till.report(body("sent.once"))
    assert sum(b"sent.once" in sent for sent in collector.bodies) == 1
    assert len(set(collector.nonces)) == len(collector.nonces)


@pytest.mark.parametrize(
    ("reach", "verdict"),
    [(Reach.SILENT, Verdict.UNKNOWN), (Reach.REFUSED, Verdict.COLLECTOR), (Reach.REACHED, Verdict.OWN_WAY)],
)
def test_what_is_dead_is_found_by_asking_the_neighbour(shop: Shop, reach: Reach, verdict: Verdict) -> None:
    """The till's own way is refused here, as loopback does it; that alone could be a firewall."""
    heard = Heard()
    till = shop.till("c", shop.relay("a", reach=reach), heard=heard)
    with suppress(CollectorUnreachable):
        report(till)
    assert heard.courses[-1].finding
    assert heard.courses[-1].finding.verdict is verdict


def test_a_collector_that_takes_nothing_is_not_gone_around(shop: Shop, collector: Collector) -> None:
    """Through a neighbour it would take nothing either."""
    heard = Heard()
    relay = shop.relay("a", reach=Reach.REFUSED)
    with Wire(collector.port, port=shop.dead):
        till = shop.till("c", relay, heard=heard)
        collector.always = lambda *_: problem(503, "collector.busy")
        with pytest.raises(CollectorUnreachable):
            report(till)
        collector.always = None
        assert report(till) == 1
    assert {course.relay for course in heard.courses} == {""}
    assert relay.carried_bytes == 0
