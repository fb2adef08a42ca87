"""Django application."""

from django.apps import AppConfig
from django.db.models.signals import post_save


class InventoryConfig(AppConfig):
    name = "collector.inventory"
    label = "inventory"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from collector.inventory import desired_state, models  # noqa: PLC0415 - Django must have started

        post_save.connect(desired_state.on_saved, sender=models.Terminal)
