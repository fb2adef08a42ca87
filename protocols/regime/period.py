"""Spans as laws state them: months and years are those of the calendar."""

import calendar
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_TEXT = re.compile(r"(\d+) (hour|day|week|month|year)s?")


@dataclass(frozen=True, slots=True)
class Period:
    hours: int = 0
    months: int = 0

    def after(self, moment: datetime) -> datetime:
        """From the 31st to the last day of a shorter month, from the 29th of February to the 28th."""
        month = moment.month - 1 + self.months
        year, month = moment.year + month // 12, month % 12 + 1
        day = min(moment.day, calendar.monthrange(year, month)[1])
        return moment.replace(year=year, month=month, day=day) + timedelta(hours=self.hours)


def parse(text: str) -> Period:
    """`24 hours`, `7 days`, `8 weeks`, `3 months`, `3 years`. ValueError."""
    found = _TEXT.fullmatch(text)
    if not found or int(found.group(1)) == 0:
        raise ValueError(
            f"{text!r} is no period such as '24 hours', '7 days', '8 weeks', '3 months' or '3 years'"
        )
    count, unit = int(found.group(1)), found.group(2)
    if unit in ("month", "year"):
        return Period(months=count * (12 if unit == "year" else 1))
    return Period(hours=count * {"hour": 1, "day": 24, "week": 168}[unit])
