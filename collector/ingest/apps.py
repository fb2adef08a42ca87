"""Django application."""

from django.apps import AppConfig


class IngestConfig(AppConfig):
    name = "collector.ingest"
    label = "ingest"
    default_auto_field = "django.db.models.BigAutoField"
