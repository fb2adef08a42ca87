"""A budget of bytes to the collector per month, and what gives way as it runs out: first the pace of reports that
hold nothing, then figures. Incidents, the journal and states always go. Pure but for its own counters."""

from collections.abc import Mapping, Sequence
from datetime import datetime

Json = bool | int | float | str | None | Sequence["Json"] | Mapping[str, "Json"]

STATE = "traffic"
"""Its key among the state values of the spool."""
AROUND_BYTES = 900
"""Headers and TLS records around one report and its answer, measured on loopback: 850 to 900."""
_SPARING, _SPENT = 0.75, 1.0
_SLOWER, _SLOWEST = 3.0, 12.0


class Traffic:
    """`limit_bytes` per calendar month in UTC. What was sent survives a restart by `export` and `restore`."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._month = ""
        self._bytes = 0

    def restore(self, kept: Json) -> None:
        if isinstance(kept, Mapping):
            self._month, self._bytes = str(kept.get("month", "")), _whole(kept.get("bytes"))

    def export(self) -> Json:
        return {"month": self._month, "bytes": self._bytes, "limit": self._limit}

    def sent(self, size: int, now: datetime) -> None:
        month = now.strftime("%Y-%m")
        if month != self._month:
            self._month, self._bytes = month, 0
        self._bytes += size + AROUND_BYTES

    @property
    def figures(self) -> bool:
        """May figures go? They are kept meanwhile, and go next month as far as they are still there."""
        return self._bytes < self._limit * _SPENT

    @property
    def slower(self) -> float:
        """The factor on the pause before a report that holds nothing."""
        if self._bytes >= self._limit * _SPENT:
            return _SLOWEST
        return _SLOWER if self._bytes >= self._limit * _SPARING else 1.0


def _whole(value: Json) -> int:
    return value if isinstance(value, int) else 0
