"""Public holidays and moved working days of a country, from the package `holidays`, as the plain data that a calendar
version keeps. Names are asked for in each language by name: what the machine speaks plays no part."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from typing import TypedDict

import holidays

from collector.core.worktime import WEEKDAYS

COUNTRIES = ("LV",)
LANGUAGES = {"lv": "lv", "en": "en_US", "ru": "ru"}
"""Ours -> those of the package."""
_DATE = re.compile(r"\d{2}\.\d{2}\.\d{4}")


class Day(TypedDict, total=False):
    """`off`: not worked; else worked, by the hours of the weekday `works`. `moved`: it stands for another day, by a
    decision of the government. `own`: written by a person here."""

    off: bool
    works: str
    moved: bool
    own: bool
    lv: str
    en: str
    ru: str


@dataclass(frozen=True, slots=True)
class Known:
    """`source`: which version of which package said so."""

    days: dict[str, Day]
    source: str


def known(country: str, years: Iterable[int], *, moved: bool) -> Known:
    """Days that differ from their weekday; those that the government moved only where they count."""
    if country not in COUNTRIES:
        raise ValueError(f"holidays of {country} are not known here; known: {', '.join(COUNTRIES)}")
    named = {
        ours: holidays.country_holidays(country, years=years, language=theirs)
        for ours, theirs in LANGUAGES.items()
    }
    worked = sorted(named["lv"].weekend_workdays)
    days: dict[str, Day] = {}
    for day in sorted(named["lv"]):
        names = {ours: str(table[day]) for ours, table in named.items()}
        swap = _swapped_for(names["lv"], worked)
        if swap is None:
            days[day.isoformat()] = Day(off=True, lv=names["lv"], en=names["en"], ru=names["ru"])
        elif moved:
            days[day.isoformat()] = Day(off=True, moved=True, lv=names["lv"], en=names["en"], ru=names["ru"])
            days[swap.isoformat()] = _workday(day)
    return Known(dict(sorted(days.items())), f"holidays {version('holidays')}, {country}")


def _swapped_for(name: str, worked: Iterable[date]) -> date | None:
    """The package tells the pair only in the name: "Brīvdiena (pārcelta no 17.01.2026)"."""
    told = set(_DATE.findall(name))
    return next((day for day in worked if f"{day:%d.%m.%Y}" in told), None)


def _workday(instead: date) -> Day:
    return Day(
        off=False,
        works=WEEKDAYS[instead.weekday()],
        moved=True,
        lv=f"Darba diena {instead:%d.%m.%Y} vietā",
        en=f"Worked instead of {instead:%d.%m.%Y}",
        ru=f"Рабочий день вместо {instead:%d.%m.%Y}",
    )
