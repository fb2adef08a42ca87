"""What explains what, from the tree of the inventory: the line of a shop explains that its tills are silent, a till
that is off explains its devices, a printer that is off its drawer; a provider or a region explains its shops."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import cache

from collector.incidents.engine.facts import Known
from collector.incidents.engine.place import Place

EARLIER = timedelta(seconds=120)
"""An effect may be seen so long before its cause: what began before that is a fault of its own."""
SITE = "site.offline"
SILENT = "agent.silent"


class Reach(Enum):
    """Where the effects of a cause are, the nearest first."""

    DEVICE = 0
    TILL = 1
    SITE = 2
    AREA = 3


@dataclass(frozen=True, slots=True)
class Explains:
    """`effects`: codes that begin so."""

    cause: str
    effects: tuple[str, ...]
    reach: Reach


_DRAWER = ("drawer.",)
TABLE = (
    Explains("device.port_missing", ("device.no_reply", "printer.offline", *_DRAWER), Reach.DEVICE),
    Explains("device.no_reply", _DRAWER, Reach.DEVICE),
    Explains("printer.power_supply", ("printer.offline", *_DRAWER), Reach.DEVICE),
    Explains("printer.cover_open", ("printer.offline",), Reach.DEVICE),
    Explains("printer.paper_end", ("printer.offline",), Reach.DEVICE),
    Explains("printer.head_lever_up", ("printer.offline",), Reach.DEVICE),
    Explains("printer.offline", _DRAWER, Reach.DEVICE),
    Explains(SILENT, ("device.", "printer.", "drawer.", "fiscal."), Reach.TILL),
    Explains(SITE, (SILENT, "agent.queue_filling", "backup.repository_unreachable"), Reach.SITE),
    Explains(SITE, (SITE,), Reach.AREA),
)
CAUSES = frozenset(one.cause for one in TABLE)


@cache
def causes_of(code: str) -> frozenset[str]:
    """The codes of what may explain a fault with this code."""
    return frozenset(one.cause for one in TABLE if code.startswith(one.effects))


@cache
def reaches(cause: str, effect: str) -> tuple[Reach, ...]:
    """Where one of the first code explains one of the second."""
    return tuple(one.reach for one in TABLE if one.cause == cause and effect.startswith(one.effects))


def explains(cause: Known, effect: Known, areas: tuple[str, ...]) -> Reach | None:
    """How near the cause is; None where it explains nothing. `areas`: those in which the shop of the effect lies."""
    for reach in reaches(cause.spot.code, effect.spot.code):
        if _reaches(reach, cause, effect, areas):
            return reach if cause.open and cause.id != effect.id and _in_time(cause, effect) else None
    return None


def _in_time(cause: Known, effect: Known) -> bool:
    if effect.since < cause.since - EARLIER:
        return False
    return cause.cleared_at is None or effect.since <= cause.cleared_at


def _reaches(reach: Reach, cause: Known, effect: Known, areas: tuple[str, ...]) -> bool:
    if reach is Reach.DEVICE:
        return cause.spot[:3] == effect.spot[:3]
    if reach is Reach.TILL:
        return cause.spot.place == effect.spot.place and effect.spot.kind == "device"
    if reach is Reach.SITE:
        shop = cause.site is not None and not cause.terminal
        return shop and bool(effect.terminal) and cause.site == effect.site
    area = cause.spot.place.removeprefix("area/")
    return cause.site is None and effect.site is not None and not effect.terminal and area in areas


def nearest(effect: Known, around: Iterable[Known], place: Place) -> Known | None:
    """The cause of an effect, of several the nearest, of those the oldest."""
    best, found = None, None
    for one in around:
        reach = explains(one, effect, place.areas)
        if reach is None:
            continue
        near = (reach.value, one.since, one.id)
        if best is None or near < best:
            best, found = near, one
    return found
