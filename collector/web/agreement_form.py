"""Forms of contracts and calendars: from what people type to drafts, and back. What it means is decided in the rooms
below."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Self

from django.http import QueryDict
from django.utils.translation import gettext as _

from collector.core import calendars
from collector.core.calendar_models import Calendar, CalendarKind
from collector.core.worktime import WEEKDAYS
from collector.incidents import contracts
from collector.incidents.desk_models import Contract
from collector.web.reading.page import whole
from protocols.errors import PlombaError

METRICS = ("tto", "ttr", "ola")
LEVELS = ("", "1", "2", "3", "4")


class FormRefused(PlombaError):
    """Something that was typed is no number, no date or no time; the words say which and what is expected."""

    code = "form.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractForm:
    """As typed. `targets`: "ttr-2" or "ttr-" (every priority) -> hours as "4", "0:30" or "1,5"."""

    key: str = ""
    name: str = ""
    kind: str = ""
    customer: int | None = None
    valid_from: str = ""
    valid_until: str = ""
    reaction: str = calendars.OFFICE
    solution: str = calendars.OFFICE
    targets: Mapping[str, str] = field(default_factory=dict)
    others: tuple[Mapping[str, object], ...] = ()
    device_facts: bool = True
    reopen_days: int = 5
    close_days: int = 5

    @classmethod
    def of(cls, row: Contract) -> Self:
        plain = [one for one in row.targets if not one.get("kind") and not one.get("queue")]
        return cls(
            key=row.key,
            name=row.name,
            kind=row.kind,
            customer=row.customer_id,
            valid_from=row.valid_from.isoformat(),
            valid_until=row.valid_until.isoformat() if row.valid_until else "",
            reaction=row.reaction_calendar.key if row.reaction_calendar else "",
            solution=row.solution_calendar.key if row.solution_calendar else "",
            targets={
                f"{one['metric']}-{one.get('priority') or ''}": hours_text(one["minutes"]) for one in plain
            },
            others=tuple(one for one in row.targets if one.get("kind") or one.get("queue")),
            device_facts=row.device_facts,
            reopen_days=row.reopen_days,
            close_days=row.close_days,
        )

    @property
    def cells(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Metric -> (name of the field, what is typed in it) for every priority and each."""
        return [
            (metric, [(f"{metric}-{level}", self.targets.get(f"{metric}-{level}", "")) for level in LEVELS])
            for metric in METRICS
        ]

    def draft(self) -> contracts.Draft:
        """FormRefused, ContractRefused."""
        typed = [_target(name, text) for name, text in self.targets.items() if text.strip()]
        return contracts.Draft(
            key=self.key,
            name=self.name,
            kind=self.kind,
            customer=self.customer,
            valid_from=day(self.valid_from),
            valid_until=day(self.valid_until) if self.valid_until else None,
            reaction_calendar=self.reaction,
            solution_calendar=self.solution,
            targets=[*typed, *self.others],
            device_facts=self.device_facts,
            reopen_days=self.reopen_days,
            close_days=self.close_days,
        )


def empty_contract(today: date) -> ContractForm:
    return ContractForm(valid_from=today.isoformat())


def contract_form(form: QueryDict, key: str) -> ContractForm:
    kept = ContractForm.of(contracts.newest(key)) if key else ContractForm()
    return ContractForm(
        key=key,
        name=form.get("name", ""),
        kind=form.get("kind", ""),
        customer=whole(form, "customer"),
        valid_from=form.get("valid_from", ""),
        valid_until=form.get("valid_until", ""),
        reaction=form.get("reaction", ""),
        solution=form.get("solution", ""),
        targets={f"{m}-{level}": form.get(f"{m}-{level}", "") for m in METRICS for level in LEVELS},
        others=kept.others,
        device_facts=form.get("device_facts") == "1",
        reopen_days=whole(form, "reopen_days") or 0,
        close_days=whole(form, "close_days") or 0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarForm:
    """As typed. `hours`: weekday -> "09:00-13:00, 14:00-18:00"; `own`: a line for each day, "2026-12-30 Inventory"."""

    key: str = ""
    name: str = ""
    kind: str = CalendarKind.HOURS
    time_zone: str = "Europe/Riga"
    hours: Mapping[str, str] = field(default_factory=dict)
    country: str = "LV"
    moved_days: bool = False
    own: str = ""
    legal_basis: str = ""

    @classmethod
    def of(cls, row: Calendar) -> Self:
        draft = calendars.draft_of(row)
        return cls(
            key=row.key,
            name=row.name,
            kind=row.kind,
            time_zone=row.time_zone,
            hours={day: ", ".join("-".join(span) for span in spans) for day, spans in row.hours.items()},
            country=row.country,
            moved_days=row.moved_days,
            own="\n".join(f"{when.isoformat()} {name}".strip() for when, name in sorted(draft.own.items())),
            legal_basis=row.legal_basis,
        )

    def draft(self) -> calendars.Draft:
        """FormRefused, CalendarRefused."""
        return calendars.Draft(
            key=self.key,
            name=self.name,
            kind=CalendarKind(self.kind),
            time_zone=self.time_zone.strip(),
            hours={name: _spans(text) for name, text in self.hours.items() if text.strip()},
            country=self.country,
            moved_days=self.moved_days,
            own=dict(_own(line) for line in self.own.splitlines() if line.strip()),
            legal_basis=self.legal_basis,
        )


def empty_calendar() -> CalendarForm:
    return CalendarForm(hours=dict.fromkeys(WEEKDAYS[:5], "09:00-18:00"))


def calendar_form(form: QueryDict, newest: Calendar | None) -> CalendarForm:
    return CalendarForm(
        key=newest.key if newest else "",
        name=form.get("name", ""),
        kind=newest.kind if newest else CalendarKind.HOURS,
        time_zone=form.get("time_zone", ""),
        hours={name: form.get(name, "") for name in WEEKDAYS},
        country=form.get("country", ""),
        moved_days=form.get("moved_days") == "1",
        own=form.get("own", ""),
        legal_basis=form.get("legal_basis", ""),
    )


def hours_text(minutes: int) -> str:
    """90 -> "1:30", 120 -> "2"."""
    return f"{minutes // 60}:{minutes % 60:02}" if minutes % 60 else str(minutes // 60)


def minutes_of(text: str) -> int:
    """ "4", "1:30", "1,5" -> minutes; FormRefused for anything else."""
    plain = text.strip().replace(",", ".")
    hours, colon, rest = plain.partition(":")
    try:
        found = int(hours) * 60 + int(rest) if colon else round(float(plain) * 60)
    except (ValueError, OverflowError) as e:
        raise FormRefused(_("%(text)s is not a time in hours, such as 4 or 1:30") % {"text": text}) from e
    if found <= 0:
        raise FormRefused(_("%(text)s is not a time in hours, such as 4 or 1:30") % {"text": text})
    return found


def day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as e:
        raise FormRefused(_("%(text)s is not a date, such as 2026-12-30") % {"text": text or "—"}) from e


def _target(name: str, text: str) -> dict[str, object]:
    metric, _dash, level = name.partition("-")
    found: dict[str, object] = {"metric": metric, "minutes": minutes_of(text)}
    return {**found, "priority": int(level)} if level else found


def _spans(text: str) -> list[list[str]]:
    found = [[part.strip() for part in span.replace("–", "-").split("-")] for span in text.split(",")]
    if any(len(span) != 2 for span in found):
        raise FormRefused(_("%(text)s: write hours such as 09:00-13:00, 14:00-18:00") % {"text": text})
    return found


def _own(line: str) -> tuple[date, str]:
    first, _space, name = line.strip().partition(" ")
    return day(first), name.strip()
