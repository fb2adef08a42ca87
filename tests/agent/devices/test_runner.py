"""An exchange over a pty: what is told to it, and that it ends whatever comes."""

import time
from collections.abc import Iterator
from typing import NoReturn, Self

import pytest

from agent.devices.runner import EXCHANGE_BYTES, FLOOD, Allowance, run
from agent.ports import open_port
from protocols.device.exchange import Done, Frame, Step, Wait, Write
from protocols.device.family import Serial
from protocols.errors import Busy, Garbled, NoReply, PortGone, UsageError
from tests.agent.devices.bench import RawPty, SkewedClock

LINE = Serial(bauds=(9600,))


class Recorder:
    """Writes `?`, is done with the byte `!`, asks again after a silence, and remembers what it was told."""

    def __init__(self, tries: int = 3, wait_s: float = 0.02, deadline_s: float = 5.0) -> None:
        self.deadline_s = deadline_s
        self.told: list[str] = []
        self._wait_s = wait_s
        self._tries = tries

    def start(self) -> Step:
        return Write(b"?", self._wait_s)

    def receive(self, data: bytes) -> Step:
        self.told.append(data.decode())
        return Done(Frame(None, None, data=data)) if b"!" in data else Wait(self._wait_s)

    def silence(self) -> Step:
        self.told.append("silence")
        if self.told.count("silence") == self._tries:
            raise NoReply("silent")
        return Write(b"?", self._wait_s)

    def expire(self) -> NoReturn:
        self.told.append("expire")
        raise Busy("expired")


class Endless(Recorder):
    def expire(self) -> Step:  # type: ignore[override]
        return Wait(0.01)


@pytest.fixture
def talkative() -> Iterator[RawPty]:
    pty = RawPty(lambda asked: b"a!" if asked else b"")
    yield pty
    pty.close()


@pytest.fixture
def silent() -> Iterator[RawPty]:
    pty = RawPty(lambda asked: b"")
    yield pty
    pty.close()


def test_the_reply_comes_back(talkative: RawPty) -> None:
    with open_port(talkative.path, LINE) as port:
        assert b"!" in run(Recorder(wait_s=2.0), port, SkewedClock()).data


def test_silence_is_told_and_the_tries_are_the_exchange_s(silent: RawPty) -> None:
    exchange = Recorder(tries=3)
    with open_port(silent.path, LINE) as port, pytest.raises(NoReply):
        run(exchange, port, SkewedClock())
    assert exchange.told == ["silence"] * 3
    assert bytes(silent.received) == b"???"


class Flood:
    """A port on which something is always there."""

    def __init__(self) -> None:
        self._end = time.perf_counter() + 5.0

    def write(self, data: bytes) -> None:
        """Nobody listens."""

    def read(self, wait_s: float) -> bytes:
        assert time.perf_counter() < self._end, "the deadline did not end it"
        return b"x" * 64

    def contended(self) -> bool:
        return False

    def close(self) -> None:
        """There is nothing to close."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def test_a_flood_is_ended_when_more_came_than_can_be_an_answer() -> None:
    exchange = Recorder(wait_s=1.0)
    with pytest.raises(Garbled) as ended:
        run(exchange, Flood(), SkewedClock())
    assert ended.value.code == FLOOD
    assert sum(map(len, exchange.told)) == EXCHANGE_BYTES


def test_without_that_bound_only_the_deadline_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above."""
    monkeypatch.setattr("agent.devices.runner.EXCHANGE_BYTES", 1 << 40)
    exchange = Recorder(wait_s=1.0, deadline_s=0.1)
    with pytest.raises(Busy):
        run(exchange, Flood(), SkewedClock(), Allowance(float("inf"), 1 << 40))
    assert exchange.told[-1] == "expire"
    assert sum(map(len, exchange.told)) > 2 * EXCHANGE_BYTES


def test_what_one_poll_may_take_is_shared_by_its_exchanges() -> None:
    allowance = Allowance(float("inf"), 256)
    for _ in range(2):
        with pytest.raises(Garbled):
            run(Recorder(wait_s=1.0), Flood(), SkewedClock(), allowance)
    assert allowance.bytes_left == -128, "the second one ended with its first piece"


def test_no_exchange_goes_on_after_the_poll_must_end(silent: RawPty) -> None:
    clock = SkewedClock()
    exchange = Recorder(wait_s=30.0, deadline_s=30.0)
    began = time.perf_counter()
    with open_port(silent.path, LINE) as port, pytest.raises(Busy):
        run(exchange, port, clock, Allowance(clock.monotonic() + 0.05, 1024))
    assert time.perf_counter() - began < 5.0


def test_a_wait_that_is_longer_than_the_deadline_is_cut(silent: RawPty) -> None:
    exchange = Recorder(wait_s=30.0, deadline_s=0.1)
    began = time.perf_counter()
    with open_port(silent.path, LINE) as port, pytest.raises(Busy):
        run(exchange, port, SkewedClock())
    assert time.perf_counter() - began < 5.0
    assert exchange.told == ["expire"]


def test_an_exchange_that_goes_on_after_its_end_is_a_bug(silent: RawPty) -> None:
    with open_port(silent.path, LINE) as port, pytest.raises(UsageError):
        run(Endless(wait_s=30.0, deadline_s=0.05), port, SkewedClock())


def test_a_lost_port_comes_out_as_such(silent: RawPty) -> None:
    with open_port(silent.path, LINE) as port:
        port.close()
        with pytest.raises(PortGone):
            run(Recorder(), port, SkewedClock())
