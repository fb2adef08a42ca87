"""Who should work on something: by skills, presence and load. Pure, and it says why."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """`load`: the weight of what the person has open; `capacity`: how much is enough. `in_hours`:
    works at this hour."""

    person: int
    skills: frozenset[str] = frozenset()
    load: float = 0
    capacity: float = 12
    away: bool = False
    on_call: bool = False
    in_hours: bool = True
    town: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    skills: frozenset[str] = frozenset()
    town: str = ""
    urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """`missing`: skills that the person lacks; `full`: has enough already; `reachable`: works now or is on call."""

    person: int
    missing: tuple[str, ...]
    full: bool
    reachable: bool
    share: float
    near: bool


def weight(priority: int | None) -> float:
    """What an open incident weighs: of priority 1 four times one of priority 4."""
    return {1: 4.0, 2: 3.0, 3: 2.0, 4: 1.0}.get(priority or 0, 2.0)


def ranking(need: Need, candidates: Sequence[Candidate]) -> list[Ranked]:
    """The best first. Whoever is away is not in it. Skill goes before presence where nothing is urgent, presence
    before skill where it is; then free hands, the same town, and the smaller load."""
    ranked = [_ranked(need, one) for one in candidates if not one.away]

    def key(one: Ranked) -> tuple[object, ...]:
        skill, presence = len(one.missing), not one.reachable
        first = (presence, skill) if need.urgent else (skill, presence)
        return (*first, one.full, not one.near, one.share, one.person)

    return sorted(ranked, key=key)


def choose(need: Need, candidates: Sequence[Candidate]) -> Ranked | None:
    """Whom work is given to without asking: somebody who has every skill, can be reached, and has a hand free. None:
    a person must decide."""
    for one in ranking(need, candidates):
        if not one.missing and one.reachable and not one.full:
            return one
    return None


def _ranked(need: Need, one: Candidate) -> Ranked:
    return Ranked(
        person=one.person,
        missing=tuple(sorted(need.skills - one.skills)),
        full=one.load >= one.capacity,
        reachable=one.in_hours or one.on_call,
        share=one.load / one.capacity if one.capacity > 0 else float("inf"),
        near=bool(need.town) and need.town == one.town,
    )
