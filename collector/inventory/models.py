"""Customers, sites, terminals and devices as they are now. Times are server time unless the name says
`device`."""

import uuid

from django.conf import settings
from django.db import models

from collector.core.models import Language
from collector.inventory import (  # noqa: F401 - Django looks for models here
    desired_models,
    holding_models,
    maintenance_models,
)
from protocols.wire.v1 import Contact


class Customer(models.Model):
    name = models.CharField(max_length=200)
    registration_number = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ContactPerson(models.Model):
    """Of a customer. `user`: may sign in to the portal; `sites`: sees these only, all where there are
    none. `phone` and `email` are how the contract says to reach them."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="contacts")
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="contact"
    )
    name = models.CharField(max_length=200)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    language = models.CharField(max_length=5, choices=Language.choices, default=Language.LV)
    sites: "models.ManyToManyField[Site, models.Model]" = models.ManyToManyField(
        "Site", blank=True, related_name="contacts"
    )
    takes_notices = models.BooleanField(default=True)
    confirms_eds = models.BooleanField(default=False)
    approves_paid_work = models.BooleanField(default=False)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Site(models.Model):
    """`provider` and `region`: whose line it is and where, so that many shops that fall at once have one cause.
    `hours`: opening hours in the time zone of the shop, {"mon": [["09:00", "22:00"], …], …}; a day that is not there is
    closed; empty: not known."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="sites")
    name = models.CharField(max_length=200)
    address = models.CharField(max_length=300, blank=True)
    city = models.CharField(max_length=100, blank=True)
    time_zone = models.CharField(max_length=60, default="Europe/Riga")
    needs_approval = models.BooleanField(default=False)
    provider = models.CharField(max_length=100, blank=True)
    region = models.CharField(max_length=100, blank=True)
    hours = models.JSONField(default=dict)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


def new_terminal_id() -> str:
    return str(uuid.uuid4())


class Terminal(models.Model):
    """A till's computer. `public_key` is the raw Ed25519 key in base64url; the private one never leaves the
    till. `waits_since`: enrolled, and nobody has approved it yet. `quarantined_at`: two speak with its key;
    `chosen_session` is the one that a person took for the right one. `machine` is protocols' Machine. `stopped_at`: it
    was shut down cleanly then, by its own clock, and has not started since. `receipt_at`: a receipt was last seen
    open."""

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
    loose_held = models.BigIntegerField(default=0)
    clock_offset_s = models.FloatField(null=True)
    sample = models.JSONField(default=dict)
    sample_at = models.DateTimeField(null=True)
    sample_epoch = models.BigIntegerField(default=0)
    sample_seq = models.BigIntegerField(default=0)
    retired_at = models.DateTimeField(null=True)
    waits_since = models.DateTimeField(null=True, db_index=True)
    key_since = models.DateTimeField(null=True)
    rekey_wanted_at = models.DateTimeField(null=True)
    quarantined_at = models.DateTimeField(null=True)
    session = models.CharField(max_length=80, blank=True)
    chosen_session = models.CharField(max_length=80, blank=True)
    machine = models.JSONField(default=dict)
    stopped_at = models.DateTimeField(null=True)
    receipt_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Asset(models.Model):
    """What a person wrote down about a till's computer, standing in front of it."""

    terminal = models.OneToOneField(Terminal, on_delete=models.CASCADE, related_name="asset")
    maker = models.CharField(max_length=100, blank=True)
    model = models.CharField(max_length=100, blank=True)
    serial = models.CharField(max_length=100, blank=True)
    place = models.CharField(max_length=200, blank=True)
    note = models.TextField(blank=True, max_length=1000)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )


class IdentityChange(models.Model):
    """One line in the life of a terminal's identity; written once and never changed. `by` is None where Plomba
    acted itself. `kind` is one of `identity.KINDS`."""

    terminal = models.ForeignKey(Terminal, on_delete=models.CASCADE, related_name="identity_changes")
    kind = models.CharField(max_length=20)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["terminal", "-at"], name="identity_change")]


class EnrolCode(models.Model):
    """One-time and short-lived. Only a hash of the secret is kept. A claim of a key that a till has shown is a
    code, too: its secret is the key."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="enrol_codes")
    terminal_name = models.CharField(max_length=100, blank=True)
    secret_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    terminal = models.ForeignKey(Terminal, null=True, on_delete=models.SET_NULL)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    asset = models.JSONField(default=dict)


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
    state_epoch = models.BigIntegerField(default=0)
    state_seq = models.BigIntegerField(default=0)
    last_good_at = models.DateTimeField(null=True)
    round_trip_ms = models.FloatField(null=True)
    first_seen_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["terminal", "name"], name="device_once_per_terminal")]

    def __str__(self) -> str:
        return self.name
