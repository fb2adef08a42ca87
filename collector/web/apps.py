"""Django application."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "collector.web"
    label = "web"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from collector.web.reading import fold  # noqa: PLC0415 - needs the application registry

        fold.connect()
