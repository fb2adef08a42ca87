"""All that the page of one incident shows besides its row and its history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from collector.core.models import User
from collector.incidents import clocks, major, priority, undoing
from collector.incidents.clocks import Clocks
from collector.incidents.desk_models import Attachment, MajorStep, PartUsed, TimeSpent
from collector.incidents.life import WAITING
from collector.incidents.models import OPEN, Incident, Transition
from collector.incidents.priority import Judgement, Matrix
from collector.incidents.sla import Clock
from collector.web.desk_words import IMPACTS, URGENCIES

MERGE_CHOICES = 40
MORNING = time(9)


@dataclass(frozen=True, slots=True)
class Desk:
    """`undoable`: what the reader may take back now. `merges`: where it could go. `until`: moments to choose from, as
    (value, key of a word)."""

    clocks: Clocks
    matrix: Matrix
    undoable: Transition | None
    merges: Sequence[Incident]
    until: Sequence[tuple[datetime, str]]
    files: Sequence[Attachment]
    spent: Sequence[TimeSpent]
    parts: Sequence[PartUsed]
    minutes: int
    checklist: Sequence[MajorStep]
    major_offered: bool
    waiting: bool

    @property
    def shown(self) -> list[Clock]:
        found = (self.clocks.reaction, self.clocks.solution, self.clocks.queue)
        return [one for one in found if one is not None]

    @property
    def cells(self) -> list[tuple[object, list[tuple[int, int, int]]]]:
        """The matrix as it is shown: a row's words, and (impact, urgency, priority) of each cell."""
        return [
            (
                word,
                [
                    (impact, urgency, self.matrix.priority(Judgement(impact, urgency)))
                    for urgency in URGENCIES
                ],
            )
            for impact, word in IMPACTS.items()
        ]


def desk_of(incident: Incident, reader: User, now: datetime) -> Desk:
    spent = list(incident.timespent_rows.select_related("by"))
    return Desk(
        clocks=clocks.of(incident, now),
        matrix=priority.matrix(),
        undoable=undoing.undoable(incident, reader, now) if reader.may_work else None,
        merges=_merges(incident) if incident.is_open and reader.may_work else (),
        until=moments(now, incident.zone),
        files=list(incident.attachment_rows.select_related("by")),
        spent=spent,
        parts=list(incident.partused_rows.select_related("by")),
        minutes=sum(one.minutes for one in spent if one.removed_at is None),
        checklist=list(incident.major_steps.select_related("done_by")) if incident.major_since else (),
        major_offered=major.offered(incident),
        waiting=incident.state in WAITING,
    )


def moments(now: datetime, zone: str) -> list[tuple[datetime, str]]:
    local = now.astimezone(ZoneInfo(zone))

    def morning(days: int) -> datetime:
        return datetime.combine(local.date() + timedelta(days=days), MORNING, local.tzinfo)

    return [
        (now + timedelta(hours=1), "hour"),
        (now + timedelta(hours=4), "hours"),
        (morning(1), "tomorrow"),
        (morning(3), "days"),
        (morning(7), "week"),
    ]


def _merges(incident: Incident) -> list[Incident]:
    """Of the same customer and open, those of the same shop first."""
    place = incident.place
    if place is None:
        return []
    rows = Incident.objects.filter(state__in=OPEN, site__customer=place.customer_id).exclude(pk=incident.pk)
    found = list(rows.select_related("site", "terminal").order_by("-opened_at")[: MERGE_CHOICES * 4])
    return sorted(found, key=lambda one: one.site_id != place.pk)[:MERGE_CHOICES]
