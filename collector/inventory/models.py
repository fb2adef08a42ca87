"""Customers, sites, terminals and devices as they are now. Times are server time unless the name says
`device`."""

import uuid

from django.db import models

from protocols.wire.v1 import Contact


class Customer(models.Model):
    name = models.CharField(max_length=200)
    registration_number = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Site(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="sites")
    name = models.CharField(max_length=200)
    address = models.CharField(max_length=300, blank=True)
    city = models.CharField(max_length=100, blank=True)
    time_zone = models.CharField(max_length=60, default="Europe/Riga")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


def new_terminal_id() -> str:
    return str(uuid.uuid4())


class Terminal(models.Model):
    """A till's computer. `public_key` is the raw Ed25519 key in base64url; the private one never leaves the
    till."""

    id = models.CharField(primary_key=True, max_length=40, default=new_terminal_id, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="terminals")
    name = models.CharField(max_length=100)
    public_key = models.CharField(max_length=50, unique=True)
    hostname = models.CharField(max_length=400, blank=True)
    os = models.CharField(max_length=400, blank=True)
    agent_version = models.CharField(max_length=80, blank=True)
    enrolled_at = models.DateTimeField()
    boot_at = models.DateTimeField(null=True)
    last_seen_at = models.DateTimeField(null=True, db_index=True)
    queue_messages = models.IntegerField(default=0)
    queue_oldest_at = models.DateTimeField(null=True)
    clock_offset_s = models.FloatField(null=True)
    sample = models.JSONField(default=dict)
    sample_at = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class EnrolCode(models.Model):
    """One-time and short-lived. Only a hash of the secret is kept."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="enrol_codes")
    terminal_name = models.CharField(max_length=100, blank=True)
    secret_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    terminal = models.ForeignKey(Terminal, null=True, on_delete=models.SET_NULL)


class Device(models.Model):
    """Something attached to a terminal; it appears by itself with what it says of itself. `name` is its id
    in the agent's configuration; `state` holds the known fields of protocols' DeviceState."""

    terminal = models.ForeignKey(Terminal, on_delete=models.CASCADE, related_name="devices")
    name = models.CharField(max_length=80)
    family = models.CharField(max_length=80, blank=True)
    port = models.CharField(max_length=400, blank=True)
    contact = models.CharField(
        max_length=20, choices=[(c.value, c.value) for c in Contact], default=Contact.UNKNOWN.value
    )
    reason = models.CharField(max_length=400, blank=True)
    profile = models.CharField(max_length=400, blank=True)
    identity = models.JSONField(default=dict)
    state = models.JSONField(default=dict)
    state_at = models.DateTimeField(null=True)
    state_since = models.DateTimeField(null=True)
    last_good_at = models.DateTimeField(null=True)
    round_trip_ms = models.FloatField(null=True)
    first_seen_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["terminal", "name"], name="device_once_per_terminal")]

    def __str__(self) -> str:
        return self.name
