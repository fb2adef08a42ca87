"""Calendars as they are kept: a version is written once and never changed, so that what was worked out by it stays as
it was."""

from typing import Any

from django.conf import settings
from django.db import models

from protocols.errors import UsageError


class Immutable(models.Model):
    """Rows that are written once. `save` of one that is there is a bug of the caller."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise UsageError(f"{type(self).__name__} {self.pk} is never changed; make a new version")
        super().save(*args, **kwargs)


class CalendarKind(models.TextChoices):
    """`hours`: working time by the wall clock. `days`: working days as the law counts them; hours play no part."""

    HOURS = "hours"
    DAYS = "days"


class Calendar(Immutable):
    """Version `number` of the calendar `key`; the highest counts for what is new. `hours` as Site.hours has them.
    `days`: ISO date -> days_off.Day. `known_through`: the last year whose holidays are in `days`. `source`: where the
    holidays come from; `legal_basis`: why the calendar is as it is. `digest` is that of zone, hours and days."""

    key = models.SlugField(max_length=40)
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=CalendarKind.choices)
    name = models.CharField(max_length=100)
    time_zone = models.CharField(max_length=60)
    hours = models.JSONField(default=dict)
    country = models.CharField(max_length=2, blank=True)
    moved_days = models.BooleanField(default=False)
    days = models.JSONField(default=dict)
    known_through = models.PositiveSmallIntegerField(null=True)
    source = models.CharField(max_length=200, blank=True)
    legal_basis = models.CharField(max_length=400, blank=True)
    digest = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["key", "-number"]
        constraints = [models.UniqueConstraint(fields=["key", "number"], name="calendar_version")]

    def __str__(self) -> str:
        return self.name
