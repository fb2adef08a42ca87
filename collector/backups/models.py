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
    key_ids = models.CharField(max_length=300, blank=True)
    """Of the keys that open it, with blanks between; "" where nobody has looked yet."""
    law_class = models.CharField(max_length=80, blank=True)
    law_until = models.DateTimeField(null=True)
    """Until then the law wants this very set, being the first after a Z report or an installation; only ever later."""

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


class HoldStep(models.Model):
    """What a person did about a hold, and why. Only ever added to. `what`: begun, ended, resumed, or "frozen", the
    answer that what looked odd is to stay frozen; ended is the other one."""

    hold = models.ForeignKey(Hold, on_delete=models.CASCADE, related_name="steps")
    what = models.CharField(
        max_length=20, choices=[(each, each) for each in ("begun", "ended", "resumed", "frozen")]
    )
    reason = models.CharField(max_length=400)
    by = models.CharField(max_length=150, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]


class Told(models.Model):
    """What a till told of one source beside its runs. `classes`: the ids of the sets of the law that it fills, by the
    till's file; empty where its engine tells. Then the run under way, by the till's word of `said_at` (its clock), that
    came at `heard_at`; None where none runs."""

    terminal = models.ForeignKey(Terminal, on_delete=models.CASCADE, related_name="backup_sources")
    source = models.CharField(max_length=80)
    classes = models.JSONField(default=list)
    stage = models.CharField(max_length=80, blank=True)
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0)
    bytes_s = models.FloatField(default=0)
    left_s = models.FloatField(null=True)
    said_at = models.DateTimeField(null=True)
    heard_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["terminal", "source"], name="told_once")]


class Traffic(models.Model):
    """What the backups of one till have sent in a month of UTC, by its own count."""

    terminal = models.OneToOneField(Terminal, on_delete=models.CASCADE, related_name="backup_traffic")
    month = models.CharField(max_length=7)
    used_bytes = models.PositiveBigIntegerField()
    limit_bytes = models.PositiveBigIntegerField()
    heard_at = models.DateTimeField()


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
    """One restore drill, the proof or the proof of the contrary: as the agent told it (`place` "till"), or made by this
    collector ("collector"), at its own time. `by`: the person who asked for it, "" for the schedule. `set_at`: when
    what was restored had come here; None where it does not lie here. `evidence`: what was used, and kept apart."""

    terminal = models.ForeignKey(Terminal, on_delete=models.CASCADE, related_name="drills")
    source = models.CharField(max_length=80)
    snapshot = models.CharField(max_length=80, blank=True)
    ok = models.BooleanField()
    started_at = models.DateTimeField()
    duration_s = models.FloatField()
    received_at = models.DateTimeField()
    facts = models.JSONField(default=dict)
    error = models.CharField(max_length=400, blank=True)
    place = models.CharField(
        max_length=20, default="till", choices=[(each, each) for each in ("till", "collector")]
    )
    by = models.CharField(max_length=150, blank=True)
    engine = models.CharField(max_length=80, blank=True)
    set_at = models.DateTimeField(null=True)
    evidence = models.JSONField(default=dict)

    class Meta:
        ordering = ["-received_at", "-id"]
        indexes = [models.Index(fields=["terminal", "source", "-received_at"], name="drill_by_source")]


class Trial(models.Model):
    """The last try of this collector to prove one source, and the claim on it while it runs: `ended_at` is None then.
    `outcome` "unproven" is neither a proof nor its contrary; `code` and `reason` say why."""

    terminal = models.ForeignKey(Terminal, on_delete=models.CASCADE, related_name="drill_trials")
    source = models.CharField(max_length=80)
    snapshot = models.CharField(max_length=64)
    started_at = models.DateTimeField()
    node = models.CharField(max_length=255)
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(
        max_length=20, blank=True, choices=[(each, each) for each in ("proven", "failed", "unproven")]
    )
    code = models.CharField(max_length=80, blank=True)
    reason = models.CharField(max_length=400, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["terminal", "source"], name="trial_once")]


class Reading(models.Model):
    """Who read what of a terminal's backups, added up by day. `way`: "own", the till read its own; "lent", the till
    `reader` read it for a signed job; "download", a person took the locked set away; "drill", this collector restored
    it for a proof. `snapshot`: the set's digest, "" where single objects were read."""

    terminal = models.ForeignKey(Terminal, on_delete=models.PROTECT, related_name="backup_readings")
    way = models.CharField(max_length=20, choices=[(w, w) for w in ("own", "lent", "download", "drill")])
    reader = models.CharField(max_length=80, blank=True)
    person = models.CharField(max_length=150, blank=True)
    job = models.CharField(max_length=36, blank=True)
    snapshot = models.CharField(max_length=64, blank=True)
    day = models.DateField()
    objects_read = models.PositiveBigIntegerField(default=0)
    bytes_read = models.PositiveBigIntegerField(default=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        ordering = ["-last_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["terminal", "way", "reader", "person", "job", "snapshot", "day"], name="reading_once"
            )
        ]


class Erasure(models.Model):
    """What was erased of a person's data in one source, and is erased once more when an older set is restored: rows of
    `column` (TABLE.COLUMN) whose value has this digest. The value itself is not kept. Withdrawn ones count no more."""

    terminal = models.ForeignKey(Terminal, on_delete=models.PROTECT, related_name="erasures")
    source = models.CharField(max_length=80)
    column = models.CharField(max_length=140)
    salt = models.CharField(max_length=32)
    digest = models.CharField(max_length=64)
    reason = models.CharField(max_length=400)
    by = models.CharField(max_length=150)
    at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["terminal", "withdrawn_at"], name="erasure_by_terminal")]
