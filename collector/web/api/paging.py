"""Limit and offset of every list."""

from typing import Annotated, TypeVar

from django.db.models import Model, QuerySet
from ninja import Field, Schema

MOST_ROWS = 500
M = TypeVar("M", bound=Model)


class Slice(Schema):
    limit: Annotated[int, Field(ge=1, le=MOST_ROWS)] = 50
    offset: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0


def cut(rows: QuerySet[M], part: Slice) -> tuple[int, list[M]]:
    """All that match, counted, and the asked-for part: two queries."""
    return rows.count(), list(rows[part.offset : part.offset + part.limit])
