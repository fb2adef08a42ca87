"""Stretches of time: joined, cut, measured, and what they make of a device's month. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

Span = tuple[datetime, datetime]
Measure = Callable[[datetime, datetime], timedelta]
"""How much of the time between two moments counts: all of it, or only while the shop is open."""


def all_of_it(begin: datetime, end: datetime) -> timedelta:
    return end - begin


def joined(spans: Iterable[Span]) -> list[Span]:
    """In order, none touching another; empty ones are gone."""
    found: list[Span] = []
    for begin, end in sorted(span for span in spans if span[0] < span[1]):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((begin, end))
    return found


def within(spans: Iterable[Span], window: Span) -> list[Span]:
    return joined((max(begin, window[0]), min(end, window[1])) for begin, end in spans)


def without(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What of `spans` lies in none of `others`; both joined."""
    left = list(spans)
    for begin, end in others:
        left = [
            part for span in left for part in ((span[0], min(span[1], begin)), (max(span[0], end), span[1]))
        ]
        left = [part for part in left if part[0] < part[1]]
    return left


@dataclass(frozen=True, slots=True)
class Share:
    """Of one device or till in one window. `counted` is the time in which it should have worked."""

    counted: timedelta
    down: timedelta
    unknown: timedelta

    @property
    def percent(self) -> float | None:
        """Of the time in which something was known; None where nothing was."""
        known = self.counted - self.unknown
        return 100 * (known - self.down) / known if known > timedelta() else None


def share(window: Span, down: Iterable[Span], unknown: Iterable[Span], measure: Measure) -> Share:
    """A device that nobody could see was neither well nor down; one that was down when contact went stays so."""
    broken = within(down, window)
    blind = without(within(unknown, window), broken)
    return Share(
        measure(*window) if window[0] < window[1] else timedelta(),
        _sum(broken, measure),
        _sum(blind, measure),
    )


def _sum(spans: Sequence[Span], measure: Measure) -> timedelta:
    return sum((measure(begin, end) for begin, end in spans), timedelta())
