"""Whether the fiscal day is longer than 24 hours, for devices that have no bit for it. Times are the device's
own wall clock, without a zone."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from agent.health.plain import Plain
from protocols.status.model import DeviceState

DAY = timedelta(hours=24)
_AHEAD = timedelta(minutes=10)
"""A last Z that is this much later than now means that the device's clock was set back."""
_NO_SECONDS = timedelta(minutes=1)


class FiscalDay:
    """The rule: a bit of the device decides. Else the day is over 24 hours when it is known to be open and the
    last Z is older than that, and it is not when the last Z is younger. Where the day was seen closed after
    the last Z, it did not begin with the Z: then it counts from when it was first seen open, and before 24
    hours since it was last seen closed it is surely not over. What lies between is unknown."""

    def __init__(self) -> None:
        self._closed_at: datetime | None = None
        self._open_at: datetime | None = None

    def look(self, state: DeviceState, device_now: datetime | None) -> tuple[bool | None, str]:
        """(over 24 hours, why it is or why that is not known). Call with every new reading: what is seen now
        counts later."""
        if state.day_over_24h is not None:
            return state.day_over_24h, ""
        if state.day_open is None:
            return None, "the device does not say whether its day is open"
        if device_now is None or state.clock_set is False:
            return None, "the time of the device is not known"
        self._remember(state.day_open, device_now)
        if not state.day_open:
            return False, ""
        return self._judge(state.last_z_time, device_now)

    def _remember(self, is_open: bool, now: datetime) -> None:
        """What lies ahead of now was seen before the clock was set back."""
        if self._closed_at and self._closed_at > now:
            self._closed_at = None
        if not is_open:
            self._closed_at, self._open_at = now, None
        elif self._open_at is None or self._open_at > now:
            self._open_at = now

    def _judge(self, last_z: datetime | None, now: datetime) -> tuple[bool | None, str]:
        if last_z and last_z > now + _AHEAD:
            return None, "the clock of the device stands before its last Z report"
        if last_z and (self._open_at is None or self._open_at <= last_z):
            self._open_at = now  # a Z came in between: this is another day
        closed_at = self._closed_at
        if closed_at and (not last_z or closed_at > last_z):
            return self._between(closed_at, now)
        if not last_z:
            return None, "the device does not say when its last Z report was"
        if now - last_z <= DAY:
            return False, ""
        if now - _latest(last_z) <= DAY:
            return None, f"the last Z report is of {last_z:%Y-%m-%d}, its hour is not known"
        return True, f"the last Z report is of {last_z:%Y-%m-%d %H:%M}, and the day is open"

    def _between(self, closed_at: datetime, now: datetime) -> tuple[bool | None, str]:
        open_at = self._open_at or now
        if now - closed_at <= DAY:
            return False, ""
        if now - open_at > DAY:
            return True, f"the day is open since {open_at:%Y-%m-%d %H:%M} at least"
        return None, f"the day began between {closed_at:%Y-%m-%d %H:%M} and {open_at:%Y-%m-%d %H:%M}"

    def export(self) -> dict[str, Plain]:
        times = {"closed_at": self._closed_at, "open_at": self._open_at}
        return {name: at.isoformat() for name, at in times.items() if at}

    def restore(self, kept: Mapping[str, Plain]) -> None:
        self._closed_at, self._open_at = _time(kept.get("closed_at")), _time(kept.get("open_at"))


def _latest(last_z: datetime) -> datetime:
    """Some devices give the date alone, which reads as midnight: the Z may have come at any hour of it."""
    if last_z.time() == datetime.min.time():
        return last_z + DAY
    return last_z + _NO_SECONDS


def _time(kept: Plain) -> datetime | None:
    return datetime.fromisoformat(kept) if isinstance(kept, str) else None
