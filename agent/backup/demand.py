"""Which backup the law demands when traffic is short. Pure, and apart from `plan`: a backup process need not know the
law."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from protocols.regime.duty import Happened, Kept, Owed, judge
from protocols.regime.sets import SetClass, Trigger


def demanded(
    classes: Iterable[SetClass], z_reports: Sequence[datetime] | None, last: datetime | None, now: datetime
) -> SetClass | None:
    """The class for whose sake a backup has to go on although the month's traffic is nearly spent; the one after a Z
    report before all others. `last`: when the last good one was begun; without any, the first is demanded. Where
    nothing tells of the reports or installations of a class, it is once in each of its times."""
    order = sorted(classes, key=lambda one: one.trigger is not Trigger.Z_REPORT)
    for one in order:
        if one.within is None:
            continue
        if last is None:
            return one
        kept = Kept(min(last, now), min(last, now))
        owed = judge(one, Happened(kept.taken_at, z_reports), [kept], now).owed
        unseen = owed is Owed.UNKNOWN and now > one.within.after(kept.taken_at)
        if owed is Owed.OVERDUE or unseen or (owed is Owed.A_SET and one.trigger is not Trigger.INTERVAL):
            return one
    return None
