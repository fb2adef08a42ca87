"""What a backup owes the collector, from what is known of it, and which old packs it should let go. Pure; when a backup
is due, the runtime decides."""

from collections.abc import Iterable, Mapping
from typing import Protocol

Scalar = bool | int | float | str | None

WIRE_FACTS = 64
_NAME_LENGTH, _TEXT_LENGTH = 80, 400


def wire_facts(facts: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """As many facts as a message may carry: totals first, then tables in the order of their names. All of
    them stay in the encrypted snapshot."""
    order = sorted(facts, key=lambda name: ("." in name, name))
    fitting = [name for name in order if len(name) <= _NAME_LENGTH]
    return {name: _short(facts[name]) for name in fitting[:WIRE_FACTS]}


def _short(value: Scalar) -> Scalar:
    return value[:_TEXT_LENGTH] if isinstance(value, str) else value


WASTE = 2.0
"""Packs of a snapshot hold at most so many times the bytes that it uses, before old ones are let go."""
SPARE_PACKS = 60
SHARE = 30
"""One in so many of the bytes is stored anew in one backup, so that letting go never makes a long one."""
LEAST_BYTES = 1 << 20
_PACK_BYTES = 4 << 20


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
    surplus = len(all_packs) - SPARE_PACKS - live // _PACK_BYTES
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
