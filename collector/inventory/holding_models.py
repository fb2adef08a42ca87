"""What a terminal last said of its own computer: whole lists, such as its software, and findings."""

from django.db import models


class Holding(models.Model):
    """The newest list of `what`. `items` are those of the wire's InventoryItem as rows [name, version, vendor, sha256];
    `changes` is how it differs from the list before, see collector.inventory.holdings."""

    terminal = models.ForeignKey("inventory.Terminal", on_delete=models.CASCADE, related_name="holdings")
    what = models.CharField(max_length=80)
    at = models.DateTimeField()
    received_at = models.DateTimeField()
    epoch = models.BigIntegerField()
    seq = models.BigIntegerField()
    items = models.JSONField(default=list)
    left_off = models.IntegerField(default=0)
    changes = models.JSONField(default=dict)

    class Meta:
        ordering = ["what"]
        constraints = [models.UniqueConstraint(fields=["terminal", "what"], name="holding_once_per_terminal")]

    def __str__(self) -> str:
        return self.what


class Finding(models.Model):
    """The newest fact of that name about the computer: it is so until another says otherwise."""

    terminal = models.ForeignKey("inventory.Terminal", on_delete=models.CASCADE, related_name="findings")
    name = models.CharField(max_length=80)
    at = models.DateTimeField()
    epoch = models.BigIntegerField()
    seq = models.BigIntegerField()
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["terminal", "name"], name="finding_once_per_terminal")]

    def __str__(self) -> str:
        return self.name
