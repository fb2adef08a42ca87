"""A wait that ends by itself, for ports whose system calls may come back early and empty, again and again."""

from collections.abc import Callable
from threading import Event, Timer
from types import TracebackType
from typing import Self


class Patience:
    """Over `wait_s` seconds after it was entered."""

    def __init__(self, wait_s: float) -> None:
        self._over = Event()
        self._timer = Timer(wait_s, self._over.set)
        self._timer.daemon = True

    def lasts(self, pause_s: float) -> bool:
        """After a pause: whether there is time left. The pause ends with the time."""
        return not self._over.wait(pause_s)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()


_PAUSE_S, _SLICE_S = 0.02, 0.1


def patient(read: Callable[[float], bytes], wait_s: float) -> bytes:
    """What `read` gives within `wait_s`. A USB printer with nothing to say may answer with an empty packet at
    once: then it is left alone for a moment, and listened to again."""
    with Patience(wait_s) as patience:
        data = read(wait_s)
        while not data and patience.lasts(_PAUSE_S):
            data = read(_SLICE_S)
    return data
