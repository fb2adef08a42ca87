"""What no single reading of a device shows: it takes the readings before it, wear counters, or the till's clock.
Never a guess: with too little to go by a condition is unknown, and why is said."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from agent.health.clock import HostClock, drift
from agent.health.day import FiscalDay
from agent.health.memory import Forecast, MemoryHistory, near_full
from agent.health.observation import Observation
from agent.health.paper import PaperRoll, printed
from agent.health.plain import Plain
from protocols.status.model import DeviceState

FORECAST_MOVED = timedelta(days=7)
"""The date on which the memory will be full is told again when it moved by more."""

Detail = dict[str, bool | int | float | str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One good reading. `at` is the till's local time without a zone, like the device's; `offset_s` the
    device's clock less the till's; `counters` are empty where none were read this time."""

    state: DeviceState
    at: datetime
    offset_s: float | None
    drift_limit_s: float
    host: HostClock | None
    counters: Mapping[str, int] = field(default_factory=dict)

    @property
    def device_now(self) -> datetime | None:
        return None if self.offset_s is None else self.at + timedelta(seconds=self.offset_s)


@dataclass(slots=True)
class Derived:
    """`reasons`: for each code why it is so, or why it is unknown. `facts`: name and detail. `figures`: for a
    sample."""

    observations: dict[str, Observation] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    facts: list[tuple[str, Detail]] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)

    def observe(self, code: str, value: Observation, reason: str) -> None:
        self.observations[code] = value
        if reason:
            self.reasons[code] = reason


class LongView:
    """One device. `serial` in what is exported says of which one: another one on the port begins anew."""

    def __init__(self) -> None:
        self._serial = ""
        self._forget()

    def _forget(self) -> None:
        self._day = FiscalDay()
        self._memory = MemoryHistory()
        self._roll = PaperRoll()
        self._count: tuple[str, int] | None = None
        self._told_full_on: date | None = None
        self._told_paper = False

    def of(self, serial: str) -> None:
        """The device that the till is known to have; "" does not say."""
        if serial and self._serial and serial != self._serial:
            self._forget()
        self._serial = serial or self._serial

    def look(self, seen: Seen) -> Derived:
        found = Derived()
        found.observe("fiscal.day_over_24h", *self._day.look(seen.state, seen.device_now))
        found.observe("fiscal.clock_drift", *drift(seen.offset_s, seen.host, seen.drift_limit_s))
        self._look_at_memory(seen, found)
        self._look_at_paper(seen, found)
        if not _fiscal(seen):
            found.reasons.clear()  # a receipt printer has no day and no clock: nothing is missing
        return found

    def _look_at_memory(self, seen: Seen, found: Derived) -> None:
        today, free = seen.at.date(), seen.state.free_z_records
        if free is not None:
            self._memory.add(today, free)
        forecast = self._memory.forecast()
        bit = seen.state.fiscal_memory_near_full
        found.observe("fiscal.memory_near_full", *near_full(bit, forecast, today))
        if forecast:
            self._tell(forecast, found)

    def _tell(self, forecast: Forecast, found: Derived) -> None:
        found.figures["fiscal_memory_full_in_days"] = round(forecast.days_left, 1)
        told = self._told_full_on
        if told and abs(forecast.full_on - told) <= FORECAST_MOVED:
            return
        self._told_full_on = forecast.full_on
        detail: Detail = {
            "full_on": forecast.full_on.isoformat(),
            "free_records": forecast.free,
            "records_per_day": round(forecast.per_day, 2),
            "history_days": forecast.days,
        }
        found.facts.append(("fiscal.memory_forecast", detail))

    def _look_at_paper(self, seen: Seen, found: Derived) -> None:
        self._count = printed(seen.counters) or self._count
        if self._count is None:
            return
        name, count = self._count
        self._roll.look(seen.state.paper_near_end, seen.state.paper_end, count)
        since, left = self._roll.since_near_end(count), self._roll.left(count)
        self._told_paper = self._told_paper and since is not None
        if since is not None:
            found.figures[f"{name}_since_near_end"] = float(since)
        if left is None:
            return
        found.figures[f"{name}_left"] = float(left)
        if not self._told_paper:
            self._told_paper = True
            detail: Detail = {"counter": name, "left_at_least": left, "rolls": len(self._roll.rolls)}
            found.facts.append(("paper.forecast", detail))

    def export(self) -> dict[str, Plain]:
        """Plain data, for JSON."""
        return {
            "serial": self._serial,
            "day": self._day.export(),
            "memory": {day.isoformat(): free for day, free in self._memory.days},
            "paper": self._roll.export(),
            "told_full_on": self._told_full_on.isoformat() if self._told_full_on else None,
            "told_paper": self._told_paper,
        }

    def restore(self, kept: Mapping[str, Plain]) -> None:
        """ValueError where it is not what `export` gave."""
        self._serial = str(kept.get("serial") or "")
        day, paper, memory = kept.get("day"), kept.get("paper"), kept.get("memory")
        self._day.restore(day if isinstance(day, Mapping) else {})
        self._roll.restore(paper if isinstance(paper, Mapping) else {})
        rows = memory.items() if isinstance(memory, Mapping) else ()
        self._memory = MemoryHistory([(date.fromisoformat(day), n) for day, n in rows if isinstance(n, int)])
        told = kept.get("told_full_on")
        self._told_full_on = date.fromisoformat(told) if isinstance(told, str) else None
        self._told_paper = kept.get("told_paper") is True


def _fiscal(seen: Seen) -> bool:
    state = seen.state
    known = (seen.offset_s, state.day_open, state.day_over_24h, state.last_z_time, state.free_z_records)
    return any(value is not None for value in known)
