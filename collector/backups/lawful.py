"""What the law of the regime asks of the sets of one source: which classes it fills, and which sets are wanted as they
are. Marks them; lets nothing go."""

from collections.abc import Sequence
from dataclasses import replace

from collector.backups.duty import begun, classes_told
from collector.backups.models import Snapshot
from collector.backups.regimes import classes_of
from collector.backups.retention import Set, wanted
from protocols.regime.sets import SetClass


def classes_of_source(terminal_id: str, source: str) -> tuple[SetClass, ...]:
    """Those of its engine and those that the till names: for how long sets are kept a till can only lengthen."""
    engines = (
        Snapshot.objects.filter(terminal_id=terminal_id, source=source)
        .order_by()
        .values_list("engine", flat=True)
        .distinct()
    )
    named = classes_told([terminal_id]).get((terminal_id, source), [])
    found = {one.id: one for engine in engines for each in ((), named) for one in classes_of(engine, each)}
    return tuple(found.values())


def mark(sets: Sequence[Set], terminal_id: str, classes: Sequence[SetClass]) -> list[Set]:
    """The sets, with how long the law wants each. What was marked stays so, also when what began its time is not told
    any more."""
    moments = {trigger: found.get(terminal_id, []) for trigger, found in begun([terminal_id]).items()}
    later = {one.id: one for one in wanted(sets, classes, moments)}
    marked = []
    for one in sets:
        law = later.get(one.id)
        if law and (one.law_until is None or law.until > one.law_until):
            Snapshot.objects.filter(pk=one.id).update(law_class=law.law_class, law_until=law.until)
            marked.append(replace(one, law_until=law.until))
        else:
            marked.append(one)
    return marked
