"""Paging and the small questions that every list asks of its address."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet
from django.http import QueryDict

PAGE_ROWS = 50
M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """`number` counts from 1; a number beyond the end gives the last page."""

    rows: list[M]
    number: int
    pages: int
    total: int

    @property
    def first_row(self) -> int:
        return (self.number - 1) * PAGE_ROWS + 1 if self.total else 0

    @property
    def last_row(self) -> int:
        return self.first_row + len(self.rows) - 1 if self.rows else 0

    @property
    def before(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def after(self) -> int | None:
        return self.number + 1 if self.number < self.pages else None


def page_of(rows: QuerySet[M], number: int, size: int = PAGE_ROWS) -> Page[M]:
    """Two queries: the count and the rows."""
    total = rows.count()
    pages = max(1, -(-total // size))
    number = min(max(1, number), pages)
    return Page(list(rows[(number - 1) * size : number * size]), number, pages, total)


def whole(params: QueryDict, name: str) -> int | None:
    """A whole number of the address, None where it is missing or nonsense: no list fails over its address."""
    text = params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


def one_of(params: QueryDict, name: str, allowed: tuple[str, ...], default: str = "") -> str:
    value = params.get(name, default)
    return value if value in allowed else default
