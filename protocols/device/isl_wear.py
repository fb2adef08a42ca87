"""A question of Datecs ISL legacy that only some models know: it is asked once the device has said which model it
is. What an older one does with it, no manual tells; it might wait for its print buffer first."""

from collections.abc import Callable

from protocols.device.exchange import Done, Exchange, Frame, Step
from protocols.device.family import Reply
from protocols.device.isl_exchange import DEADLINE_S
from protocols.device.isl_reply import identify
from protocols.errors import Rejected, Unexpected

_MODELS = frozenset({"FP-650", "FP-700", "FP-800", "FP-2000", "FMP-10", "SK1-21F", "SK1-31F"})
"""4Ah P stands in the manuals of FP-800 (1.00BG) and of group A. Not FP-550: an older printer of that name knows W
and X only."""


class WearExchange:
    """`first` asks who is there, `then` makes the question itself."""

    deadline_s = DEADLINE_S

    def __init__(self, first: Exchange, then: Callable[[], Exchange]) -> None:
        self._now = first
        self._then: Callable[[], Exchange] | None = then

    def start(self) -> Step:
        return self._now.start()

    def receive(self, data: bytes) -> Step:
        return self._on(self._now.receive(data))

    def silence(self) -> Step:
        return self._on(self._now.silence())

    def expire(self) -> Step:
        return self._now.expire()

    def _on(self, step: Step) -> Step:
        if self._then is None or not isinstance(step, Done):
            return step
        if not _counts(step.frame):
            raise Rejected("the manual of this model knows no wear counters")
        self._now, self._then = self._then(), None
        return self._now.start()


def _counts(frame: Frame) -> bool:
    try:
        return identify([Reply(frame)]).model in _MODELS
    except Unexpected:
        return False
