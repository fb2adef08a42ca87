"""An incident and every step of its life. A transition row is written once and never changed."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from collector.inventory.models import Device, Terminal
from protocols.status.faults import Severity
from protocols.wire.v1 import SubjectKind


class State(models.TextChoices):
    """ITIL states, thin: the desk adds pending, visit and merged."""

    NEW = "new"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    RESOLVED = "resolved"
    CLOSED = "closed"


OPEN = (State.NEW, State.ASSIGNED, State.IN_PROGRESS)


class Source(models.TextChoices):
    MONITORING = "monitoring"
    PERSON = "person"


class Incident(models.Model):
    """Opens once per (terminal, subject, code). `cleared_at` is set while the fault is gone and the hold
    time runs; `resolve_due_at` is the end of the hold time on the server's clock. All other times but
    `acknowledged_at` are the terminal's where the terminal told of the fault."""

    terminal = models.ForeignKey(Terminal, on_delete=models.PROTECT, related_name="incidents")
    device = models.ForeignKey(Device, null=True, on_delete=models.SET_NULL, related_name="incidents")
    subject_kind = models.CharField(max_length=20, choices=[(k.value, k.value) for k in SubjectKind])
    subject_id = models.CharField(max_length=80, blank=True)
    code = models.CharField(max_length=80)
    severity = models.CharField(max_length=20, choices=[(s.value, s.value) for s in Severity])
    state = models.CharField(max_length=20, choices=State.choices, default=State.NEW)
    source = models.CharField(max_length=20, choices=Source.choices, default=Source.MONITORING)
    rule = models.CharField(max_length=80)
    reason = models.CharField(max_length=400, blank=True)
    count = models.PositiveIntegerField(default=1)
    since = models.DateTimeField()
    opened_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True)
    resolve_due_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="incidents"
    )
    resolution = models.CharField(max_length=400, blank=True)

    class Meta:
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["terminal", "subject_kind", "subject_id", "code"],
                condition=Q(state__in=["new", "assigned", "in_progress"]),
                name="one_open_incident_per_fault",
            )
        ]
        indexes = [
            models.Index(fields=["state", "-opened_at"], name="incident_queue"),
            models.Index(
                fields=["terminal", "subject_kind", "subject_id", "code", "-id"], name="incident_of_fault"
            ),
            models.Index(
                fields=["resolve_due_at"],
                condition=Q(resolve_due_at__isnull=False, state__in=["new", "assigned", "in_progress"]),
                name="incident_holding",
            ),
        ]

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


class Kind(models.TextChoices):
    OPENED = "opened"
    REPEATED = "repeated"
    CLEARED = "cleared"
    REOPENED = "reopened"
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    NOTED = "noted"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Transition(models.Model):
    """`at` is when it happened (the terminal's clock for events of a terminal), `recorded_at` server time.
    `by` is None where Plomba acted itself."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="transitions")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    from_state = models.CharField(max_length=20, blank=True)
    to_state = models.CharField(max_length=20, blank=True)
    note = models.TextField(blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]
