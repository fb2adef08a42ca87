"""The catalogue of stored snapshots, and what agents said of their runs and drills. `received_at` is server
time; times that begin with `agent_` and `started_at` are the terminal's."""

from django.db import models

from collector.inventory.models import Terminal


class Snapshot(models.Model):
    """A snapshot object that lies in the storage folder with all its packs. `digest` is its name there."""

    terminal = models.ForeignKey(Terminal, on_delete=models.PROTECT, related_name="snapshots")
    source = models.CharField(max_length=80)
    digest = models.CharField(max_length=64)
    engine = models.CharField(max_length=80)
    mode = models.CharField(max_length=80)
    sequence = models.PositiveBigIntegerField()
    previous = models.CharField(max_length=64, blank=True)
    agent_started_at = models.DateTimeField()
    agent_finished_at = models.DateTimeField()
    received_at = models.DateTimeField()
    source_bytes = models.PositiveBigIntegerField()
    stored_bytes = models.PositiveBigIntegerField()
    packs = models.PositiveIntegerField()

    class Meta:
        ordering = ["-received_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["terminal", "digest"], name="snapshot_once")]
        indexes = [models.Index(fields=["terminal", "source", "-received_at"], name="snapshot_by_source")]


class Run(models.Model):
    """One backup run as the agent told it, good or bad. `snapshot` is a digest, "" where none was made."""

    terminal = models.ForeignKey(Terminal, on_delete=models.CASCADE, related_name="backup_runs")
    source = models.CharField(max_length=80)
    engine = models.CharField(max_length=80)
    ok = models.BooleanField()
    snapshot = models.CharField(max_length=80, blank=True)
    started_at = models.DateTimeField()
    duration_s = models.FloatField()
    received_at = models.DateTimeField()
    source_bytes = models.PositiveBigIntegerField(default=0)
    stored_bytes = models.PositiveBigIntegerField(default=0)
    facts = models.JSONField(default=dict)
    error = models.CharField(max_length=400, blank=True)

    class Meta:
        ordering = ["-received_at", "-id"]
        indexes = [models.Index(fields=["terminal", "source", "-received_at"], name="run_by_source")]


class Drill(models.Model):
    """One restore drill as the agent told it: the proof, or the proof of the contrary."""

    terminal = models.ForeignKey(Terminal, on_delete=models.CASCADE, related_name="drills")
    source = models.CharField(max_length=80)
    snapshot = models.CharField(max_length=80, blank=True)
    ok = models.BooleanField()
    started_at = models.DateTimeField()
    duration_s = models.FloatField()
    received_at = models.DateTimeField()
    facts = models.JSONField(default=dict)
    error = models.CharField(max_length=400, blank=True)

    class Meta:
        ordering = ["-received_at", "-id"]
        indexes = [models.Index(fields=["terminal", "source", "-received_at"], name="drill_by_source")]
