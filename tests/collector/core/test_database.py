"""The tests run on the database that was asked for, set as promised."""

import pytest
from django.core.management import call_command
from django.db import connection

pytestmark = pytest.mark.django_db


def test_it_is_the_database_that_was_asked_for(on_postgresql: bool) -> None:
    assert connection.vendor == ("postgresql" if on_postgresql else "sqlite")


def test_sqlite_waits_for_the_disk(on_postgresql: bool) -> None:
    if on_postgresql:
        return
    with connection.cursor() as cursor:
        found = [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    assert found == ["wal", 2]


def test_the_migrations_hold_every_model() -> None:
    call_command("makemigrations", "core", "inventory", "incidents", "ingest", check=True, dry_run=True)
