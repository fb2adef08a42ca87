"""Who is told of what, by which channel, once. Times are server time."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from collector.core.models import Language
from collector.incidents.models import Incident
from collector.inventory.models import Customer, Site
from protocols.status.faults import Severity


class Channel(models.TextChoices):
    EMAIL = "email"
    SMS = "sms"
    WEBHOOK = "webhook"
    PUSH = "push"


class Status(models.TextChoices):
    """`claimed`: a worker has it and has not begun to send; `sending`: it is being handed over just now, or was
    when its worker died; `failed`: nobody tries it any more."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


class Address(models.Model):
    """Where a person is reached. `address`: a mail address, a number in its international form, an https address, or
    the endpoint that a browser gave. `keys`: of a browser `p256dh` and `auth`, of a webhook `secret`."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="addresses")
    channel = models.CharField(max_length=20, choices=Channel.choices)
    address = models.CharField(max_length=1000)
    label = models.CharField(max_length=80, blank=True)
    keys = models.JSONField(default=dict)
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["channel", "id"]
        constraints = [
            models.UniqueConstraint(fields=["person", "channel", "address"], name="one_address_of_a_person"),
        ]


class Wish(models.Model):
    """What a person wants to be told at one address. `hours`: in `time_zone`, {"mon": [["08:00", "17:00"]], …}; a day
    that is not there is quiet; empty: always. None of `customers` and `sites`: all."""

    address = models.ForeignKey(Address, on_delete=models.CASCADE, related_name="wishes")
    severity = models.CharField(max_length=20, choices=[(s.value, s.value) for s in Severity])
    time_zone = models.CharField(max_length=60, default="Europe/Riga")
    hours = models.JSONField(default=dict)
    customers = models.ManyToManyField(Customer, blank=True, related_name="+")
    sites = models.ManyToManyField(Site, blank=True, related_name="+")
    tells_end = models.BooleanField(default=True)

    class Meta:
        ordering = ["id"]


class BadAddress(models.Model):
    """The other side said for good that it is nobody's. Nothing is sent there until a person says that it is well
    again."""

    channel = models.CharField(max_length=20, choices=Channel.choices)
    address = models.CharField(max_length=1000)
    since = models.DateTimeField()
    why = models.CharField(max_length=400)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "address"], name="one_mark_of_an_address")]


class Outgoing(models.Model):
    """A message that is kept, whatever becomes of it. `key` is the caller's, and what the other side may know it again
    by. `thread`: key of the first message of a conversation. `about`: "incident:17", "request:4", … `facts`: the same
    for machines, of web hooks and browsers. `secret`: holds what only the receiver may read; no page shows it and
    it is forgotten when it is sent. After `until` it is not sent. `claim`: of the worker that has it, or had it last;
    `doubts`: how often a worker died while it was handed over, so that it may have arrived more than once.
    `reply`: what the other side said."""

    key = models.CharField(max_length=200, unique=True)
    channel = models.CharField(max_length=20, choices=Channel.choices)
    address = models.CharField(max_length=1000)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="outgoing"
    )
    language = models.CharField(max_length=5, choices=Language.choices)
    subject = models.CharField(max_length=400)
    text = models.TextField()
    html = models.TextField(blank=True)
    headers = models.JSONField(default=dict)
    thread = models.CharField(max_length=200, blank=True)
    about = models.CharField(max_length=100, blank=True, db_index=True)
    facts = models.JSONField(default=dict)
    secret = models.BooleanField(default=False)
    until = models.DateTimeField(null=True)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.WAITING)
    made_at = models.DateTimeField()
    due_at = models.DateTimeField()
    tries = models.PositiveIntegerField(default=0)
    claim = models.CharField(max_length=40, blank=True)
    claimed_at = models.DateTimeField(null=True)
    doubts = models.PositiveIntegerField(default=0)
    ended_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=80, blank=True)
    error = models.CharField(max_length=400, blank=True)
    reply = models.CharField(max_length=400, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["channel", "due_at"], condition=Q(status=Status.WAITING), name="outgoing_waiting"
            ),
            models.Index(
                fields=["claimed_at"],
                condition=Q(status__in=(Status.CLAIMED, Status.SENDING)),
                name="outgoing_claimed",
            ),
            models.Index(fields=["status", "-id"], name="outgoing_by_status"),
            models.Index(fields=["channel", "address", "-id"], name="outgoing_of_address"),
        ]


class Phase(models.TextChoices):
    """`graver`: it has become worse than what was told; `assigned`: the person shall work on it."""

    BEGAN = "began"
    GRAVER = "graver"
    ASSIGNED = "assigned"
    ENDED = "ended"


class Telling(models.Model):
    """That one address shall be told of one turn of an incident. Without `outgoing` it waits until `due_at`;
    `dropped`: why it was not told after all. `severity`: that of the incident at the turn."""

    address = models.ForeignKey(Address, on_delete=models.CASCADE, related_name="tellings")
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="tellings")
    phase = models.CharField(max_length=20, choices=Phase.choices)
    severity = models.CharField(max_length=20)
    transition = models.BigIntegerField()
    made_at = models.DateTimeField()
    due_at = models.DateTimeField()
    outgoing = models.ForeignKey(Outgoing, null=True, on_delete=models.CASCADE, related_name="tellings")
    dropped = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["address", "transition"], name="one_telling_of_a_turn"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(outgoing=None, dropped=""), name="telling_waiting"),
        ]


class Reading(models.Model):
    """How far the transitions are read. `gaps`: numbers below `position` that were not there yet, [[first, last,
    ISO time], …]; a transaction that commits late fills them."""

    name = models.CharField(max_length=20, primary_key=True)
    position = models.BigIntegerField(default=0)
    gaps = models.JSONField(default=list)
