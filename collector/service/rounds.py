"""Duties that need not run every second: of all workers, the one whose UPDATE hits the row has the round."""

from datetime import datetime, timedelta

from collector.service.desk_models import Round


def mine(name: str, now: datetime, every: timedelta) -> bool:
    """Is it time, and did this worker get it? Two that ask in the same moment: one does. Asked every second, it only
    reads, so that nobody waits for it."""
    last = Round.objects.filter(name=name).values_list("at", flat=True).first()
    if last is None:
        _row, made = Round.objects.get_or_create(name=name, defaults={"at": now})
        return made
    return last <= now - every and Round.objects.filter(name=name, at=last).update(at=now) == 1
