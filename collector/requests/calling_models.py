"""What the desk's own people are told of requests, each once: turns of a request, calls to an address, escalations."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from collector.notify.models import Channel, Outgoing
from collector.service.desk_models import Rung


class Phase(models.TextChoices):
    """`new`: nobody has it; `assigned`: the person shall work on it; `answered`: the customer said something to who
    has it; `reopened`: it was not solved after all."""

    NEW = "new"
    ASSIGNED = "assigned"
    ANSWERED = "answered"
    REOPENED = "reopened"


class Turn(models.Model):
    """That somebody may have to hear of a line of the log, written with it. `heard_at`: when a worker decided whom to
    tell, which one of them does. `silent`: why nobody was told: over, taken, double (the shop said the same before)."""

    entry = models.OneToOneField("requests.Entry", on_delete=models.CASCADE, related_name="turn")
    request = models.ForeignKey("requests.Request", on_delete=models.CASCADE, related_name="turns")
    phase = models.CharField(max_length=20, choices=Phase.choices)
    made_at = models.DateTimeField()
    heard_at = models.DateTimeField(null=True)
    silent = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["id"], condition=Q(heard_at=None), name="request_turn_unheard")]


class Call(models.Model):
    """That one address shall be told of one turn. Without `outgoing` it waits until `due_at`; `dropped`: why it was
    not told after all."""

    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="calls")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    channel = models.CharField(max_length=20, choices=Channel.choices)
    address = models.CharField(max_length=1000)
    due_at = models.DateTimeField()
    outgoing = models.ForeignKey(Outgoing, null=True, on_delete=models.CASCADE, related_name="calls")
    dropped = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["turn", "channel", "address"], name="one_call_of_a_turn"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(outgoing=None, dropped=""), name="call_waiting"),
        ]


class Escalation(models.Model):
    """As service.Escalation, of a request: whoever writes this row tells. `told`: user numbers."""

    request = models.ForeignKey("requests.Request", on_delete=models.CASCADE, related_name="escalations")
    rung = models.ForeignKey(Rung, on_delete=models.CASCADE, related_name="+")
    occurrence = models.CharField(max_length=60)
    at = models.DateTimeField()
    percent = models.FloatField(null=True)
    told = models.JSONField(default=list)

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["request", "rung", "occurrence"], name="request_escalation_once")
        ]


class Watch(models.Model):
    """When the chain has to look at a request again, as long as nothing happens to it: it was as it is since
    `touched_at`."""

    request = models.OneToOneField(
        "requests.Request", primary_key=True, on_delete=models.CASCADE, related_name="watch"
    )
    touched_at = models.DateTimeField()
    look_at = models.DateTimeField(null=True)
