"""Guidelines and news for customers, and the proof that they were read. A published version is never changed."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from collector.inventory.models import ContactPerson, Customer, Site

_USER = settings.AUTH_USER_MODEL


class Kind(models.TextChoices):
    """A guideline holds until it is replaced or withdrawn: who comes to a customer later gets it, too."""

    GUIDELINE = "guideline"
    NEWS = "news"


class Notice(models.Model):
    """Whom it is for: `customers`, and those who have a device of one of `device_models` (the beginning of its name) or
    a contract of one of `contracts` (its key or its kind); nobody named: all. `confirm`: each contact confirms the
    reading; `acknowledge`: the people of each shop sign a list. `remind_days`: between reminders. `current`: the
    newest published version."""

    kind = models.CharField(max_length=20, choices=Kind.choices)
    customers = models.ManyToManyField(Customer, blank=True, related_name="+")
    device_models = models.JSONField(default=list)
    contracts = models.JSONField(default=list)
    confirm = models.BooleanField(default=True)
    acknowledge = models.BooleanField(default=False)
    remind_days = models.PositiveSmallIntegerField(default=3)
    current = models.ForeignKey("Version", null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    by = models.ForeignKey(_USER, null=True, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]


class Version(models.Model):
    """`texts`: {language: {"title", "text"}}, the text in Markdown. `digest`: SHA-256 of the texts, see
    `evidence.digest_of`; empty while it is a draft. `confirm_by`: the last day."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    texts = models.JSONField(default=dict)
    confirm_by = models.DateField(null=True)
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(_USER, null=True, on_delete=models.PROTECT, related_name="+")
    published_at = models.DateTimeField(null=True)
    published_by = models.ForeignKey(_USER, null=True, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["notice", "number"], name="one_notice_version_per_number"),
            models.UniqueConstraint(
                fields=["notice"], condition=Q(published_at=None), name="one_draft_of_a_notice"
            ),
        ]


class How(models.TextChoices):
    LINK = "link"
    PORTAL = "portal"


class Reading(models.Model):
    """That one contact got one version. `remind_at`: when the next reminder is due; None where none is. `language`,
    `email`: as they were then."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="readings")
    contact = models.ForeignKey(ContactPerson, on_delete=models.PROTECT, related_name="readings")
    language = models.CharField(max_length=5)
    email = models.EmailField(blank=True)
    given_at = models.DateTimeField()
    reminders = models.PositiveIntegerField(default=0)
    remind_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    how = models.CharField(max_length=20, choices=How.choices, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["version", "contact"], name="one_reading_of_a_contact"),
        ]
        indexes = [
            models.Index(
                fields=["remind_at"], condition=Q(remind_at__isnull=False), name="reading_to_remind"
            ),
        ]


class Sheet(models.Model):
    """The signed list of one shop, entered by `by`. `names`: [{"name", "job", "on"}], `on` an ISO date. `scan`: the
    picture of the paper, PDF, PNG or JPEG."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="sheets")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    names = models.JSONField(default=list)
    at = models.DateTimeField()
    by = models.ForeignKey(_USER, null=True, on_delete=models.PROTECT, related_name="+")
    scan = models.BinaryField(null=True)
    scan_digest = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["site__name", "id"]
