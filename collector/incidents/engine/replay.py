"""The engine over incidents in memory, with a clock that the caller moves: for backtests, scenarios, the benchmark."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from collector.incidents.engine import storm
from collector.incidents.engine.driver import Driver
from collector.incidents.engine.facts import NONE, Happening
from collector.incidents.engine.memory import Memory
from collector.incidents.engine.place import Place
from collector.incidents.engine.policy import Rules


class Replay:
    """`place` finds a place by its name. `maintained`: names of places that have windows."""

    def __init__(
        self,
        place: Callable[[str], Place],
        rules: Rules,
        book: Memory | None = None,
        maintained: Iterable[str] = (),
    ) -> None:
        self.place = place
        self.book = book or Memory(place)
        self.driver = Driver(self.book, rules)
        self._maintained = tuple(maintained)

    def tell(self, place: str, happening: Happening, now: datetime, ahead: timedelta = NONE) -> None:
        self.driver.tell(happening, self.place(place), now, ahead)

    def tick(self, now: datetime) -> None:
        """What time brought up to `now`."""
        for name in self._maintained:
            for known in self.book.open_in(name):
                self.driver.maintain(known, now)
        for spot in self.book.due(now):
            self.driver.look(spot, self.place(spot.place), now)
        for known in self.book.doubtful():
            self.driver.rejudge(known, now)
        for known in self.book.open_in(storm.SKY.name):
            if known.lasting:
                self.driver.calm(known, now)
