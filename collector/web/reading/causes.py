"""What an incident is an effect of, and what its effects are."""

from dataclasses import dataclass

from django.db.models import Count, Q

from collector.incidents.models import OPEN, Incident

EFFECTS = 60


@dataclass(frozen=True, slots=True)
class Tree:
    """`chain`: the causes, the nearest first. `effects`: the first of them; `kinds`: how many of each code, and how
    many of those still last; `rest`: how many are not listed."""

    chain: list[Incident]
    effects: list[Incident]
    kinds: list[tuple[str, int, int]]
    rest: int

    def __bool__(self) -> bool:
        return bool(self.chain or self.effects)


def tree_of(incident: Incident) -> Tree:
    rows = Incident.objects.filter(cause=incident, suppressed_since__isnull=False)
    lasting = Count("pk", filter=Q(state__in=OPEN, cleared_at=None))
    counted = (
        rows.order_by().values_list("code").annotate(n=Count("pk"), lasting=lasting).order_by("-n", "code")
    )
    kinds = [(code, n, left) for code, n, left in counted]
    listed = list(rows.select_related("terminal", "site").order_by("cleared_at", "opened_at", "id")[:EFFECTS])
    total = sum(n for _code, n, _left in kinds)
    return Tree(_chain(incident), listed, kinds, total - len(listed))


def _chain(incident: Incident) -> list[Incident]:
    """Device, till, shop, area: no longer than that."""
    found: list[Incident] = []
    while incident.cause_id is not None and len(found) < 5:
        cause = Incident.objects.select_related("terminal", "site").get(pk=incident.cause_id)
        found.append(cause)
        incident = cause
    return found
