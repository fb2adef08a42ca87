"""Problems, known errors, and what Plomba itself proposes from the incidents of the last weeks."""

from django.conf import settings
from django.db import models

from collector.incidents.models import Incident
from collector.service.change_models import Change


class Problem(models.Model):
    """`state` is of flow.PROBLEMS. `known_error_since`: its cause and a way around it are written down, and whoever
    works on an incident of this code, model and firmware is shown it. Empty `model` and `firmware`: of all."""

    title = models.CharField(max_length=200)
    state = models.CharField(max_length=20, default="new")
    code = models.CharField(max_length=80, blank=True)
    model = models.CharField(max_length=200, blank=True)
    firmware = models.CharField(max_length=200, blank=True)
    symptom = models.TextField(blank=True)
    root_cause = models.TextField(blank=True)
    workaround = models.TextField(blank=True)
    solution = models.TextField(blank=True)
    known_error_since = models.DateTimeField(null=True)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="problems"
    )
    change = models.ForeignKey(Change, null=True, on_delete=models.SET_NULL, related_name="problems")
    incidents = models.ManyToManyField(Incident, related_name="problems")
    created_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    resolved_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["code", "model"], name="problem_of_code")]


class ProblemStep(models.Model):
    problem = models.ForeignKey(Problem, on_delete=models.CASCADE, related_name="steps")
    kind = models.CharField(max_length=20)
    from_state = models.CharField(max_length=20, blank=True)
    to_state = models.CharField(max_length=20)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]


class Candidate(models.Model):
    """A cluster that may be a problem. `key` is clusters.Cluster.key; one that was dismissed is proposed again when it
    has grown to half as many more as it had then (`dismissed_at_count`)."""

    key = models.CharField(max_length=600, unique=True)
    state = models.CharField(max_length=20, default="proposed")
    code = models.CharField(max_length=80)
    model = models.CharField(max_length=200)
    firmware = models.CharField(max_length=200, blank=True)
    incident_ids = models.JSONField(default=list)
    count = models.PositiveIntegerField()
    devices = models.PositiveIntegerField()
    sites = models.PositiveIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    proposed_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    dismissed_at_count = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=400, blank=True)
    problem = models.ForeignKey(Problem, null=True, on_delete=models.SET_NULL, related_name="candidates")

    class Meta:
        ordering = ["-count", "-last_at"]


class Draft(models.Model):
    """An article that was drafted from equal resolutions: one per fault, model and way of solving it."""

    key = models.CharField(max_length=600, unique=True)
    code = models.CharField(max_length=80)
    model = models.CharField(max_length=200, blank=True)
    incident_ids = models.JSONField(default=list)
    slug = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-id"]
