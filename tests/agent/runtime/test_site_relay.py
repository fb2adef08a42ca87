"""What the agent keeps and tells of its ways, and how it knows its neighbours."""

import base64
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.config.model import Relay
from agent.runtime.clock import SystemClock
from agent.runtime.site_relay import FACT, SiteRelay
from agent.runtime.status import COURSE
from agent.spool import Spool, SpoolError
from agent.uplink import identity
from agent.uplink.connection import Answer
from agent.uplink.relay_course import Course, Passed
from agent.uplink.relay_diagnosis import Finding, Verdict
from agent.uplink.relay_members import EVERY_S, STRANGER_S
from protocols.errors import CollectorUnreachable, ReportRefused
from protocols.wire import v1
from protocols.wire.relay import Reach
from tests.agent.uplink.authority import Authority

AT = datetime(2026, 11, 25, 20, 0, tzinfo=UTC)


class Clock(SystemClock):
    """Its steady half goes only as the test says."""

    now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


class Office:
    """Stands for the signed client: what the collector answers."""

    def __init__(self, answer: bytes | Exception) -> None:
        self.answer = answer
        self.key = Ed25519PrivateKey.generate()
        self.asked: list[str] = []

    def send(self, method: str, path: str, body: bytes, *, content_type: str) -> Answer:
        self.asked.append(f"{method} {path}")
        if isinstance(self.answer, Exception):
            raise self.answer
        return Answer(200, {}, self.answer)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def listed(*names: str) -> bytes:
    def one(name: str) -> dict[str, str]:
        raw = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
        key = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        return {"terminal": name, "name": f"Kase {name}", "public_key": key}

    return json.dumps({"version": 1, "neighbours": [one(name) for name in names], "later": "more"}).encode()


class Till:
    def __init__(self, home: Path, spool: Spool, clock: Clock) -> None:
        self.home = home
        self.spool = spool
        self.clock = clock
        self.told: list[v1.AnyMessage] = []
        self.woken = 0

    def relay(self, **keys: Any) -> SiteRelay:
        made = SiteRelay(Relay(**keys), identity.load(self.home), self.spool, self.clock)
        made.begin(self.tell, self.wake)
        return made

    def tell(self, messages: list[v1.AnyMessage], state: dict[str, Any]) -> None:
        self.told += messages
        self.spool.put_all([], state)

    def wake(self) -> None:
        self.woken += 1


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Till]:
    key = Ed25519PrivateKey.generate()
    who = identity.Identity("t", "https://127.0.0.1:9", identity.ca_file(tmp_path, "t"), key)
    identity.save(tmp_path, who, Authority().pem)
    with Spool(tmp_path / "spool.db", SystemClock(), owner=True) as spool:
        yield Till(tmp_path, spool, Clock())


def known(relay: SiteRelay) -> set[str]:
    return set(relay._members.keys)


def test_the_neighbours_are_asked_for_and_outlive_a_start_without_a_line(host: Till) -> None:
    office = Office(listed("t", "a"))
    relay = host.relay(use=True)
    assert known(relay) == set()
    relay.heard(office)  # type: ignore[arg-type]
    assert known(relay) == {"t", "a"}
    assert office.asked == ["GET /api/agent/v1/neighbours"]
    assert known(host.relay(use=True)) == {"t", "a"}


def test_they_are_asked_for_once_an_hour_and_sooner_after_a_stranger(host: Till) -> None:
    office = Office(listed("t", "a"))
    relay = host.relay(use=True, serve=True, listen="127.0.0.1", port=free_port(), group="")
    try:
        for ahead_s, stranger, asked in (
            (0, False, 1),
            (1, True, 1),
            (STRANGER_S, False, 2),
            (STRANGER_S, False, 2),
            (EVERY_S, False, 3),
        ):
            host.clock.now_s += ahead_s
            assert relay._server
            relay._server.met_stranger = relay._server.met_stranger or stranger
            relay.heard(office)  # type: ignore[arg-type]
            assert len(office.asked) == asked
        assert set(relay._server.offer.keys) == {"t", "a"}
        assert [str(place[0]) for _, place in relay._server.offer.places] == ["127.0.0.1"]
    finally:
        relay.stop()


def test_a_collector_that_has_moved_is_looked_for(host: Till) -> None:
    relay = host.relay(serve=True, listen="127.0.0.1", port=free_port(), group="")
    try:
        server = relay._server
        assert server
        relay.heard(Office(listed("t")))  # type: ignore[arg-type]
        server.offer = replace(server.offer, places=())
        relay.heard(Office(listed("t")))  # type: ignore[arg-type]
        assert server.offer.places == ()
        server.met_dead_end = True
        relay.heard(Office(listed("t")))  # type: ignore[arg-type]
        assert len(server.offer.places) == 1
        assert not server.met_dead_end
    finally:
        relay.stop()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"-----BEGIN CERTIFICATE-----",
        b'{"neighbours": [{"terminal": "a", "name": "", "public_key": "%s"}]}' % (b"!" * 43),
        CollectorUnreachable("away"),
        ReportRefused("an older collector", code="path.unknown"),
    ],
)
def test_what_is_no_list_changes_nothing(host: Till, answer: bytes | Exception) -> None:
    relay = host.relay(use=True)
    relay.heard(Office(listed("t", "a")))  # type: ignore[arg-type]
    host.clock.now_s += EVERY_S
    relay.heard(Office(answer))  # type: ignore[arg-type]
    assert known(relay) == {"t", "a"}
    assert known(host.relay(use=True)) == {"t", "a"}


def test_a_new_key_of_this_till_is_used(host: Till) -> None:
    relay = host.relay(use=True)
    office = Office(listed("t"))
    relay.heard(office)  # type: ignore[arg-type]
    assert relay.connection._me.key() is office.key
    office.key = Ed25519PrivateKey.generate()
    relay.heard(office)  # type: ignore[arg-type]
    assert relay.connection._me.key() is office.key


def test_what_is_kept_and_told(host: Till) -> None:
    relay = host.relay(use=True)
    finding = Finding(Verdict.LINE, "r" * 500)
    relay.changed(Course("a", "Kase a", "10.0.0.2:8447", AT, finding, AT))
    kept = host.spool.read_state(COURSE)
    assert isinstance(kept, dict)
    assert (kept["way"], kept["relay"], kept["dead"]) == ("relay", "Kase a", "line")
    relay.changed(Course(since=AT))
    kept = host.spool.read_state(COURSE)
    assert isinstance(kept, dict)
    assert (kept["way"], kept["dead"], kept["dead_since"]) == ("own", None, None)
    relay.passed(Passed("", "", finding, AT, 600.4))
    [fact] = host.told
    assert isinstance(fact, v1.Fact)
    assert fact.name == FACT
    assert (fact.detail["way"], fact.detail["dead"], fact.detail["dead_s"]) == ("own", "line", 600)


def test_a_full_disk_does_not_stand_between_the_till_and_the_collector(host: Till) -> None:
    relay = host.relay(use=True)

    def full(_messages: object, _state: object) -> None:
        raise SpoolError("the disk is full")

    relay.begin(full, host.wake)
    relay.changed(Course(since=AT))


def test_a_taken_port_is_no_reason_not_to_run(host: Till) -> None:
    port = free_port()
    one = host.relay(serve=True, listen="127.0.0.1", port=port, group="")
    other = host.relay(serve=True, listen="127.0.0.1", port=port, group="")
    assert one._server
    assert other._server is None
    other.seen(Reach.REACHED)
    other.stop()
    one.stop()


def test_how_long_a_way_has_been_steady(host: Till) -> None:
    relay = host.relay(serve=True, listen="127.0.0.1", port=free_port(), group="")
    try:
        server = relay._server
        assert server
        relay.seen(Reach.REACHED)
        since_s = server.offer.since_s
        host.clock.now_s += 50
        relay.seen(Reach.REACHED)
        assert (server.offer.since_s, server.offer.seen_s) == (since_s, since_s + 50)
        relay.seen(Reach.SILENT)
        assert server.offer.since_s == since_s + 50
    finally:
        relay.stop()
