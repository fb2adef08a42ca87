"""What somebody in the LAN can do with a relay: nothing but what a member of the site may, and that within bounds."""

import base64
import re
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from threading import Event, Thread
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from agent.uplink.relay_lan import Lan
from agent.uplink.relay_passage import Guard, Line, dial
from agent.uplink.relay_server import Bounds, RelayServer
from agent.uplink.relay_tunnel import Throttle
from protocols.wire import relay as wire
from protocols.wire.relay import Passage, Reach
from tests.agent.uplink.collector import Collector
from tests.agent.uplink.relay_site import CLOCK, Shop
from tests.agent.uplink.wire import Wire

_NEVER = Event()


@pytest.fixture
def shop(collector: Collector) -> Iterator[Shop]:
    with Shop(collector, ("a", "b", "c")) as made:
        yield made


def connected(relay: RelayServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", relay.port), 30)


def told(line: socket.socket) -> str:
    """What comes until the empty line or the end; a reset is an end."""
    got = b""
    with suppress(ConnectionError):
        while not got.endswith(b"\r\n\r\n") and (more := line.recv(4096)):
            got += more
    return got.decode()


def ask(relay: RelayServer, *heads: str) -> list[str]:
    """The first line of each answer."""
    with closing(connected(relay)) as line:
        answers = []
        for head in heads:
            with suppress(ConnectionError):
                line.sendall(head.encode())
            answers.append(told(line).partition("\r\n")[0])
        return answers


def passage(shop: Shop, relay: RelayServer, *, sign: Any, terminal: str = "c") -> str:
    """Ask with a signature that `sign` makes of the true passage; the first line of the last answer."""
    with closing(connected(relay)) as line:
        connect = f"CONNECT {shop.address} HTTP/1.1\r\n"
        line.sendall(f"{connect}\r\n".encode())
        match = re.search(r'nonce="([^"]+)"', told(line))
        assert match
        signature = sign(Passage("a", match[1], terminal, shop.address))
        proof = f'Proxy-Authorization: Plomba terminal="{terminal}", signature="{signature}"'
        line.sendall(f"{connect}{proof}\r\n\r\n".encode())
        return told(line).partition("\r\n")[0]


def test_it_leads_to_its_own_collector_and_nowhere_else(shop: Shop, collector: Collector) -> None:
    with Wire(collector.port) as elsewhere:
        relay = shop.relay("a")
        for target in (f"127.0.0.1:{elsewhere.port}", f"localhost:{shop.dead}", "127.0.0.1:22", "[::1]:443"):
            assert ask(relay, f"CONNECT {target} HTTP/1.1\r\n\r\n") == ["HTTP/1.1 403 Refused"]
        assert elsewhere.connections == collector.connections == 0


def test_the_place_may_not_change_after_the_challenge(shop: Shop) -> None:
    first, second = ask(
        shop.relay("a"),
        f"CONNECT {shop.address} HTTP/1.1\r\n\r\n",
        "CONNECT 127.0.0.1:22 HTTP/1.1\r\n\r\n",
    )
    assert (first, second) == ("HTTP/1.1 407 Who are you", "HTTP/1.1 403 Refused")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET http://127.0.0.1/ HTTP/1.1\r\n\r\n", 405),
        ("POST /api/agent/v1/reports HTTP/1.1\r\n\r\n", 405),
        ("\x16\x03\x01 no head\r\n\r\n", 400),
        ("CONNECT a:1 HTTP/1.1\r\n\r\nmore", 400),
        ("CONNECT a:1 HTTP/1.1\r\n" + "X: y\r\n" * 1000 + "\r\n", 400),
    ],
)
def test_what_is_no_passage(shop: Shop, collector: Collector, head: str, status: int) -> None:
    [answer] = ask(shop.relay("a"), head)
    assert answer.startswith(f"HTTP/1.1 {status} ") or (not answer and len(head) > 2048)
    assert collector.connections == 0


def test_control_a_member_is_let_through(shop: Shop) -> None:
    relay = shop.relay("a")
    assert passage(shop, relay, sign=lambda p: p.signed(shop.keys["c"])) == "HTTP/1.1 200 Through"


@pytest.mark.parametrize(
    "how", ["other key", "other nonce", "other relay", "nothing", "garbage", "other till"]
)
def test_who_is_no_member_is_not(shop: Shop, collector: Collector, how: str) -> None:
    key = shop.keys["c"]
    signs = {
        "other key": lambda p: p.signed(Ed25519PrivateKey.generate()),
        "other nonce": lambda p: Passage(p.relay, "n" * 32, p.terminal, p.collector).signed(key),
        "other relay": lambda p: Passage("b", p.nonce, p.terminal, p.collector).signed(key),
        "nothing": lambda _: "",
        "garbage": lambda _: base64.urlsafe_b64encode(b"g" * 64).decode(),
        "other till": lambda p: p.signed(shop.keys["b"]),
    }
    assert passage(shop, shop.relay("a"), sign=signs[how]) == "HTTP/1.1 403 Refused"
    assert passage(shop, shop.relay("a"), sign=signs["nothing"], terminal="nobody") == "HTTP/1.1 403 Refused"
    assert collector.connections == 0


def test_a_till_signs_for_nobody_but_the_elected_relay(shop: Shop) -> None:
    relay = shop.relay("a")
    with pytest.raises(OSError, match="another one answers there"):
        dial(("127.0.0.1", relay.port), "b", shop.me("c"), CLOCK)(30)


def through(shop: Shop, relay: RelayServer, terminal: str = "c") -> socket.socket:
    return dial(("127.0.0.1", relay.port), "a", shop.me(terminal), CLOCK)(30)


def test_no_more_tunnels_than_allowed(shop: Shop) -> None:
    relay = shop.relay("a", bounds=Bounds(tunnels=2, per_address=10))
    with closing(through(shop, relay)), closing(through(shop, relay, "b")):
        [word] = Lan([("127.0.0.1", relay.port)], group="", port=1, wait_s=0.5).ask(
            "c", shop.keys["c"], shop.address, shop.members.keys, CLOCK
        )
        assert word.load == 1.0
        with pytest.raises(OSError, match="503"):
            through(shop, relay)
    for _ in range(200):
        if relay.tunnels < 2:
            break
        CLOCK.wait(_NEVER, 0.05)
    through(shop, relay).close()


def test_no_more_of_one_address_than_allowed(shop: Shop) -> None:
    relay = shop.relay("a", bounds=Bounds(per_address=2))
    with closing(connected(relay)), closing(connected(relay)), closing(connected(relay)) as third:
        assert told(third) == ""


def test_who_says_nothing_or_slowly_is_put_out(shop: Shop) -> None:
    relay = shop.relay("a", bounds=Bounds(opening_s=1.0))
    with closing(connected(relay)) as silent, closing(connected(relay)) as slow:
        began_s = CLOCK.monotonic()
        slow.settimeout(0.2)
        with suppress(ConnectionError):
            while CLOCK.monotonic() - began_s < 30:
                slow.sendall(b"C")
                with suppress(TimeoutError):
                    if not slow.recv(100):
                        break
        assert 0.9 <= CLOCK.monotonic() - began_s < 30
        assert told(silent) == ""


def test_a_tunnel_in_which_nothing_goes_ends(shop: Shop, collector: Collector) -> None:
    relay = shop.relay("a", bounds=Bounds(idle_s=0.3))
    with closing(through(shop, relay)) as line:
        assert line.recv(1) == b""


def test_a_tunnel_does_not_live_for_ever(shop: Shop) -> None:
    """A terminal that was retired meanwhile must show itself again."""
    relay = shop.relay("a", bounds=Bounds(life_s=1.0, idle_s=600))
    with closing(through(shop, relay)) as line:
        assert line.recv(1) == b""


def test_stopping_ends_the_tunnels_at_once(shop: Shop) -> None:
    relay = shop.relay("a")
    with closing(through(shop, relay)) as line:
        began_s = CLOCK.monotonic()
        relay.stop()
        assert line.recv(1) == b""
        assert CLOCK.monotonic() - began_s < 30
    with pytest.raises(ConnectionRefusedError):
        connected(relay)


class Still:
    """A clock that stands."""

    now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s


def test_all_tunnels_together_are_not_faster_than_allowed() -> None:
    clock = Still()
    throttle = Throttle(1000, clock)  # type: ignore[arg-type] # nothing else is asked of it
    assert throttle.take(2000) == 0.0
    assert throttle.take(500) == pytest.approx(0.5)
    assert throttle.take(500) == pytest.approx(1.0)
    clock.now_s = 3.0
    assert throttle.take(2000) == pytest.approx(0.0)
    assert not throttle.try_take()
    clock.now_s = 1000.0
    assert sum(throttle.try_take() for _ in range(5000)) == 2000


def test_the_bound_on_speed_is_kept(shop: Shop) -> None:
    """40,000 bytes at 10,000 a second, of which two seconds' worth may go at once."""
    server = socket.create_server(("127.0.0.1", 0))
    relay = shop.relay("a", to=server.getsockname()[1], bounds=Bounds(bytes_s=10_000))
    with closing(server), closing(through(shop, relay)) as line:
        far, _ = server.accept()
        began_s = CLOCK.monotonic()
        with closing(far):
            line.sendall(b"x" * 40_000)
            got = 0
            while got < 40_000:
                got += len(far.recv(65536))
        assert CLOCK.monotonic() - began_s >= 0.9


def hear(shop: Shop, relay: RelayServer, terminal: str, **changed: Any) -> list[Any]:
    key, collector = changed.get("key", shop.keys[terminal]), changed.get("collector", shop.address)
    keys = changed.get("keys", shop.members.keys)
    return Lan([("127.0.0.1", relay.port)], group="", port=1, wait_s=0.5).ask(
        terminal, key, collector, keys, CLOCK
    )


def test_only_members_are_told_and_only_members_are_heard(shop: Shop) -> None:
    relay = shop.relay("a", rank=7)
    [word] = hear(shop, relay, "c")
    assert (word.terminal, word.reach, word.rank, word.load) == ("a", Reach.REACHED, 7, 0.0)
    assert word.address == ("127.0.0.1", relay.port)
    assert word.steady_s >= 1000
    assert hear(shop, relay, "c", key=Ed25519PrivateKey.generate()) == []
    assert hear(shop, relay, "c", collector="other.example:443") == []
    assert hear(shop, relay, "c", keys={"c": shop.keys["c"].public_key()}) == []
    assert hear(shop, relay, "a") == [], "nobody goes through himself"


@pytest.mark.parametrize(("fresh", "heard"), [(False, 0), pytest.param(True, 1, id="control")])
def test_a_word_for_another_question_is_not_heard(shop: Shop, fresh: bool, heard: int) -> None:
    """One that was recorded yesterday, when the relay had a way."""

    def answer() -> None:
        datagram, address = ear.recvfrom(2048)
        asked = wire.opened(wire.Question, datagram, shop.members.keys)
        assert asked
        nonce = asked.nonce if fresh else "n" * 22
        said = wire.Word(
            terminal="a", nonce=nonce, reach=Reach.REACHED, steady_s=1, load=0, rank=1, port=8447
        )
        ear.sendto(wire.sealed(said, shop.keys["a"]), address)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(30)
        thread = Thread(target=answer)
        thread.start()
        lan = Lan([ear.getsockname()], group="", port=1, wait_s=1.0)
        assert len(lan.ask("c", shop.keys["c"], shop.address, shop.members.keys, CLOCK)) == heard
        thread.join(30)


@pytest.mark.parametrize("at", [0, 63, 64, 100, -1])
def test_a_datagram_that_was_changed_is_nobodys(shop: Shop, at: int) -> None:
    said = wire.Question(terminal="c", collector=shop.address, nonce="n" * 22)
    sealed = bytearray(wire.sealed(said, shop.keys["c"]))
    assert wire.opened(wire.Question, bytes(sealed), shop.members.keys) == said
    sealed[at] ^= 1
    assert wire.opened(wire.Question, bytes(sealed), shop.members.keys) is None
    assert wire.opened(wire.Word, bytes(sealed), shop.members.keys) is None


KEY = Ed25519PrivateKey.generate()
KEYS = {"c": KEY.public_key()}


@given(st.binary(max_size=1100))
def test_any_datagram_is_nobodys_or_whole(datagram: bytes) -> None:
    assert wire.opened(wire.Question, datagram, KEYS) is None
    signed = KEY.sign(b"plomba-relay-question-1\n" + datagram) + datagram
    assert wire.opened(wire.Question, signed, KEYS) is None


@given(st.lists(st.binary(min_size=1, max_size=600), max_size=6))
def test_any_head_is_refused_or_too_long_or_broken_off(parts: list[bytes]) -> None:
    """The line ends, so that nobody waits."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        near = socket.create_connection(door.getsockname(), 30)
        far, _ = door.accept()
    with closing(near), closing(far):
        for part in parts:
            near.sendall(part)
        near.shutdown(socket.SHUT_WR)
        guard = Guard("a", "127.0.0.1:443", lambda: KEYS)
        with pytest.raises(OSError, match=r"refuses|hung up"):
            guard.admit(Line(far, CLOCK, CLOCK.monotonic() + 30))


def test_questions_are_answered_at_a_bounded_rate(shop: Shop) -> None:
    relay = shop.relay("a", bounds=Bounds(questions_s=1))
    question = wire.sealed(
        wire.Question(terminal="c", collector=shop.address, nonce="n" * 22), shop.keys["c"]
    )
    answers = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(0.5)
        for _ in range(50):
            line.sendto(question, ("127.0.0.1", relay.port))
        with suppress(TimeoutError):
            while line.recv(2048):
                answers += 1
    assert 1 <= answers <= 10


def test_a_bug_ends_neither_the_relay_nor_the_agent(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    relay = shop.relay("a")

    def bug(*_: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr("agent.uplink.relay_server.wire.opened", bug)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.sendto(b"q" * 100, ("127.0.0.1", relay.port))
        with suppress(RuntimeError):
            hear(shop, relay, "c")
    assert len(hear(shop, relay, "c")) == 1


def test_one_from_outside_is_hung_up_on(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    relay = shop.relay("a")
    monkeypatch.setattr("agent.uplink.relay_server.is_near", lambda _: False)
    assert hear(shop, relay, "c") == []
    with closing(connected(relay)) as line:
        assert told(line) == ""
