"""Too many incidents of one kind at once: one summary stands for all of them."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from collector.incidents.engine.facts import Happening, Key, Known, Spot, area_place
from collector.incidents.engine.place import Here
from collector.incidents.engine.policy import Policy
from protocols.wire.v1 import Change, SubjectKind

AREA = "storm"
SKY = Here(name=area_place(AREA))
"""A summary is of no place."""


def _key(code: str) -> Key:
    return Key(SubjectKind.TERMINAL, "", code)


@cache
def spot_of(code: str) -> Spot:
    return Spot.of(SKY.name, _key(code))


def is_summary(known: Known) -> bool:
    return known.spot.place == SKY.name


def too_many(near: Sequence[Known], policy: Policy) -> bool:
    """More than `storm` of them opened within some `storm_s`."""
    times = sorted(one.opened_at for one in near)
    n = policy.storm
    return any((times[i + n] - times[i]).total_seconds() <= policy.storm_s for i in range(len(times) - n))


def begun(code: str, near: Sequence[Known]) -> Happening:
    first = min(one.opened_at for one in near)
    return Happening(key=_key(code), change=Change.RAISED, at=first, since=first)


def over(summary: Known, now: datetime) -> Happening:
    return Happening(key=_key(summary.spot.code), change=Change.CLEARED, at=now, since=now)
