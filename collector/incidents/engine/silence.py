"""Which tills are silent that should be heard, which shops are gone with them, and which areas with the shops."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from collector.incidents.engine.place import Place

TOGETHER = timedelta(seconds=60)
"""What goes within so long has one cause."""
CLOSING = timedelta(minutes=30)
"""A clean stop so long before closing time belongs to the closing."""
MANY = 5
"""So many shops of one area that go together are the area."""
REGION_SHARE = 0.8
"""A region is the cause where so much of all that went is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Till:
    """`heard_at`: of its last report. `stopped_at`: it was shut down cleanly then and has not started since."""

    id: str
    heard_at: datetime
    stopped_at: datetime | None = None


def missed_since(till: Till, place: Place, now: datetime) -> datetime | None:
    """Since when it should have been heard and was not; None where nobody expects it: it was shut down cleanly and
    the shop is closed."""
    if till.stopped_at is None or _closes(till.stopped_at, place) is False:
        return till.heard_at
    if not place.trading(now):
        return None
    begins = place.trade_begins(till.stopped_at)
    while begins is not None and begins < now:
        later = place.trade_begins(begins)
        if later is None or later > now:
            break
        begins = later
    if begins is None or begins > now:
        return None
    return max(begins, till.heard_at)


def _closes(stopped_at: datetime, place: Place) -> bool:
    """Whether that was no time of trade, or nearly none."""
    return not (place.trading(stopped_at) and place.trading(stopped_at + CLOSING))


def together(limit: timedelta) -> timedelta:
    """How far apart two may fall silent; never much of the limit, or what is merely late would count."""
    return min(TOGETHER, limit / 5)


def shop_gone(missed: Sequence[datetime], now: datetime, limit: timedelta) -> tuple[datetime, bool] | None:
    """Since when all that should be heard of a shop are silent together, and whether that is certain: else it would be
    in a moment. `missed`: for each of them `missed_since`. One till alone says nothing of its line; whether the caller
    takes it for the shop is the caller's affair."""
    if not missed:
        return None
    last, near = max(missed), together(limit)
    fell = [since for since in missed if since >= last - near]
    if len(fell) < min(2, len(missed)) or now - last <= limit - near:
        return None
    return min(fell), now - min(fell) > limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A shop that is gone. `areas`: provider first, then region, as in a place."""

    id: int
    since: datetime
    areas: tuple[str, ...]


def areas_gone(shops: Sequence[Shop], many: int = MANY) -> Mapping[str, tuple[datetime, int]]:
    """Area -> since when, and how many shops, where many of one area went together. A region where the shops have
    several providers and nearly all that went are its own; else providers; a region again for shops whose
    provider nobody knows."""
    found: dict[str, tuple[datetime, int]] = {}
    for group in _groups(sorted(shops, key=lambda shop: (shop.since, shop.id))):
        found |= _areas(group, many)
    return found


def _groups(shops: Sequence[Shop]) -> list[list[Shop]]:
    """Those that went within TOGETHER of the one before."""
    groups: list[list[Shop]] = []
    for shop in shops:
        if groups and shop.since - groups[-1][-1].since <= TOGETHER:
            groups[-1].append(shop)
        else:
            groups.append([shop])
    return groups


def _areas(group: Sequence[Shop], many: int) -> dict[str, tuple[datetime, int]]:
    regions, providers = _by(group, "region:"), _by(group, "provider:")
    for name, shops in sorted(regions.items()):
        lines = {area for shop in shops for area in shop.areas if area.startswith("provider:")}
        if len(shops) >= many and len(shops) >= REGION_SHARE * len(group) and len(lines) != 1:
            return {name: (shops[0].since, len(shops))}
    return {
        name: (shops[0].since, len(shops)) for name, shops in sorted(providers.items()) if len(shops) >= many
    }


def _by(group: Sequence[Shop], kind: str) -> dict[str, list[Shop]]:
    found: dict[str, list[Shop]] = {}
    for shop in group:
        for area in shop.areas:
            if area.startswith(kind):
                found.setdefault(area, []).append(shop)
    return found


def area_back(lasting: int, many: int = MANY) -> bool:
    """So few of its shops are still gone that they are gone for reasons of their own."""
    return lasting < many
