"""A repository around another one that asks again after errors that may pass. It hides no error for good."""

from collections.abc import Callable, Iterator
from threading import Event
from typing import TypeVar

from agent.backup.repository import ObjectInfo, Repository
from agent.clock import Clock
from protocols.errors import BackupError

WAITS_S = (1.0, 4.0, 15.0, 60.0)

Result = TypeVar("Result")


class Retrying:
    def __init__(
        self, inner: Repository, clock: Clock, stop: Event, waits_s: tuple[float, ...] = WAITS_S
    ) -> None:
        self._inner = inner
        self._clock = clock
        self._stop = stop
        self._waits_s = waits_s

    @property
    def address(self) -> str:
        return self._inner.address

    @property
    def streams(self) -> int:
        return self._inner.streams

    @property
    def checks_packs(self) -> bool:
        return self._inner.checks_packs

    def put_new(self, name: str, data: bytes | memoryview) -> None:
        self._again(lambda: self._inner.put_new(name, data))

    def get(self, name: str) -> bytes:
        return self._again(lambda: self._inner.get(name))

    def list(self, kind: str) -> Iterator[ObjectInfo]:
        yield from self._again(lambda: tuple(self._inner.list(kind)))

    def stat(self, name: str) -> ObjectInfo:
        return self._again(lambda: self._inner.stat(name))

    def delete(self, name: str) -> None:
        self._again(lambda: self._inner.delete(name))

    def is_missing(self, error: Exception) -> bool:
        return self._inner.is_missing(error)

    def is_permanent(self, error: Exception) -> bool:
        return self._inner.is_permanent(error)

    def _again(self, call: Callable[[], Result]) -> Result:
        for wait_s in self._waits_s:
            try:
                return call()
            except BackupError as e:
                if self._inner.is_permanent(e) or self._clock.wait(self._stop, wait_s):
                    raise
        return call()
