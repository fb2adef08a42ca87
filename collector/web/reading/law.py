"""What the law asks of each till's backups, as a person reads it: met, to be done by, late, or not known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from collector.backups.duty import standings
from collector.backups.regimes import current
from collector.core import clock
from collector.inventory.models import Terminal
from protocols.regime.duty import Duty, Owed
from protocols.regime.period import Period
from protocols.regime.sets import SetClass, Trigger

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

WORDS: "dict[Owed, Lazy]" = {
    Owed.NOTHING: _("Nothing owed"),
    Owed.A_SET: _("In time"),
    Owed.OVERDUE: _("Late"),
    Owed.UNKNOWN: _("Not known"),
}
_TONES = {Owed.NOTHING: "ok", Owed.A_SET: "ok", Owed.OVERDUE: "fault", Owed.UNKNOWN: "unknown"}
_UNKNOWN: "dict[Trigger, Lazy]" = {
    Trigger.Z_REPORT: _("No device of this till tells of Z reports"),
    Trigger.INSTALLATION: _("No change of a program was seen yet"),
}

_UNNAMED = _("Nobody has said in which country this storage lies: name it under [law] in collector.toml")
_FORBIDDEN = _("This storage lies in another country; such sets are refused")


@dataclass(frozen=True, slots=True)
class Rule:
    """A class as the head of a column. `problem` is "" where such sets may lie in the storage."""

    id: str
    title: str
    text: str
    keep: Period
    countries: Sequence[str]
    legal_basis: str
    source: str
    verified_on: object
    problem: "Lazy | str"

    @property
    def years(self) -> int:
        return self.keep.months // 12


@dataclass(frozen=True, slots=True)
class Cell:
    """What one till owes of one class."""

    title: str
    owed: Owed
    by: datetime | None
    last_at: datetime | None
    why: "Lazy | str"

    @property
    def tone(self) -> str:
        return _TONES[self.owed]

    @property
    def word(self) -> "Lazy":
        return WORDS[self.owed]


@dataclass(frozen=True, slots=True)
class Row:
    terminal: Terminal
    cells: Sequence[Cell]

    @property
    def is_late(self) -> bool:
        return any(cell.owed is Owed.OVERDUE for cell in self.cells)


def rules(language: str) -> list[Rule]:
    """Of the classes that something begins; working copies are owed to nobody."""
    return [_rule(one, language if language in one.title else "en") for one in _owed_classes()]


def rows(language: str, *, late_only: bool = False, till: str | None = None) -> list[Row]:
    """Late ones first. `till`: of this one only."""
    found = standings(clock.now(), None if till is None else [till])
    tills = Terminal.objects.select_related("site__customer").in_bulk([one.terminal_id for one in found])
    wanted = {one.id for one in _owed_classes()}
    listed = [
        Row(
            tills[one.terminal_id],
            [_cell(duty, language) for duty in one.duties if duty.set_class.id in wanted],
        )
        for one in found
        if one.is_late or not late_only
    ]
    return sorted(listed, key=lambda row: (not row.is_late, row.terminal.site.name, row.terminal.name))


def _owed_classes() -> list[SetClass]:
    return [one for one in current().classes.values() if one.trigger is not Trigger.NONE]


def _rule(one: SetClass, language: str) -> Rule:
    return Rule(
        id=one.id,
        title=one.title[language],
        text=one.rule[language],
        keep=one.keep,
        countries=one.countries,
        legal_basis=one.legal_basis,
        source=one.source,
        verified_on=one.verified_on,
        problem=_problem(one),
    )


def _problem(one: SetClass) -> "Lazy | str":
    country = settings.CONFIG.law.storage_country
    if one.may_lie_in(country):
        return ""
    return _FORBIDDEN if country else _UNNAMED


def _cell(duty: Duty, language: str) -> Cell:
    why = _UNKNOWN.get(duty.set_class.trigger, "") if duty.owed is Owed.UNKNOWN else ""
    titles = duty.set_class.title
    return Cell(
        titles.get(language, titles["en"]),
        duty.owed,
        duty.by,
        duty.last.stored_at if duty.last else None,
        why,
    )
