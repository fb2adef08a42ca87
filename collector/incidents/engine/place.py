"""What the rules may know of where something happens."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from collector.inventory import hours, windows
from collector.inventory.hours import Week
from collector.inventory.windows import Window

RECEIPT_COUNTS = timedelta(minutes=30)
"""So long after a receipt the shop is trading, whatever its hours say."""


class Place(Protocol):
    """Read only when it is needed: most happenings need nothing of it."""

    @property
    def name(self) -> str: ...
    @property
    def terminal(self) -> str: ...
    @property
    def site(self) -> int | None: ...
    @property
    def areas(self) -> tuple[str, ...]: ...

    def trading(self, at: datetime) -> bool: ...
    def trade_begins(self, after: datetime) -> datetime | None: ...
    def maintained_until(self, at: datetime, device: str) -> datetime | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """A place as plain values. `areas`: names of those that it lies in, such as "provider:Tet". `receipt_at`: when a
    receipt was last seen."""

    name: str
    terminal: str = ""
    site: int | None = None
    areas: tuple[str, ...] = ()
    zone: str = "Europe/Riga"
    week: Week = ()
    windows: tuple[Window, ...] = ()
    receipt_at: datetime | None = None

    def trading(self, at: datetime) -> bool:
        """Where the hours are not known it may always be."""
        if self.receipt_at is not None and abs(at - self.receipt_at) <= RECEIPT_COUNTS:
            return True
        return hours.is_open(self.week, self.zone, at) is not False

    def trade_begins(self, after: datetime) -> datetime | None:
        opens = hours.opens_after(self.week, self.zone, after)
        if self.receipt_at is not None and self.receipt_at > after:
            return min(opens, self.receipt_at) if opens else self.receipt_at
        return opens

    def maintained_until(self, at: datetime, device: str) -> datetime | None:
        return windows.until(self.windows, at, device) if self.windows else None
