"""What the engine remembers between two looks, and what people changed in its rules."""

from django.conf import settings
from django.db import models


class Watched(models.Model):
    """One fault in one place, whether or not an incident is open: `engine.facts.Watch` as a row. `place` is "till/ID",
    "site/ID" or "area/NAME". `marks`: the newest times it came (1) and went (0), microseconds since 1970.
    `due_at`: when time alone brings something, on the server's clock."""

    place = models.CharField(max_length=240)
    subject_kind = models.CharField(max_length=20)
    subject_id = models.CharField(max_length=80, blank=True)
    code = models.CharField(max_length=80)
    marks = models.JSONField(default=list)
    up_at = models.DateTimeField(null=True)
    since = models.DateTimeField(null=True)
    waits = models.BooleanField(default=False)
    flapping_since = models.DateTimeField(null=True)
    reason = models.CharField(max_length=400, blank=True)
    ahead_s = models.FloatField(default=0)
    due_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["place", "subject_kind", "subject_id", "code"], name="watched_once"
            )
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="watched_due")
        ]


class RuleChange(models.Model):
    """Somebody set other values for a rule; the newest counts, and none is ever changed. `values` are those of
    `engine.policy.Policy` that differ from the rule's own."""

    rule = models.CharField(max_length=40)
    values = models.JSONField(default=dict)
    comment = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["rule", "-id"], name="rule_change")]


class RuleDraft(models.Model):
    """Figures that somebody proposes for a rule. They hold only when a manager lets them: then `change` is the row that
    did it. `tried`: what the last backtest of them counted, with its period."""

    rule = models.CharField(max_length=40)
    values = models.JSONField(default=dict)
    comment = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    tried = models.JSONField(default=dict)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    change = models.OneToOneField(RuleChange, null=True, on_delete=models.PROTECT, related_name="draft")

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["rule", "-id"], name="rule_draft")]
