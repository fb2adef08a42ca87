"""Carries bytes between a till and the collector, not faster than allowed. It looks at none of them."""

import selectors
import socket
from threading import Event, Lock

from agent.clock import Clock

CHUNK_BYTES = 16 << 10
SEND_S = 30.0
"""A side that takes nothing for so long is gone."""


def at_once(line: socket.socket) -> None:
    """Send what is small without waiting for the answer to what went before: TLS and HTTP write in pieces, and each
    would wait 40 ms for a delayed acknowledgement (RFC 1122 section 4.2.3.2)."""
    if line.family in (socket.AF_INET, socket.AF_INET6):
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Throttle:
    """A bucket of `per_s` tokens a second and two seconds' worth at most, shared by all that take from it. Any thread
    may call."""

    def __init__(self, per_s: float, clock: Clock) -> None:
        self._per_s = per_s
        self._clock = clock
        self._lock = Lock()
        self._level = per_s * 2
        self._at_s = clock.monotonic()

    def take(self, tokens: float) -> float:
        """Take them, into debt if need be. Seconds until the debt is paid."""
        with self._lock:
            self._fill()
            self._level -= tokens
            return max(-self._level, 0.0) / self._per_s

    def try_take(self) -> bool:
        """Take one if there is one."""
        with self._lock:
            self._fill()
            if self._level < 1:
                return False
            self._level -= 1
            return True

    def _fill(self) -> None:
        now_s = self._clock.monotonic()
        self._level = min(self._per_s * 2, self._level + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s


class Tunnel:
    """`run` in a thread of its own; the two sockets stay the caller's to close."""

    def __init__(
        self, near: socket.socket, far: socket.socket, throttle: Throttle, clock: Clock, stop: Event
    ) -> None:
        self._other = {near: far, far: near}
        self._throttle = throttle
        self._clock = clock
        self._stop = stop
        self.carried_bytes = 0

    def run(self, idle_s: float, life_s: float) -> None:
        """Until both sides have ended, one breaks (OSError), nothing comes for `idle_s`, or after `life_s`: who may
        go through is asked anew then."""
        end_s = self._clock.monotonic() + life_s
        with selectors.DefaultSelector() as selector:
            for side in self._other:
                side.settimeout(SEND_S)
                at_once(side)
                selector.register(side, selectors.EVENT_READ)
            while selector.get_map() and not self._stop.is_set():
                left_s = end_s - self._clock.monotonic()
                ready = {event.fileobj for event, _ in selector.select(min(idle_s, left_s))}
                if not ready or left_s <= 0:
                    return
                for side in self._other:
                    if side in ready and not self._hand_on(side):
                        selector.unregister(side)

    def _hand_on(self, side: socket.socket) -> bool:
        """False where this side has said all."""
        data = side.recv(CHUNK_BYTES)
        other = self._other[side]
        if not data:
            other.shutdown(socket.SHUT_WR)
            return False
        self._clock.wait(self._stop, self._throttle.take(len(data)))
        other.sendall(data)
        self.carried_bytes += len(data)
        return True
