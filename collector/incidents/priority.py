"""How grave and how soon: impact by urgency is priority, by a matrix that people may change. What a till told of is
judged by its severity and by whether the shop is open."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from collector.core.models import User
from collector.incidents.desk_models import PriorityMatrix
from collector.incidents.shipped import Rows, desk
from protocols.errors import PlombaError

IMPACTS, URGENCIES = (1, 2, 3), (1, 2, 3, 4)
SOURCE_MAX = 400
_ROWS: TypeAdapter[Rows] = TypeAdapter(Rows)


class PriorityRefused(PlombaError):
    """What is wrong with the matrix, or with an impact or urgency that is not on it."""

    code = "priority.invalid"


@dataclass(frozen=True, slots=True)
class Judgement:
    impact: int
    urgency: int


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows by impact, columns by urgency. `source`: where it comes from."""

    rows: Rows
    source: str

    def priority(self, judged: Judgement) -> int:
        if judged.impact not in IMPACTS or judged.urgency not in URGENCIES:
            raise PriorityRefused("impact is 1 to 3, urgency 1 to 4")
        return self.rows[judged.impact - 1][judged.urgency - 1]


def matrix() -> Matrix:
    """The one that counts now."""
    newest = PriorityMatrix.objects.order_by("-id").first()
    if newest is None:
        return Matrix(desk().priority.rows, desk().priority.source)
    return Matrix(_ROWS.validate_python(newest.rows), newest.source)


def change(rows: object, why: str, by: User, now: datetime) -> Matrix:
    """A new matrix for what comes from now on. PriorityRefused where it is not 3 rows of 4 priorities from 1 to 4, gets
    less grave with a graver cause, or has no reason."""
    if not why.strip():
        raise PriorityRefused("say in a few words why the priorities change")
    try:
        checked = _ROWS.validate_python(rows)
    except ValidationError as e:
        raise PriorityRefused("three rows of four priorities from 1 to 4 are needed") from e
    if not _falls(checked):
        raise PriorityRefused("a graver impact or urgency may not have a lower priority")
    PriorityMatrix.objects.create(rows=checked, source=why.strip()[:SOURCE_MAX], made_at=now, made_by=by)
    return Matrix(checked, why.strip()[:SOURCE_MAX])


def judge(severity: str, *, whole_site: bool, trading: bool | None) -> Judgement:
    """`trading`: is the shop open; None: nobody knows, and that counts as open."""
    shipped = desk()
    urgency = shipped.urgency.closed if trading is False else shipped.urgency.open
    impact = shipped.impact["site"] if whole_site else shipped.impact[severity]
    return Judgement(impact, urgency[severity])


def _falls(rows: Rows) -> bool:
    by_urgency = all(list(row) == sorted(row) for row in rows)
    by_impact = all(list(column) == sorted(column) for column in zip(*rows, strict=True))
    return by_urgency and by_impact
