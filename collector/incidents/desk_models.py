"""What the desk keeps beside an incident: contracts and what they promise, the matrix of priorities, files, time,
parts, and the steps of a major incident."""

from django.conf import settings
from django.db import models

from collector.core.calendar_models import Calendar, Immutable
from collector.inventory.models import Customer

_BY = settings.AUTH_USER_MODEL


class Contract(Immutable):
    """Version `number` of what customers of this contract are promised; of each key the highest number counts for what
    is new, while it is valid. `customer` None: everybody without a contract of his own. A calendar of None: the opening
    hours of the shop. `targets`: list of contracts.TargetRow. `reopen_days`, `close_days`: legal working
    days. `device_facts`: a clock begins and stops when the device says so, not when somebody clicked."""

    key = models.SlugField(max_length=60)
    number = models.PositiveIntegerField()
    customer = models.ForeignKey(Customer, null=True, on_delete=models.PROTECT, related_name="agreements")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=60, blank=True)
    valid_from = models.DateField()
    valid_until = models.DateField(null=True)
    reaction_calendar = models.ForeignKey(Calendar, null=True, on_delete=models.PROTECT, related_name="+")
    solution_calendar = models.ForeignKey(Calendar, null=True, on_delete=models.PROTECT, related_name="+")
    targets = models.JSONField(default=list)
    device_facts = models.BooleanField(default=True)
    reopen_days = models.PositiveSmallIntegerField(default=5)
    close_days = models.PositiveSmallIntegerField(default=5)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(_BY, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["name", "-number"]
        constraints = [models.UniqueConstraint(fields=["key", "number"], name="contract_version")]
        indexes = [models.Index(fields=["customer", "key", "-number"], name="contract_of_customer")]

    def __str__(self) -> str:
        return self.name


class PriorityMatrix(Immutable):
    """The newest counts; `rows` as priority.Matrix has them. `source`: where they come from, or why they were
    changed."""

    rows = models.JSONField()
    source = models.CharField(max_length=400)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(_BY, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-id"]


class Removable(models.Model):
    """Of an incident, written by a person, who may take it back: it is kept and not counted any more."""

    incident = models.ForeignKey(
        "incidents.Incident", on_delete=models.CASCADE, related_name="%(class)s_rows"
    )
    at = models.DateTimeField()
    by = models.ForeignKey(_BY, null=True, on_delete=models.PROTECT, related_name="+")
    removed_at = models.DateTimeField(null=True)
    removed_by = models.ForeignKey(_BY, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        abstract = True
        ordering = ["id"]


class Attachment(Removable):
    """The bytes lie in the home folder under their SHA-256. `media_type` is what the bytes are, not what was said."""

    name = models.CharField(max_length=120)
    media_type = models.CharField(max_length=40)
    size_bytes = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    public = models.BooleanField(default=False)


class TimeSpent(Removable):
    """`billable`: outside of what the contract includes."""

    minutes = models.PositiveIntegerField()
    note = models.CharField(max_length=400, blank=True)
    billable = models.BooleanField(default=False)


class PartUsed(Removable):
    """`serial_out` was taken out, `serial_in` put in."""

    name = models.CharField(max_length=200)
    quantity = models.PositiveIntegerField(default=1)
    serial_out = models.CharField(max_length=100, blank=True)
    serial_in = models.CharField(max_length=100, blank=True)
    billable = models.BooleanField(default=False)


class MajorStep(models.Model):
    """One line of the checklist of a major incident. `item`: a key of the desk's data. One that comes again
    (communication) is a new row when the last is done."""

    incident = models.ForeignKey("incidents.Incident", on_delete=models.CASCADE, related_name="major_steps")
    item = models.CharField(max_length=40)
    due_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(_BY, null=True, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=400, blank=True)

    class Meta:
        ordering = ["id"]
