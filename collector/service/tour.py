"""The order of a day's visits: those of one town one after another, the towns so that little road is driven, agreed
times kept. Pure. Distances are as the crow flies between towns (`data/towns.toml`), good for an order and no more."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

EARTH_KM = 6371.0
Places = Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Stop:
    """`at`: when it was agreed; `fixed`: the customer waits for it at that time."""

    id: int
    town: str
    at: datetime
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Tour:
    """`unknown`: towns that stand in no list; they come last and count no kilometres."""

    order: tuple[int, ...]
    km: float
    unknown: tuple[str, ...] = ()


def km(here: tuple[float, float], there: tuple[float, float]) -> float:
    """Degrees of latitude and longitude in, kilometres out."""
    lat1, lon1, lat2, lon2 = map(math.radians, (*here, *there))
    half = (
        math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    )
    return 2 * EARTH_KM * math.asin(math.sqrt(half))


def plan(stops: Sequence[Stop], home: str, places: Places) -> Tour:
    """Fixed stops keep the order of their times. All towns between two of them are visited on the way; every stop of
    a town together, except where a fixed time parts them."""
    known = [stop for stop in stops if stop.town in places]
    lost = sorted((stop for stop in stops if stop.town not in places), key=lambda stop: (stop.at, stop.id))
    fixed = sorted((stop for stop in known if stop.fixed), key=lambda stop: (stop.at, stop.id))
    path = _towns([stop.town for stop in fixed], {stop.town for stop in known}, home, places)
    order = _stops(path, fixed, known)
    start = [home] if home in places else []
    return Tour(
        order=tuple(stop.id for stop in (*order, *lost)),
        km=round(_length([*start, *(stop.town for stop in order), *start], places), 1),
        unknown=tuple(sorted({stop.town for stop in lost})),
    )


def _towns(fixed: Sequence[str], wanted: set[str], home: str, places: Places) -> list[str]:
    """Towns in order; the fixed ones in theirs, the others put where they cost least (cheapest insertion)."""
    ends = [home] if home in places else []
    path = list(fixed)
    for town in sorted(wanted - set(fixed), key=lambda one: (-_far(one, ends, places), one)):
        spots = range(len(path) + 1)
        best = min(
            spots, key=lambda spot: (_length([*ends, *path[:spot], town, *path[spot:], *ends], places), spot)
        )
        path.insert(best, town)
    return path


def _stops(path: Sequence[str], fixed: Sequence[Stop], known: Sequence[Stop]) -> list[Stop]:
    """The stops along the towns; the free ones of a town at its first place in the path."""
    waiting, left = list(fixed), sorted((s for s in known if not s.fixed), key=lambda s: (s.at, s.id))
    order: list[Stop] = []
    for town in path:
        if waiting and waiting[0].town == town:
            order.append(waiting.pop(0))
        order += [stop for stop in left if stop.town == town]
        left = [stop for stop in left if stop.town != town]
    return order


def _far(town: str, ends: Sequence[str], places: Places) -> float:
    return km(places[ends[0]], places[town]) if ends else 0.0


def _length(path: Sequence[str], places: Places) -> float:
    return sum(km(places[one], places[other]) for one, other in itertools.pairwise(path))
