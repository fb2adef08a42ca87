"""The engine over incidents in memory, with a clock that the caller moves: for backtests, scenarios, the benchmark."""

from collections.abc import Callable
from datetime import datetime, timedelta

from collector.incidents.engine import storm
from collector.incidents.engine.driver import Driver
from collector.incidents.engine.facts import Happening
from collector.incidents.engine.memory import Memory
from collector.incidents.engine.place import Place
from collector.incidents.engine.policy import Rules

_NONE = timedelta()


class Replay:
    """`place` finds a place by its name."""

    def __init__(self, place: Callable[[str], Place], rules: Rules, book: Memory | None = None) -> None:
        self.place = place
        self.book = book or Memory(place)
        self.driver = Driver(self.book, rules)

    def tell(self, place: str, happening: Happening, now: datetime, ahead: timedelta = _NONE) -> None:
        self.driver.tell(happening, self.place(place), now, ahead)

    def tick(self, now: datetime) -> None:
        """What time brought up to `now`."""
        for known in self.book.open():
            self.driver.maintain(known, now)
        due = sorted((at, spot) for spot, at in self.book.due.items() if at <= now)
        for _at, spot in due:
            self.driver.look(spot, self.place(spot.place), now)
        for number in list(self.book.suppressed):
            self.driver.rejudge(self.book.incidents[number], now)
        for known in self.book.open():
            if storm.is_summary(known) and known.lasting:
                self.driver.calm(known, now)

    def due_before(self, now: datetime) -> datetime | None:
        """When time brings the next thing, if that is not later than `now`."""
        first = min(self.book.due.values(), default=None)
        return first if first is not None and first <= now else None
