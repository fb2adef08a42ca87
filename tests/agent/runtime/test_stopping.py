"""The signal that ends the agent, at the worst moment."""

import signal
from collections.abc import Iterator
from threading import Event

import pytest

from agent.runtime.stopping import stop_on_signal


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops(number: signal.Signals) -> None:
    stop = Event()
    stop_on_signal(stop)
    signal.raise_signal(number)
    assert stop.wait(30)


def test_a_signal_while_the_event_is_held_stops_too() -> None:
    """The main thread holds the event's lock for a moment whenever it begins or ends to wait."""
    stop = Event()
    stop_on_signal(stop)
    with stop._cond:  # type: ignore[attr-defined]
        signal.raise_signal(signal.SIGTERM)
    assert stop.wait(30)


def test_control_a_handler_that_sets_it_itself_would_wait_for_ever() -> None:
    stop = Event()
    met: list[bool] = []

    def sets_it(*_: object) -> None:
        met.append(stop._cond.acquire(timeout=0.05))  # type: ignore[attr-defined]

    signal.signal(signal.SIGTERM, sets_it)
    with stop._cond:  # type: ignore[attr-defined]
        signal.raise_signal(signal.SIGTERM)
    assert met == [False]
