"""How much paper is left once the sensor says that the roll is near its end, learned from earlier rolls of the
same device."""

from collections.abc import Mapping, Sequence

from agent.health.plain import Plain

ROLLS = 2
"""So many rolls must have run to their end before anything is said."""
KEPT_ROLLS = 5
COUNTERS = ("paper_mm", "printed_mm", "lines", "printed_lines", "line_feeds")
"""Wear counters that go on with the paper, the best first."""


def printed(counters: Mapping[str, int]) -> tuple[str, int] | None:
    """The counter that tells how much was printed, with its name; None where the device has none."""
    return next(((name, counters[name]) for name in COUNTERS if name in counters), None)


class PaperRoll:
    """Wear counters come every few minutes, so each figure is short or long by what is printed in that
    time."""

    def __init__(self) -> None:
        self._began: int | None = None
        self._end_seen = False
        self._rolls: list[int] = []

    @property
    def rolls(self) -> tuple[int, ...]:
        return tuple(self._rolls)

    def look(self, near_end: bool | None, end: bool | None, count: int | None) -> None:
        """`count`: the printed amount as last read. A roll that was changed before its end teaches nothing."""
        if count is None or (near_end is None and not end):
            return
        if self._began is not None and count < self._began:
            self._began = None  # the counter was reset, or this is another device
        if near_end or end:
            self._began = count if self._began is None and near_end and not end else self._began
            self._end_seen = self._end_seen or bool(end)
            return
        if self._began is not None and self._end_seen:
            self._rolls = [*self._rolls, count - self._began][-KEPT_ROLLS:]
        self._began, self._end_seen = None, False

    def since_near_end(self, count: int) -> int | None:
        return None if self._began is None else max(count - self._began, 0)

    def left(self, count: int) -> int | None:
        """At least so much, by the shortest of the rolls before; None before ROLLS were seen to their end."""
        since = self.since_near_end(count)
        if since is None or len(self._rolls) < ROLLS:
            return None
        return max(min(self._rolls) - since, 0)

    def export(self) -> dict[str, Plain]:
        return {"began": self._began, "end_seen": self._end_seen, "rolls": list(self._rolls)}

    def restore(self, kept: Mapping[str, Plain]) -> None:
        began, rolls = kept.get("began"), kept.get("rolls")
        self._began = began if isinstance(began, int) else None
        self._end_seen = kept.get("end_seen") is True
        self._rolls = [r for r in rolls if isinstance(r, int)] if isinstance(rolls, Sequence) else []
