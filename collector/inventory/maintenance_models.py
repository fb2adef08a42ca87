"""Maintenance windows as they are kept."""

from django.conf import settings
from django.db import models


class Maintenance(models.Model):
    """Of exactly one of customer, site, terminal, device. `days`: weekdays (0 is Monday) of a recurring one, from
    `begin` to `end` on the wall clock of `zone`; else once, from `begins_at` to `ends_at`. A window is never
    deleted: one that is called off has `ended_at`, and counts up to then."""

    customer = models.ForeignKey(
        "inventory.Customer", null=True, blank=True, on_delete=models.CASCADE, related_name="maintenance"
    )
    site = models.ForeignKey(
        "inventory.Site", null=True, blank=True, on_delete=models.CASCADE, related_name="maintenance"
    )
    terminal = models.ForeignKey(
        "inventory.Terminal", null=True, blank=True, on_delete=models.CASCADE, related_name="maintenance"
    )
    device = models.ForeignKey(
        "inventory.Device", null=True, blank=True, on_delete=models.CASCADE, related_name="maintenance"
    )
    reason = models.CharField(max_length=200)
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    days = models.JSONField(default=list, blank=True)
    begin = models.TimeField(null=True, blank=True)
    end = models.TimeField(null=True, blank=True)
    zone = models.CharField(max_length=60, default="Europe/Riga")
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["-ends_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(begins_at__lt=models.F("ends_at")), name="maintenance_has_an_end"
            ),
        ]
        indexes = [models.Index(fields=["ends_at"], name="maintenance_ends")]
