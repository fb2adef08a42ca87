"""A technician goes to a shop. Done means proof: a note, the time, and a photograph or a signature."""

from django.conf import settings
from django.db import models

from collector.incidents.models import Incident
from collector.inventory.models import Site, Terminal


class Visit(models.Model):
    """`state` is of flow.VISITS. `fixed`: the customer waits at that time. `place` counts the order of the day's tour,
    0 where none was planned. `minutes` on the spot and `travel_minutes` as the technician wrote them down."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="visits")
    terminal = models.ForeignKey(Terminal, null=True, on_delete=models.PROTECT, related_name="visits")
    incident = models.ForeignKey(Incident, null=True, on_delete=models.SET_NULL, related_name="visits")
    change = models.ForeignKey("service.Change", null=True, on_delete=models.SET_NULL, related_name="visits")
    technician = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="visits"
    )
    purpose = models.CharField(max_length=400)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    fixed = models.BooleanField(default=False)
    state = models.CharField(max_length=20, default="planned")
    place = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    arrived_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    note = models.TextField(blank=True)
    minutes = models.PositiveIntegerField(null=True)
    travel_minutes = models.PositiveIntegerField(null=True)
    signed_by = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["starts_at", "id"]
        indexes = [models.Index(fields=["technician", "starts_at"], name="visit_of_technician")]


class VisitPart(models.Model):
    visit = models.ForeignKey(Visit, on_delete=models.CASCADE, related_name="parts")
    name = models.CharField(max_length=200)
    number = models.CharField(max_length=100, blank=True)
    serial = models.CharField(max_length=100, blank=True)
    quantity = models.PositiveSmallIntegerField(default=1)


class VisitFile(models.Model):
    """`kind`: photo or signature. The bytes lie in the database, so that every node has them."""

    visit = models.ForeignKey(Visit, on_delete=models.CASCADE, related_name="files")
    kind = models.CharField(max_length=20)
    name = models.CharField(max_length=200)
    media_type = models.CharField(max_length=40)
    size_bytes = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    content = models.BinaryField()
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["visit", "digest"], name="visit_file_once")]


class VisitStep(models.Model):
    visit = models.ForeignKey(Visit, on_delete=models.CASCADE, related_name="steps")
    kind = models.CharField(max_length=20)
    from_state = models.CharField(max_length=20, blank=True)
    to_state = models.CharField(max_length=20)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
