"""Changes, who approved them, what must follow them, when none may be made, and the versions that are certified."""

from django.conf import settings
from django.db import models

from collector.inventory.maintenance_models import Maintenance
from collector.inventory.models import Customer, Site, Terminal


class CertifiedVersion(models.Model):
    """A version of a registered programme that the authority's list holds. `replace_by`: the older ones must be gone by
    then. `legal_basis` and `verified_on` say why it is believed. `file`: how its program file is called on a till;
    `file_version`: the version that the file carries, where it is not `version`; `sha256` of its bytes in hex."""

    product = models.CharField(max_length=100)
    modification = models.CharField(max_length=40, blank=True)
    version = models.CharField(max_length=80)
    certificate = models.CharField(max_length=100, blank=True)
    body = models.CharField(max_length=200, blank=True)
    file = models.CharField(max_length=200, blank=True)
    file_version = models.CharField(max_length=80, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    certified_on = models.DateField(null=True)
    registered_on = models.DateField(null=True)
    replace_by = models.DateField(null=True)
    withdrawn_on = models.DateField(null=True)
    legal_basis = models.CharField(max_length=400, blank=True)
    verified_on = models.DateField(null=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["product", "modification", "-registered_on", "version"]
        constraints = [
            models.UniqueConstraint(fields=["product", "modification", "version"], name="certified_once")
        ]


class Change(models.Model):
    """`kind` and `state` are of flow.CHANGES, `category` of `data/changes.toml`. `round` counts the plannings: whoever
    approved an earlier one did not approve this. `risk_why` is how risk.Risk was when it was planned. `waiver`: why an
    emergency went without a backup. `failed`: it was backed out. `windows`: of its tills, while it may be under way."""

    kind = models.CharField(max_length=20)
    category = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    reason = models.TextField(blank=True)
    state = models.CharField(max_length=20, default="new")
    terminals = models.ManyToManyField(Terminal, related_name="changes")
    product = models.CharField(max_length=100, blank=True)
    modification = models.CharField(max_length=40, blank=True)
    version = models.CharField(max_length=80, blank=True)
    touches_programme = models.BooleanField(default=False)
    outage = models.BooleanField(default=False)
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    back_out = models.TextField(blank=True)
    test_plan = models.TextField(blank=True)
    opening_reason = models.CharField(max_length=400, blank=True)
    waiver = models.CharField(max_length=400, blank=True)
    risk = models.CharField(max_length=10, blank=True)
    risk_score = models.PositiveSmallIntegerField(null=True)
    risk_why = models.JSONField(default=list)
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="changes_asked"
    )
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="changes"
    )
    round = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    implemented_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    failed = models.BooleanField(null=True)
    windows = models.ManyToManyField(Maintenance, related_name="changes")
    review = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["state", "starts_at"], name="change_calendar")]

    @property
    def is_over(self) -> bool:
        return self.state in ("closed", "cancelled", "rejected")


class Approval(models.Model):
    """What one person said of one planning; the last word counts, each is kept once."""

    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="approvals")
    round = models.PositiveSmallIntegerField()
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approved = models.BooleanField()
    comment = models.CharField(max_length=400, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["change", "round", "person"], name="approval_once_per_round")
        ]


class ChangeStep(models.Model):
    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="steps")
    kind = models.CharField(max_length=20)
    from_state = models.CharField(max_length=20, blank=True)
    to_state = models.CharField(max_length=20)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]


class ChangeTask(models.Model):
    """What must follow. `kind` is of `data/changes.toml`, with the basis that stood there."""

    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="tasks")
    kind = models.CharField(max_length=40)
    terminal = models.ForeignKey(Terminal, null=True, on_delete=models.PROTECT, related_name="+")
    due_at = models.DateTimeField()
    legal_basis = models.CharField(max_length=400, blank=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    note = models.CharField(max_length=400, blank=True)

    class Meta:
        ordering = ["due_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["change", "kind", "terminal"], name="change_task_once")
        ]


class Freeze(models.Model):
    """No change but emergencies in that time; of one customer or site where it names one, else of all."""

    name = models.CharField(max_length=100)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    customer = models.ForeignKey(Customer, null=True, on_delete=models.CASCADE, related_name="freezes")
    site = models.ForeignKey(Site, null=True, on_delete=models.CASCADE, related_name="freezes")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["starts_at"]
