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
    changed_bytes = models.PositiveBigIntegerField(default=0)
    """Plain bytes that the run stored."""
    checked_at = models.DateTimeField(null=True)
    """When all its objects were last found to be what was stored."""
    let_go_at = models.DateTimeField(null=True)
    """Not kept any more by the rules; removed some days later, unless the rules change their mind."""
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-received_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["terminal", "digest"], name="snapshot_once")]
        indexes = [models.Index(fields=["terminal", "source", "-received_at"], name="snapshot_by_source")]


class Hold(models.Model):
    """Nothing of a source is removed while one is not ended: somebody is asked to keep it, or something is wrong. `why`
    is "legal" with a person's reason, or "suspicious" with what was seen."""

    terminal = models.ForeignKey(Terminal, on_delete=models.PROTECT, related_name="backup_holds")
    source = models.CharField(max_length=80)
    why = models.CharField(max_length=20, choices=[("legal", "legal"), ("suspicious", "suspicious")])
    reason = models.CharField(max_length=400)
    by = models.CharField(max_length=150, blank=True)
    since = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-since", "-id"]
        indexes = [models.Index(fields=["terminal", "source", "ended_at"], name="hold_by_source")]


class Leaving(models.Model):
    """A pack that no snapshot names any more. It is removed when it has been so for some days."""

    terminal = models.ForeignKey(Terminal, on_delete=models.CASCADE, related_name="leaving_packs")
    digest = models.CharField(max_length=64)
    since = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["terminal", "digest"], name="leaving_once")]


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
