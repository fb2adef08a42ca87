"""Whether the till is selling just now, and so whether heavy work may run. Pure: it is told the time and what the
devices say."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

RECEIPT_PAUSE_S = 600.0
"""No receipt for so long: a quiet minute."""
SEEN_WITHIN = timedelta(days=1)
"""A till on which a receipt was seen within this time is one on which receipts can be seen at all."""
PATIENCE = timedelta(hours=20)
"""Heavy work that waited for so long is done all the same: some tills are on only while the shop is open."""
NIGHT = (time(3), time(6))
"""Of a till of which nobody knows when its shop is open, and on which no receipt can be seen."""


@dataclass(frozen=True, slots=True)
class Hours:
    """When the shop is open, in the till's local time; may go over midnight. The same twice: always."""

    open_from: time
    open_to: time

    def holds(self, at: time) -> bool:
        if self.open_from < self.open_to:
            return self.open_from <= at < self.open_to
        return at >= self.open_from or at < self.open_to


def hours(open_from: time | None, open_to: time | None) -> Hours | None:
    return Hours(open_from, open_to) if open_from is not None and open_to is not None else None


class Trading:
    """One thread or several: what they tell is a single time each."""

    def __init__(self, hours: Hours | None) -> None:
        self._hours = hours
        self._receipt_at: datetime | None = None

    def receipt(self, at: datetime) -> None:
        """A receipt was open, or was printed, at this wall time."""
        if self._receipt_at is None or at > self._receipt_at:
            self._receipt_at = at

    def quiet(self, now: datetime) -> bool:
        """`now` is aware and carries the till's zone. Closed, or no receipt for some minutes. A till of which neither
        is known is quiet at night."""
        if self._selling(now):
            return False
        if self._hours is not None:
            return not self._hours.holds(now.timetz().replace(tzinfo=None)) or self._sees_receipts(now)
        return self._sees_receipts(now) or NIGHT[0] <= now.timetz().replace(tzinfo=None) < NIGHT[1]

    def selling(self, now: datetime) -> bool:
        """A receipt was printed some minutes ago at most."""
        return self._selling(now)

    def may_run(self, now: datetime, waits_since: datetime, patience: timedelta = PATIENCE) -> bool:
        """Heavy work that is due since then. A clock that was set back does not make it wait anew."""
        return self.quiet(now) or abs(now - waits_since) >= patience

    def _selling(self, now: datetime) -> bool:
        """A time that lies ahead was told before the clock was set back, and says nothing."""
        if self._receipt_at is None:
            return False
        return 0 <= (now - self._receipt_at).total_seconds() < RECEIPT_PAUSE_S

    def _sees_receipts(self, now: datetime) -> bool:
        return self._receipt_at is not None and timedelta(0) <= now - self._receipt_at < SEEN_WITHIN
