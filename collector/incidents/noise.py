"""The noise bill: what each rule cost and what it was good for."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from collector.incidents.book import RESOLVED_BY_ITSELF
from collector.incidents.desk_models import TimeSpent
from collector.incidents.engine.policy import Rule
from collector.incidents.models import Incident, Kind, State, Transition
from collector.incidents.rules import RULES

HANDS = (Kind.ACKNOWLEDGED, Kind.ASSIGNED, Kind.STARTED, Kind.VISIT, Kind.WORKED, Kind.ANSWERED)
"""Steps that say that somebody took it up."""


@dataclass(frozen=True, slots=True)
class Bill:
    """Of one rule in one period. `opened`: incidents; `quiet`: those that nobody was told of, because they had a cause
    or were expected. Of the others: `useful`, somebody took it up or resolved it; `ignored`, it ended by itself and
    nobody had touched it; `waiting`, the rest. `minutes`: work that was recorded on them."""

    rule: Rule
    opened: int
    quiet: int
    useful: int
    ignored: int
    minutes: int

    @property
    def waiting(self) -> int:
        return self.opened - self.quiet - self.useful - self.ignored

    @property
    def noise_percent(self) -> int | None:
        """How much of what is judged was for nothing; None where nothing is judged yet."""
        judged = self.useful + self.ignored
        return round(100 * self.ignored / judged) if judged else None


def bills(begin: datetime, end: datetime) -> list[Bill]:
    """One for every rule, the noisiest first."""
    counted = _counted(Incident.objects.filter(opened_at__range=(begin, end)))
    minutes = _minutes(begin, end)
    found = [Bill(rule, *counted.get(rule.name, (0, 0, 0, 0)), minutes.get(rule.name, 0)) for rule in RULES]
    return sorted(found, key=lambda bill: (-bill.ignored, -bill.opened, bill.rule.name))


def _counted(rows: QuerySet[Incident]) -> dict[str, tuple[int, int, int, int]]:
    touched = Exists(Transition.objects.filter(incident=OuterRef("pk"), kind__in=HANDS, by__isnull=False))
    told = Q(suppressed_since=None)
    by_itself = Q(state__in=(State.RESOLVED, State.CLOSED), resolution=RESOLVED_BY_ITSELF)
    ended = Q(state__in=(State.RESOLVED, State.CLOSED, State.MERGED, State.CANCELLED))
    useful = told & (Q(hand=True) | (ended & ~by_itself))
    ignored = told & Q(hand=False) & by_itself
    counted = (
        rows.annotate(hand=touched)
        .order_by()
        .values("rule")
        .annotate(
            opened=Count("pk"),
            quiet=Count("pk", filter=~told),
            useful=Count("pk", filter=useful),
            ignored=Count("pk", filter=ignored),
        )
    )
    return {row["rule"]: (row["opened"], row["quiet"], row["useful"], row["ignored"]) for row in counted}


def _minutes(begin: datetime, end: datetime) -> dict[str, int]:
    rows = TimeSpent.objects.filter(incident__opened_at__range=(begin, end), removed_at=None).order_by()
    summed = rows.values("incident__rule").annotate(sum=Sum("minutes"))
    return {row["incident__rule"]: row["sum"] for row in summed}
