"""Signed jobs, the lists of operators, and who did what to them. Times are server time unless the name says `agent`."""

from django.db import models

from collector.core.models import User
from collector.inventory.models import Terminal


class Operators(models.Model):
    """A list of operators as the company's root signed it. The one with the highest number holds."""

    number = models.PositiveBigIntegerField(unique=True)
    text = models.TextField()
    root = models.CharField(max_length=43)
    signature = models.CharField(max_length=86)
    expires = models.DateTimeField()
    kept_at = models.DateTimeField()
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["-number"]


class State(models.TextChoices):
    """`signing`: a signature is missing. `queued`: the till has not fetched it."""

    SIGNING = "signing"
    QUEUED = "queued"
    FETCHED = "fetched"
    CANCELLED = "cancelled"
    ENDED = "ended"


class Job(models.Model):
    """`text` is what was signed, byte for byte; `signatures` holds operator keys and signatures. `exit`, `code` and
    what follows are what the till told."""

    id = models.CharField(primary_key=True, max_length=36)
    terminal = models.ForeignKey(Terminal, on_delete=models.CASCADE, related_name="jobs")
    type = models.CharField(max_length=80)
    dry_run = models.BooleanField(default=False)
    parameters = models.JSONField(default=dict)
    text = models.TextField()
    signatures = models.JSONField(default=list)
    nonce = models.CharField(max_length=22, unique=True)
    state = models.CharField(max_length=20, choices=State.choices)
    not_before = models.DateTimeField()
    expires = models.DateTimeField()
    kept_at = models.DateTimeField()
    fetched_at = models.DateTimeField(null=True)
    offered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    agent_started_at = models.DateTimeField(null=True)
    exit = models.IntegerField(null=True)
    code = models.CharField(max_length=80, blank=True)
    duration_s = models.FloatField(null=True)
    output = models.TextField(blank=True)
    evidence = models.JSONField(default=dict)

    class Meta:
        ordering = ["-kept_at"]
        indexes = [models.Index(fields=["terminal", "state", "expires"], name="job_waiting")]


class Step(models.Model):
    """What happened to a job: kept, signed, queued, fetched, cancelled, ended, or refused again."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="steps")
    kind = models.CharField(max_length=20)
    at = models.DateTimeField()
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    note = models.CharField(max_length=400, blank=True)

    class Meta:
        ordering = ["at", "id"]
