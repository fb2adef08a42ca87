"""How far the transitions are read. A number below the position that was not there yet is a gap: on PostgreSQL a
transaction may commit after a later one did. Each transition is read once, whatever the order of the commits."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from collector.incidents.models import Transition
from collector.notify.models import Reading

PATIENCE = timedelta(hours=1)
"""No transaction lasts so long. A gap that is older stays one: its transaction was rolled back."""
MOST_GAPS = 200

Gap = list[int | str]


def unread(place: Reading, most: int) -> Sequence[Transition]:
    """In the order of their numbers."""
    new = Q(pk__gt=place.position)
    for first, last, _since in place.gaps[:MOST_GAPS]:
        new |= Q(pk__gte=first, pk__lte=last)
    rows = Transition.objects.filter(new).select_related("incident__site")
    return list(rows.order_by("pk")[:most])


def read(place: Reading, numbers: Sequence[int], now: datetime) -> None:
    """These are done."""
    gaps = [gap for gap in place.gaps if now - datetime.fromisoformat(gap[2]) < PATIENCE]
    if not numbers and gaps == place.gaps:
        return
    seen = sorted(numbers)
    place.gaps = [*_without(gaps, seen), *_new_gaps(place.position, seen, now)][-MOST_GAPS:]
    place.position = max([place.position, *seen])
    place.save()


def _new_gaps(position: int, seen: Sequence[int], now: datetime) -> Iterable[Gap]:
    before = position
    for number in seen:
        if number > before + 1:
            yield [before + 1, number - 1, now.isoformat()]
        before = max(before, number)


def _without(gaps: Iterable[Gap], seen: Sequence[int]) -> Iterable[Gap]:
    """The gaps with what has come cut out of them."""
    for first, last, since in gaps:
        start = int(first)
        for number in (n for n in seen if start <= n <= int(last)):
            if number > start:
                yield [start, number - 1, since]
            start = number + 1
        if start <= int(last):
            yield [start, int(last), since]
