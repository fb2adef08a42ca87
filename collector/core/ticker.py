"""A thread that runs small duties every second until it is stopped. What they do is no business of this
file."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Event, Thread

from django.db import close_old_connections, connections

from collector.core import clock

EVERY_S = 1.0
Duty = Callable[[datetime], object]

log = logging.getLogger(__name__)


class Ticker:
    def __init__(self, duties: Sequence[Duty], every_s: float = EVERY_S) -> None:
        self._duties = duties
        self._every_s = every_s
        self._stop = Event()
        self._thread = Thread(target=self.run, name="ticker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ask_to_stop(self) -> None:
        self._stop.set()

    def stop(self) -> None:
        """Ask for the end and wait for the running duty."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def run(self) -> None:
        """Until `stop`. A duty that fails is logged and asked again with the next tick."""
        while not clock.wait(self._stop, self._every_s):
            for duty in self._duties:
                self._do(duty)
        connections.close_all()

    def _do(self, duty: Duty) -> None:
        try:
            duty(clock.now())
        except Exception:  # one failing duty must not stop the others, nor the clock
            log.exception("%s failed; it is tried again in %g s", duty.__name__, self._every_s)
            close_old_connections()


def stop_all(tickers: Sequence[Ticker]) -> None:
    """Ask all for the end before any is waited for."""
    for ticker in tickers:
        ticker.ask_to_stop()
    for ticker in tickers:
        ticker.stop()
