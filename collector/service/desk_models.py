"""Queues with their rules, the people who work them, who is on call, and what was told up the chain."""

from django.conf import settings
from django.db import models
from django.utils.translation import get_language

from collector.incidents.models import Incident


class Queue(models.Model):
    """`key` is what `Incident.queue` holds. `automatic`: work is given to a person by itself where one is free."""

    key = models.CharField(primary_key=True, max_length=40)
    lv = models.CharField(max_length=100)
    en = models.CharField(max_length=100)
    ru = models.CharField(max_length=100)
    order = models.PositiveSmallIntegerField(default=0)
    automatic = models.BooleanField(default=False)

    class Meta:
        ordering = ["order", "key"]

    def __str__(self) -> str:
        """In the language of the reader."""
        names = {"lv": self.lv, "ru": self.ru}
        return names.get(get_language() or "", self.en)


class QueueRule(models.Model):
    """`match`: the fields of routing.Rule that narrow, each a list. The first that fits decides, by `order`."""

    queue = models.ForeignKey(Queue, on_delete=models.CASCADE, related_name="rules")
    name = models.CharField(max_length=100)
    order = models.PositiveSmallIntegerField(default=100)
    match = models.JSONField(default=dict)
    skills = models.JSONField(default=list)
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["order", "id"]


class Worker(models.Model):
    """What the desk knows of a person who works: `capacity` in the weights of `assigning.weight`, `hours` on the wall
    clock of the service company as Site.hours has them; none: always."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="worker")
    town = models.CharField(max_length=100, blank=True)
    capacity = models.PositiveSmallIntegerField(default=12)
    skills = models.JSONField(default=list)
    hours = models.JSONField(default=dict)
    phone = models.CharField(max_length=40, blank=True)


class Member(models.Model):
    queue = models.ForeignKey(Queue, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="queues")
    lead = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["queue", "user"], name="member_once")]


class Absence(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="absences")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["starts_at"]


class Rota(models.Model):
    """People take turns in the order of `RotaPerson`. `level` 1 is called first. `queue` None: for all of them."""

    name = models.CharField(max_length=100)
    queue = models.ForeignKey(Queue, null=True, blank=True, on_delete=models.PROTECT, related_name="rotas")
    level = models.PositiveSmallIntegerField(default=1)
    time_zone = models.CharField(max_length=60, default="Europe/Riga")
    starts_on = models.DateField()
    handover = models.TimeField()
    turn_days = models.PositiveSmallIntegerField(default=7)
    hours = models.JSONField(default=dict)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name", "level"]


class RotaPerson(models.Model):
    rota = models.ForeignKey(Rota, on_delete=models.CASCADE, related_name="people")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    order = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["order"]
        constraints = [models.UniqueConstraint(fields=["rota", "user"], name="rota_person_once")]


class Swap(models.Model):
    """`asker` asks `asked` to take [starts_at, ends_at); in return takes [back_starts_at, back_ends_at) where there is
    one. `state` is of flow.SWAPS."""

    rota = models.ForeignKey(Rota, on_delete=models.CASCADE, related_name="swaps")
    asker = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    asked = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    back_starts_at = models.DateTimeField(null=True)
    back_ends_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=20, default="asked")
    note = models.CharField(max_length=400, blank=True)
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-asked_at", "-id"]


class Override(models.Model):
    """Somebody else for a time; `user` None: nobody, on purpose. One that was taken back has `cancelled_at`."""

    rota = models.ForeignKey(Rota, on_delete=models.CASCADE, related_name="overrides")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=400, blank=True)
    swap = models.ForeignKey(Swap, null=True, on_delete=models.SET_NULL, related_name="overrides")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]


class Chain(models.Model):
    """For incidents of `priority` and graver; `queue` None: of every queue."""

    name = models.CharField(max_length=100)
    queue = models.ForeignKey(Queue, null=True, blank=True, on_delete=models.CASCADE, related_name="chains")
    priority = models.PositiveSmallIntegerField(default=4)
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["id"]


class Rung(models.Model):
    """`trigger` and `targets` are of `chain`; `threshold` in per cent for times, in minutes for silence."""

    chain = models.ForeignKey(Chain, on_delete=models.CASCADE, related_name="rungs")
    order = models.PositiveSmallIntegerField(default=0)
    trigger = models.CharField(max_length=20)
    threshold = models.FloatField()
    targets = models.JSONField(default=list)

    class Meta:
        ordering = ["order", "id"]


class Escalation(models.Model):
    """It was told, once per rung and occurrence: whoever writes this row tells. `told`: user numbers."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="escalations")
    rung = models.ForeignKey(Rung, on_delete=models.CASCADE, related_name="+")
    occurrence = models.CharField(max_length=60)
    at = models.DateTimeField()
    percent = models.FloatField(null=True)
    told = models.JSONField(default=list)

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["incident", "rung", "occurrence"], name="escalation_once")
        ]


class Watch(models.Model):
    """When the chain has to look at an incident again, as long as nothing happens to it: `step` was its last one."""

    incident = models.OneToOneField(
        Incident, primary_key=True, on_delete=models.CASCADE, related_name="watch"
    )
    step = models.BigIntegerField()
    look_at = models.DateTimeField(null=True)


class Round(models.Model):
    """When a duty that need not run every second ran last; who moves `at` on has the round."""

    name = models.CharField(primary_key=True, max_length=40)
    at = models.DateTimeField()
