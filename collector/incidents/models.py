"""An incident and every step of its life. A transition row is written once and never changed."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from collector.incidents import desk_models, watch_models  # noqa: F401 - Django looks for models here
from collector.inventory.models import Device, Site, Terminal
from protocols.status.faults import Severity
from protocols.wire.v1 import SubjectKind


class State(models.TextChoices):
    """Of incidents and of requests."""

    NEW = "new"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    PENDING_CUSTOMER = "pending_customer"
    PENDING_SUPPLIER = "pending_supplier"
    PENDING_LEGAL = "pending_legal"
    SCHEDULED_VISIT = "scheduled_visit"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    MERGED = "merged"


OPEN = (
    State.NEW,
    State.ASSIGNED,
    State.IN_PROGRESS,
    State.PENDING_CUSTOMER,
    State.PENDING_SUPPLIER,
    State.PENDING_LEGAL,
    State.SCHEDULED_VISIT,
)
_OPEN = [state.value for state in OPEN]


class Source(models.TextChoices):
    """Who told of it first."""

    MONITORING = "monitoring"
    PERSON = "person"
    PORTAL = "portal"
    MAIL = "mail"
    PHONE = "phone"
    LABEL = "label"


class Why(models.TextChoices):
    """What keeps an incident from being told: it is an effect of another, or it is expected."""

    CAUSE = "cause"
    MAINTENANCE = "maintenance"
    PLANNED = "planned"
    STORM = "storm"


class Incident(models.Model):
    """Opens once per (terminal, subject, code); one of a whole shop has no `terminal`, one of many shops (a line's
    provider, a region) has no `site` either but an `area`. `site` is that of the terminal where there is one. `cause`:
    the incident that this one is an effect of; while `suppressed_since` is set nobody is told of it. `impact` 1 to 3,
    `urgency` and `priority` 1 to 4, 1 the gravest. `cleared_at` is set while the fault is gone and the hold
    time runs; `resolve_due_at` is the end of the hold time on the server's clock. All other times but
    `acknowledged_at` are the terminal's where the terminal told of the fault."""

    terminal = models.ForeignKey(Terminal, null=True, on_delete=models.PROTECT, related_name="incidents")
    site = models.ForeignKey(Site, null=True, on_delete=models.PROTECT, related_name="incidents")
    area = models.CharField(max_length=200, blank=True)
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
    resolution_code = models.CharField(max_length=40, blank=True)
    cause = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="effects")
    suppressed_since = models.DateTimeField(null=True)
    suppressed_why = models.CharField(max_length=20, blank=True, choices=Why.choices)
    impact = models.PositiveSmallIntegerField(null=True)
    urgency = models.PositiveSmallIntegerField(null=True)
    priority = models.PositiveSmallIntegerField(null=True)
    queue = models.CharField(max_length=40, blank=True)
    pending_until = models.DateTimeField(null=True)
    pending_reason = models.CharField(max_length=400, blank=True)
    merged_into = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="merged")
    major_since = models.DateTimeField(null=True)
    reopen_count = models.PositiveIntegerField(default=0)
    title = models.CharField(max_length=200, blank=True)
    renewed = models.BooleanField(default=False)
    contracts = models.JSONField(null=True)
    hours = models.JSONField(default=dict)
    due_at = models.DateTimeField(null=True)
    warn_at = models.DateTimeField(null=True)
    judge_at = models.DateTimeField(null=True)
    judged_by = models.CharField(max_length=10, blank=True)
    close_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["terminal", "subject_kind", "subject_id", "code"],
                condition=Q(state__in=_OPEN) & ~Q(code=""),
                name="one_open_incident_per_fault",
            ),
            models.UniqueConstraint(
                fields=["site", "area", "code"],
                condition=Q(state__in=_OPEN, terminal=None, site__isnull=False) & ~Q(code=""),
                name="one_open_incident_per_site",
            ),
            models.UniqueConstraint(
                fields=["area", "code"],
                condition=Q(state__in=_OPEN, terminal=None, site=None),
                name="one_open_incident_per_area",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-opened_at"], name="incident_queue"),
            models.Index(
                fields=["terminal", "subject_kind", "subject_id", "code", "-id"], name="incident_of_fault"
            ),
            models.Index(
                fields=["resolve_due_at"],
                condition=Q(resolve_due_at__isnull=False, state__in=_OPEN),
                name="incident_holding",
            ),
            models.Index(fields=["code", "-opened_at"], name="incident_of_code"),
            models.Index(fields=["site", "code"], condition=Q(state__in=_OPEN), name="incident_open_of_site"),
            models.Index(
                fields=["suppressed_since"],
                condition=Q(suppressed_since__isnull=False, state__in=_OPEN),
                name="incident_suppressed",
            ),
            models.Index(fields=["due_at", "id"], condition=Q(state__in=_OPEN), name="incident_time_left"),
            models.Index(fields=["id"], condition=Q(renewed=False), name="incident_to_renew"),
            models.Index(fields=["warn_at"], condition=Q(warn_at__isnull=False), name="incident_warn"),
            models.Index(fields=["judge_at"], condition=Q(judge_at__isnull=False), name="incident_judge"),
            models.Index(fields=["close_at"], condition=Q(close_at__isnull=False), name="incident_close"),
            models.Index(
                fields=["pending_until"], condition=Q(pending_until__isnull=False), name="incident_wake"
            ),
        ]

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def place(self) -> Site | None:
        """The shop; None where it is one of many shops."""
        return self.site or (self.terminal.site if self.terminal else None)

    @property
    def zone(self) -> str:
        place = self.place
        return place.time_zone if place else settings.TIME_ZONE

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Whoever writes it has changed something: the desk works its times out anew."""
        self.renewed = False
        super().save(*args, **kwargs)


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
    SUPPRESSED = "suppressed"
    RELEASED = "released"
    ESCALATED = "escalated"
    FLAPPING = "flapping"
    PRIORITISED = "prioritised"
    QUEUED = "queued"
    STARTED = "started"
    PENDING = "pending"
    WOKEN = "woken"
    VISIT = "visit"
    ANSWERED = "answered"
    MERGED = "merged"
    CANCELLED = "cancelled"
    MAJOR = "major"
    ATTACHED = "attached"
    WORKED = "worked"
    RETURNED = "returned"
    WARNED = "warned"
    CHECKED = "checked"
    UNDONE = "undone"


class Transition(models.Model):
    """`at` is when it happened (the terminal's clock for events of a terminal), `recorded_at` server time.
    `by` is None where Plomba acted itself. `public`: the customer may read `note`."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="transitions")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    from_state = models.CharField(max_length=20, blank=True)
    to_state = models.CharField(max_length=20, blank=True)
    note = models.TextField(blank=True)
    public = models.BooleanField(default=False)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]
