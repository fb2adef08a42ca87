"""Search as technicians type: without diacritics and without capitals, the same in both databases. `Fold` is
an SQL expression; `fold` is its twin for the words that are searched for."""

from functools import lru_cache
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import Func, TextField
from django.db.models.sql.compiler import SQLCompiler

MARKED = "āčēģīķļņōŗšūžёäöüõéèąęėįųłśćńźż"
PLAIN = "acegiklnorsuzеaouoeeaeeiulscnzz"
_TABLE = str.maketrans(MARKED, PLAIN)
_SQLITE = "plomba_fold"


@lru_cache(maxsize=16_384)
def fold(text: str) -> str:
    """Remembered, because a search asks for the same rows once per word, and again to count them."""
    return text.lower().translate(_TABLE)


class Fold(Func):
    """All its expressions in one folded text, with spaces between; NULL counts as nothing. SQLite's own
    LOWER knows only ASCII, so it calls `fold`; PostgreSQL does it by itself."""

    output_field = TextField()

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, function=_SQLITE, **extra)

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, Any]:
        template = f"TRANSLATE(LOWER(CONCAT_WS(' ', %(expressions)s)), '{MARKED}', '{PLAIN}')"
        return self.as_sql(compiler, connection, template=template, **extra)


def _teach_sqlite(connection: BaseDatabaseWrapper, **_: object) -> None:
    if connection.vendor == "sqlite":
        connection.connection.create_function(
            _SQLITE, -1, lambda *parts: fold(" ".join(p for p in parts if p)), deterministic=True
        )


def connect() -> None:
    """Every new connection of SQLite learns the function. Called once, when the application is ready."""
    connection_created.connect(_teach_sqlite, dispatch_uid="plomba-fold")
