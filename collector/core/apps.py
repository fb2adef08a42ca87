"""Django application."""

from django.apps import AppConfig
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models.signals import post_migrate

from collector.core import clock


class CoreConfig(AppConfig):
    name = "collector.core"
    label = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        post_migrate.connect(_calendars, sender=self)


def _calendars(using: str = DEFAULT_DB_ALIAS, **_: object) -> None:
    """A new database has the calendars that everything counts on."""
    from collector.core import calendars  # noqa: PLC0415 - models need Django's start
    from collector.core.calendar_models import Calendar  # noqa: PLC0415

    if Calendar._meta.db_table in connections[using].introspection.table_names():
        calendars.ensure(clock.now())
