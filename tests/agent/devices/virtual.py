"""An emulated device behind a port on which time is only counted: nothing waits, so a minute takes no time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Self

from tests.emulators.machine import Machine

START = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


class CountedClock:
    def __init__(self, start: datetime = START) -> None:
        self.seconds = 0.0
        self._start = start

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, event: Event, timeout_s: float) -> bool:
        self.seconds += timeout_s
        return event.is_set()


class MachinePort:
    """Each answer takes `answer_s`; `spoil` may change it on its way."""

    def __init__(
        self,
        machine: Machine,
        clock: CountedClock,
        answer_s: float = 0.02,
        spoil: Callable[[bytes], bytes] = lambda answer: answer,
    ) -> None:
        self.machine = machine
        self.answers = 0
        self._clock = clock
        self._answer_s = answer_s
        self._spoil = spoil
        self._coming = b""

    def write(self, data: bytes) -> None:
        answer = self.machine.receive(data)
        if answer:
            self.answers += 1
            self._coming += self._spoil(answer)

    def read(self, wait_s: float) -> bytes:
        if not self._coming:
            self._clock.seconds += max(wait_s, 0.0)
            return b""
        self._clock.seconds += self._answer_s
        came, self._coming = self._coming, b""
        return came

    def contended(self) -> bool:
        return False

    def close(self) -> None:
        self._coming = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class DrippingPort(MachinePort):
    """One byte that means nothing, again and again, each just before patience ends."""

    def read(self, wait_s: float) -> bytes:
        self._clock.seconds += max(wait_s, 0.0) * 0.9
        return b"\xff"
