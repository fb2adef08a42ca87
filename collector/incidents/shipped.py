"""What the desk begins with, from data/desk.toml: priorities, resolution codes, the checklist of a major incident."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Named(Part):
    key: str
    lv: str
    en: str
    ru: str

    def name(self, language: str) -> str:
        return {"lv": self.lv, "ru": self.ru}.get(language, self.en)


class ChecklistItem(Named):
    """Due within so many minutes or legal working days of the declaration; `every_minutes`: due again after it was
    done."""

    within_minutes: int | None = None
    within_working_days: int | None = None
    every_minutes: int | None = None


class Major(Part):
    sites: int
    codes: tuple[str, ...]
    steps: tuple[ChecklistItem, ...]


Level = Annotated[int, Field(ge=1, le=4)]
Row = tuple[Level, Level, Level, Level]
Rows = tuple[Row, Row, Row]


class Priority(Part):
    source: str
    rows: Rows


class Urgency(Part):
    open: dict[str, Level]
    closed: dict[str, Level]


class Desk(Part):
    """`impact` and `urgency`: by severity; `impact["site"]`: of a whole shop or more."""

    priority: Priority
    impact: dict[str, Annotated[int, Field(ge=1, le=3)]]
    urgency: Urgency
    major: Major
    resolution: tuple[Named, ...]


@cache
def desk() -> Desk:
    text = (files("collector.incidents") / "data" / "desk.toml").read_text("utf-8")
    return Desk.model_validate(tomllib.loads(text))
