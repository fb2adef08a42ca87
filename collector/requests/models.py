"""What is kept of requests, of the mail that brings them, of labels on tills and of one-time codes. A log line, a mail
and a decision are written once and never changed."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from collector.core.models import Language
from collector.incidents.models import Incident, Source, State
from collector.inventory.models import ContactPerson, Customer, Site, Terminal
from collector.requests import calling_models  # noqa: F401 - Django looks for models here


class TypeVersion(models.Model):
    """One version of a request type that a manager wrote; the newest of a `key` stands in for the shipped one."""

    key = models.CharField(max_length=40)
    number = models.PositiveIntegerField()
    text = models.TextField()
    comment = models.CharField(max_length=300, blank=True)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["key", "number"], name="type_version_once")]


class Request(models.Model):
    """`definition`: the type as it was when it was asked for (catalogue.RequestType as JSON), so that no later change
    of the catalogue rewrites it; `answers`: field name -> text. `contact` asked for it; who is no contact person is
    named in the `asker_` fields. `impact` 1 to 3, `urgency` and `priority` 1 to 4, 1 the gravest. `contracts`: the
    versions that were valid when it came; `hours`: zone and opening hours of the shop then. `rating` 1 to 5."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="requests")
    site = models.ForeignKey(Site, null=True, on_delete=models.PROTECT, related_name="requests")
    terminal = models.ForeignKey(Terminal, null=True, on_delete=models.PROTECT, related_name="requests")
    contact = models.ForeignKey(ContactPerson, null=True, on_delete=models.PROTECT, related_name="requests")
    asker_name = models.CharField(max_length=200, blank=True)
    asker_email = models.EmailField(blank=True)
    asker_phone = models.CharField(max_length=40, blank=True)
    language = models.CharField(max_length=5, choices=Language.choices, default=Language.LV)
    type = models.CharField(max_length=40)
    definition = models.JSONField(default=dict)
    answers = models.JSONField(default=dict)
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    state = models.CharField(max_length=20, choices=State.choices, default=State.NEW)
    source = models.CharField(max_length=20, choices=Source.choices)
    queue = models.CharField(max_length=40, blank=True)
    impact = models.PositiveSmallIntegerField(default=2)
    urgency = models.PositiveSmallIntegerField(default=3)
    priority = models.PositiveSmallIntegerField(default=3)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="requests"
    )
    incident = models.ForeignKey(Incident, null=True, on_delete=models.SET_NULL, related_name="requests")
    merged_into = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="merged")
    contracts = models.JSONField(default=list)
    hours = models.JSONField(default=dict)
    opened_at = models.DateTimeField()
    touched_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    promised_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    pending_until = models.DateTimeField(null=True)
    pending_reason = models.CharField(max_length=400, blank=True)
    resolution = models.CharField(max_length=400, blank=True)
    resolution_code = models.CharField(max_length=40, blank=True)
    reopen_count = models.PositiveIntegerField(default=0)
    rating = models.PositiveSmallIntegerField(null=True)
    rating_text = models.CharField(max_length=1000, blank=True)
    rated_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-opened_at", "-id"]
        indexes = [
            models.Index(fields=["state", "-opened_at"], name="request_queue"),
            models.Index(fields=["customer", "-opened_at"], name="request_of_customer"),
        ]

    def __str__(self) -> str:
        return f"P-{self.pk}"


class Kind(models.TextChoices):
    OPENED = "opened"
    SAID = "said"
    NOTED = "noted"
    ASSIGNED = "assigned"
    QUEUED = "queued"
    STARTED = "started"
    PENDING = "pending"
    WOKEN = "woken"
    VISIT = "visit"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    MERGED = "merged"
    PRIORITISED = "prioritised"
    APPROVAL_ASKED = "approval_asked"
    APPROVED = "approved"
    DECLINED = "declined"
    STEP_DONE = "step_done"
    RATED = "rated"
    LINKED = "linked"
    UNDELIVERED = "undelivered"


class Entry(models.Model):
    """One line of the log. `public`: the customer reads it; else it is the work log of the staff. One of `by` (staff)
    and `contact` said it; `author` names who is neither; nobody: Plomba itself."""

    request = models.ForeignKey(Request, on_delete=models.CASCADE, related_name="entries")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    contact = models.ForeignKey(ContactPerson, null=True, on_delete=models.PROTECT, related_name="+")
    author = models.CharField(max_length=200, blank=True)
    public = models.BooleanField(default=False)
    text = models.TextField(blank=True)
    from_state = models.CharField(max_length=20, blank=True)
    to_state = models.CharField(max_length=20, blank=True)
    source = models.CharField(max_length=20, blank=True, choices=Source.choices)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]


class Blob(models.Model):
    """Bytes under their SHA-256: in the database, so that they are there if and only if what names them is, and every
    node has them."""

    digest = models.CharField(max_length=64, primary_key=True)
    content = models.BinaryField()


class Attachment(models.Model):
    """A file of a log line; its bytes are the blob `digest`."""

    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="attachments")
    name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=100)
    size_bytes = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["id"]


class Approval(models.Model):
    """A question that somebody must agree to before work goes on. `by_customer`: a contact person who may approve paid
    work, else a manager. `cents`: what it costs without tax, where it costs."""

    request = models.ForeignKey(Request, on_delete=models.CASCADE, related_name="approvals")
    by_customer = models.BooleanField()
    question = models.TextField()
    cents = models.PositiveIntegerField(null=True)
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    agreed = models.BooleanField(null=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    contact = models.ForeignKey(ContactPerson, null=True, on_delete=models.PROTECT, related_name="+")
    comment = models.CharField(max_length=1000, blank=True)

    class Meta:
        ordering = ["id"]


class Step(models.Model):
    """One step of the fulfilment; its words are in the request's `definition`. Steps are done in any order."""

    request = models.ForeignKey(Request, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=40)
    by_customer = models.BooleanField(default=False)
    due_on = models.DateField(null=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    contact = models.ForeignKey(ContactPerson, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["request", "name"], name="step_once")]


class Fate(models.TextChoices):
    """What became of a mail. `held`, `unreadable` and `failed` wait for a person."""

    OPENED = "opened"
    ADDED = "added"
    BOUNCE = "bounce"
    LOOP = "loop"
    HELD = "held"
    UNREADABLE = "unreadable"
    FAILED = "failed"
    SETTLED = "settled"


WAITING = (Fate.HELD, Fate.UNREADABLE, Fate.FAILED)


class Mail(models.Model):
    """A mail that came in. `digest`: SHA-256 of its bytes, which are the blob of that name; of one that is
    too large only its head was taken, and the mailbox has the rest. `why`: a stable word for a fate that a person must
    know the reason of."""

    digest = models.CharField(max_length=64, unique=True)
    message_id = models.CharField(max_length=500, blank=True, db_index=True)
    sender = models.CharField(max_length=320, blank=True)
    subject = models.CharField(max_length=500, blank=True)
    received_at = models.DateTimeField()
    size_bytes = models.PositiveIntegerField()
    fate = models.CharField(max_length=20, choices=Fate.choices)
    why = models.CharField(max_length=60, blank=True)
    request = models.ForeignKey(Request, null=True, on_delete=models.SET_NULL, related_name="mails")
    settled_at = models.DateTimeField(null=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["-received_at", "-id"]
        indexes = [
            models.Index(
                fields=["fate"], condition=Q(fate__in=["held", "unreadable", "failed"]), name="mail_waiting"
            ),
            models.Index(fields=["sender", "-received_at"], name="mail_of_sender"),
        ]


class Mailbox(models.Model):
    """How far a mailbox has been read: the UIDs of RFC 3501 mean something under one `uid_validity` only."""

    name = models.CharField(max_length=300, unique=True)
    uid_validity = models.BigIntegerField(default=0)
    last_uid = models.BigIntegerField(default=0)
    read_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=400, blank=True)
    failing_since = models.DateTimeField(null=True)


class Label(models.Model):
    """The label on a till. A new `edition` makes all older ones invalid."""

    terminal = models.OneToOneField(Terminal, on_delete=models.CASCADE, related_name="label")
    edition = models.PositiveIntegerField(default=1)
    made_at = models.DateTimeField()


class SignInCode(models.Model):
    """A one-time code, as a keyed hash. `ticket` is the browser that asked for it. `email` may be nobody's: then the
    code was never sent and opens nothing."""

    ticket = models.CharField(max_length=64, unique=True)
    email = models.CharField(max_length=320)
    code_hash = models.CharField(max_length=64)
    made_at = models.DateTimeField(db_index=True)
    expires_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)
