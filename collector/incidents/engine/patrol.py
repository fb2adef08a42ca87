"""Looks over the shops: what fell silent, alone or together, and what is heard again."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from collector.incidents.engine import silence
from collector.incidents.engine.cause import SILENT, SITE
from collector.incidents.engine.driver import Driver
from collector.incidents.engine.facts import Happening, Key, Spot, area_place
from collector.incidents.engine.place import Place
from collector.incidents.engine.silence import Shop, Till
from protocols.wire.v1 import Change, SubjectKind

SILENT_KEY = Key(SubjectKind.TERMINAL, "", SILENT)
SITE_KEY = Key(SubjectKind.TERMINAL, "", SITE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopNow:
    """A shop with all its tills that should be heard, each with its place."""

    id: int
    place: Place
    tills: tuple[tuple[Till, Place], ...]


@dataclass(frozen=True, slots=True)
class Patrol:
    """`limit`: not heard for longer is silent. `area`: the place of an area by its name."""

    driver: Driver
    limit: timedelta
    area: Callable[[str], Place]

    def go(self, shops: Iterable[ShopNow], already: Sequence[Shop], now: datetime) -> None:
        """`shops`: those where somebody is silent, or will be in a moment, that was not told yet. `already`: shops
        whose line is known to be gone. Areas first, then shops, then tills, so that each finds its cause."""
        missed = [(shop, self._missed(shop, now)) for shop in shops]
        gone = [
            (shop, *found)
            for shop, tills in missed
            if (found := silence.shop_gone([at for _till, _place, at in tills], now, self.limit))
        ]
        areas = self._areas([(shop, since) for shop, since, _sure in gone], already, now)
        for shop, since, sure in gone:
            if (sure and len(shop.tills) > 1) or areas.intersection(shop.place.areas):
                self._raise(SITE_KEY, shop.place, since, now)
        for _shop, tills in missed:
            for _till, place, at in tills:
                if now - at > self.limit:
                    self._raise(SILENT_KEY, place, at, now)

    def back(self, places: Iterable[Place], now: datetime) -> None:
        """These tills, or a till of these shops, were heard."""
        for place in places:
            key = SILENT_KEY if place.terminal else SITE_KEY
            self.driver.tell(Happening(key=key, change=Change.CLEARED, at=now, since=now), place, now)

    def areas_back(self, areas: Iterable[str], now: datetime) -> None:
        """Of these areas, whose incidents are open, some may be well again."""
        for name in areas:
            place = self.area(name)
            known = self.driver.book.newest(Spot.of(area_place(name), SITE_KEY))
            if known is None or not known.lasting:
                continue
            if silence.area_back(sum(one.lasting for one in self.driver.book.effects(known.id))):
                self.back([place], now)

    def _missed(self, shop: ShopNow, now: datetime) -> list[tuple[Till, Place, datetime]]:
        found = [(till, place, silence.missed_since(till, place, now)) for till, place in shop.tills]
        return [(till, place, at) for till, place, at in found if at is not None]

    def _areas(
        self, gone: Sequence[tuple[ShopNow, datetime]], already: Sequence[Shop], now: datetime
    ) -> set[str]:
        shops = [Shop(id=shop.id, since=since, areas=shop.place.areas) for shop, since in gone]
        found = silence.areas_gone([*shops, *already])
        for name, (since, count) in found.items():
            self._raise(SITE_KEY, self.area(name), since, now, reason=str(count))
        return set(found)

    def _raise(self, key: Key, place: Place, since: datetime, now: datetime, reason: str = "") -> None:
        """Once: a silence that lasts says nothing new."""
        watch = self.driver.book.watch(Spot.of(place.name, key))
        if watch is None or watch.up_at is None:
            happening = Happening(key=key, change=Change.RAISED, at=now, since=since, reason=reason)
            self.driver.tell(happening, place, now)
