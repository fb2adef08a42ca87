"""The list of what was erased and must not come back with an older set. Holds digests, not what was erased."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from collector.backups.models import Erasure
from collector.inventory.models import Terminal
from protocols.errors import RepositoryRefused
from protocols.wire import erasure
from protocols.wire.erasure import MOST, Column, Erasures, digest_of, new_salt

_COLUMN: TypeAdapter[str] = TypeAdapter(Column)
_REASON = 400


@dataclass(frozen=True, slots=True)
class Wish:
    """`column` is TABLE.COLUMN of the source's database."""

    source: str
    column: str
    values: Sequence[str]
    reason: str


def keep(terminal: Terminal, wish: Wish, by: str, now: datetime) -> list[Erasure]:
    """One entry for each value. RepositoryRefused `backup.erasure_column`, `backup.erasure_values`,
    `backup.no_source`, `backup.no_reason`."""
    wanted = [value for value in (each.strip() for each in wish.values) if value]
    try:
        _COLUMN.validate_python(wish.column)
    except ValidationError as e:
        raise RepositoryRefused("a column is written TABLE.COLUMN", code="backup.erasure_column") from e
    if not wanted:
        raise RepositoryRefused("name at least one value", code="backup.erasure_values")
    if not terminal.snapshots.filter(source=wish.source).exists():
        raise RepositoryRefused(
            f"{terminal.name} has no backup {wish.source!r} here", code="backup.no_source"
        )
    if not wish.reason.strip():
        raise RepositoryRefused("say why: it is read when somebody asks later", code="backup.no_reason")
    if standing(terminal.pk) + len(wanted) > MOST:
        raise RepositoryRefused("the list of this till is full", code="backup.erasure_values")
    common = {
        "terminal": terminal,
        "source": wish.source,
        "column": wish.column,
        "reason": wish.reason.strip()[:_REASON],
        "by": by,
        "at": now,
    }
    salted = [(new_salt(), value) for value in wanted]
    return Erasure.objects.bulk_create(
        Erasure(**common, salt=salt, digest=digest_of(salt, value)) for salt, value in salted
    )


def standing(terminal: str) -> int:
    return Erasure.objects.filter(terminal=terminal, withdrawn_at=None).count()


def withdraw(pk: int, by: str, now: datetime) -> None:
    """RepositoryRefused `backup.no_erasure` where it is so already."""
    if not Erasure.objects.filter(pk=pk, withdrawn_at=None).update(withdrawn_at=now, withdrawn_by=by):
        raise RepositoryRefused(f"number {pk} does not stand any more", code="backup.no_erasure")


def document(terminal: str) -> bytes:
    """As protocols.wire.erasure writes it."""
    rows = Erasure.objects.filter(terminal=terminal, withdrawn_at=None).order_by("id")[:MOST]
    items = [
        erasure.Erasure(source=row.source, column=row.column, salt=row.salt, digest=row.digest, at=row.at)
        for row in rows
    ]
    return Erasures(items=tuple(items)).model_dump_json().encode()
