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
def may_have_cause(code: str) -> bool:
    return any(code.startswith(one.effects) for one in TABLE)


def explains(cause: Known, effect: Known, areas: tuple[str, ...]) -> Reach | None:
    """How near the cause is; None where it explains nothing. `areas`: those in which the shop of the effect lies."""
    if cause.id == effect.id or not cause.open or not _in_time(cause, effect):
        return None
    for one in TABLE:
        if (
            one.cause == cause.spot.code
            and effect.spot.code.startswith(one.effects)
            and _reaches(one.reach, cause, effect, areas)
        ):
            return one.reach
    return None


def _in_time(cause: Known, effect: Known) -> bool:
    if effect.since < cause.since - EARLIER:
        return False
    return cause.cleared_at is None or effect.since <= cause.cleared_at


def _reaches(reach: Reach, cause: Known, effect: Known, areas: tuple[str, ...]) -> bool:
    match reach:
        case Reach.DEVICE:
            return cause.spot[:3] == effect.spot[:3]
        case Reach.TILL:
            return cause.spot.place == effect.spot.place and effect.spot.kind == "device"
        case Reach.SITE:
            shop = cause.site is not None and not cause.terminal
            return shop and bool(effect.terminal) and cause.site == effect.site
        case Reach.AREA:
            area = cause.spot.place.removeprefix("area/")
            return cause.site is None and effect.site is not None and not effect.terminal and area in areas


def nearest(effect: Known, around: Iterable[Known], place: Place) -> Known | None:
    """The cause of an effect, of several the nearest, of those the oldest."""
    found = [
        (reach.value, one.since, one.id, one)
        for one in around
        if (reach := explains(one, effect, place.areas)) is not None
    ]
    return min(found, key=lambda row: row[:3])[3] if found else None
