"""What `data/*.toml` says of changes and towns. Read once; a file that is wrong stops the start, not a click."""

import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict

from collector.service.flow import Kind
from collector.service.guards import Policy


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Category(_Document):
    """`preapproved`: a standard change of it needs nobody's approval. The rest is what a new one is filled in with."""

    kinds: tuple[Kind, ...]
    preapproved: bool = False
    touches_programme: bool = False
    outage: bool = False


class Task(_Document):
    """What must follow a change of the categories `after`."""

    kind: str
    after: tuple[str, ...]
    due: int
    unit: Literal["days", "working_days", "hours"]
    per_terminal: bool
    legal_basis: str
    verified_on: date


class Changes(_Document):
    backup_hours: float
    early_minutes: float
    approvals: Mapping[str, int]
    categories: Mapping[str, Category]
    tasks: tuple[Task, ...]

    @property
    def policy(self) -> Policy:
        return Policy(self.backup_hours, timedelta(minutes=self.early_minutes), dict(self.approvals))


class _Towns(_Document):
    verified_on: date
    towns: Mapping[str, tuple[float, float]]


@cache
def changes() -> Changes:
    return Changes.model_validate(_read("changes.toml"))


@cache
def towns() -> Mapping[str, tuple[float, float]]:
    return _Towns.model_validate(_read("towns.toml")).towns


def _read(name: str) -> dict[str, object]:
    return tomllib.loads((resources.files("collector.service") / "data" / name).read_text("utf-8"))
