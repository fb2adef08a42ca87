"""The wished configuration: every version of every level, and how far each terminal has come with it."""

from django.db import models
from django.db.models import Q

_OF = ("customer", "site", "terminal")


def _one_of() -> Q:
    """Exactly one of the three is named."""
    found = Q()
    for name in _OF:
        found |= Q(**{f"{other}__isnull": other != name for other in _OF})
    return found


class DesiredVersion(models.Model):
    """What one level says, from `at` until its next version. Never edited: going back is a new version with the old
    text. `text` is TOML as a person wrote it, `author` stays as a name when the account goes."""

    customer = models.ForeignKey("inventory.Customer", null=True, on_delete=models.CASCADE)
    site = models.ForeignKey("inventory.Site", null=True, on_delete=models.CASCADE)
    terminal = models.ForeignKey("inventory.Terminal", null=True, on_delete=models.CASCADE)
    number = models.PositiveIntegerField()
    text = models.TextField(blank=True)
    author = models.CharField(max_length=150)
    at = models.DateTimeField()
    comment = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.CheckConstraint(condition=_one_of(), name="desired_of_one"),
            *(models.UniqueConstraint(fields=[name, "number"], name=f"desired_once_{name}") for name in _OF),
        ]


class DesiredState(models.Model):
    """`number` and `digest` are of what is wished now, 0 and "" where nothing ever was; what begins with `told_` and
    the rest is what the terminal said of the version that it judged last."""

    terminal = models.OneToOneField(
        "inventory.Terminal", primary_key=True, on_delete=models.CASCADE, related_name="desired"
    )
    number = models.PositiveIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)
    changed_at = models.DateTimeField(null=True)
    told_number = models.PositiveIntegerField(default=0)
    told_digest = models.CharField(max_length=64, blank=True)
    told_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, blank=True)
    holds = models.PositiveIntegerField(default=0)
    code = models.CharField(max_length=80, blank=True)
    key = models.CharField(max_length=160, blank=True)
    error = models.CharField(max_length=400, blank=True)
    differs = models.JSONField(default=list)
    left_off = models.PositiveIntegerField(default=0)

    @property
    def is_answered(self) -> bool:
        return self.told_digest == self.digest
