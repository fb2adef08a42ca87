"""What agents sent, as they sent it, and how far each stream is complete."""

from django.db import models

from collector.inventory.models import Terminal
from protocols.wire.v1 import Lane


class Stream(models.Model):
    """One epoch of a lane of one terminal's spool. Ordered: everything up to `complete_to` is stored without a gap,
    and `chain` is the link there (hex; "" where it is not known). Loose: `complete_to` is the highest number.
    `held` counts the messages."""

    terminal = models.ForeignKey(Terminal, on_delete=models.CASCADE, related_name="streams")
    epoch = models.BigIntegerField()
    lane = models.CharField(max_length=10, default=Lane.ORDERED.value)
    complete_to = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    chain = models.CharField(max_length=64, blank=True)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["terminal", "epoch"], name="stream_once")]


class Message(models.Model):
    """One message, exactly once. `at` is the terminal's time, `received_at` server time; `body` is the wire
    document; `link` its link in the chain of the ordered lane, in hex."""

    terminal = models.ForeignKey(Terminal, on_delete=models.CASCADE, related_name="messages")
    epoch = models.BigIntegerField()
    seq = models.BigIntegerField()
    kind = models.CharField(max_length=20)
    subject_kind = models.CharField(max_length=20, blank=True)
    subject_id = models.CharField(max_length=80, blank=True)
    at = models.DateTimeField()
    received_at = models.DateTimeField()
    body = models.JSONField()
    link = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["terminal", "epoch", "seq"], name="message_once")]
        indexes = [
            models.Index(fields=["terminal", "subject_kind", "subject_id", "-at"], name="message_timeline"),
            models.Index(fields=["terminal", "kind", "-at"], name="message_kind"),
        ]


class Session(models.Model):
    """One run of an agent that spoke with a terminal's key. Written only when the speaker changes: `last_at` is
    when it was last heard, known once another has taken its place."""

    terminal = models.ForeignKey(Terminal, on_delete=models.CASCADE, related_name="sessions")
    name = models.CharField(max_length=80)
    hostname = models.CharField(max_length=400, blank=True)
    boot_at = models.DateTimeField(null=True)
    address = models.CharField(max_length=80, blank=True)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    replaced_at = models.DateTimeField(null=True)
    returned_at = models.DateTimeField(null=True)
    returns = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-last_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["terminal", "name"], name="session_once")]


class Refusal(models.Model):
    """How often the door refused, per problem code and terminal ("" where it is not known)."""

    code = models.CharField(max_length=80)
    terminal = models.CharField(max_length=80, blank=True)
    count = models.PositiveBigIntegerField(default=0)
    last_at = models.DateTimeField()
    last_detail = models.CharField(max_length=400, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["code", "terminal"], name="refusal_once")]
