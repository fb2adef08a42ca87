"""Which old packs a backup lets go, by storing anew what is still used of them. Pure, and apart from `plan`: a backup
process does not need to know the law."""

from collections.abc import Iterable
from typing import Protocol

from agent.backup.pack import PACK_BYTES

WASTE = 2.0
"""Packs of a snapshot hold at most so many times the bytes that it uses, before old ones are let go."""
SPARE_PACKS = 60
SHARE = 30
"""One in so many of the bytes is stored anew in one backup, so that letting go never makes a long one."""
LEAST_BYTES = 1 << 20


class Pack(Protocol):
    """`plain` bytes lie in it, `live` of them the last snapshot used; it stands on the packs `bases`."""

    @property
    def id(self) -> int: ...
    @property
    def plain(self) -> int: ...
    @property
    def live(self) -> int: ...
    @property
    def bases(self) -> tuple[int, ...]: ...


def dying(packs: Iterable[Pack]) -> set[int]:
    """Packs whose bytes the next backup stores anew: those of little use first, while there is more waste or there are
    more packs than a restore should need."""
    all_packs = [one for one in packs if one.live or one.bases]
    live, plain = sum(one.live for one in all_packs), sum(one.plain for one in all_packs)
    surplus = len(all_packs) - SPARE_PACKS - live // PACK_BYTES
    if plain <= WASTE * live + LEAST_BYTES and surplus <= 0:
        return set()
    chosen: set[int] = set()
    budget = max(live // SHARE, LEAST_BYTES)
    for one in sorted(all_packs, key=lambda one: one.live / max(one.plain, 1)):
        if budget < one.live or (plain <= WASTE * live + LEAST_BYTES and surplus <= 0):
            break
        chosen.add(one.id)
        budget, plain, surplus = budget - one.live, plain - one.plain, surplus - 1
    return _with_standing(chosen, all_packs)


def _with_standing(chosen: set[int], packs: list[Pack]) -> set[int]:
    """A pack is needed for as long as another stands on it."""
    grown = True
    while grown:
        more = {one.id for one in packs if one.id not in chosen and chosen.intersection(one.bases)}
        chosen |= more
        grown = bool(more)
    return chosen
