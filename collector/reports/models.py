"""Monthly reports as they were made. A report is written once and never changed; one that is made again is a new
number."""

from django.db import models

from collector.inventory.models import Customer


class Report(models.Model):
    """`facts` is facts.Facts; `digest` the SHA-256 of its canonical JSON, by which a printed copy is known."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="reports")
    month = models.DateField()
    number = models.PositiveIntegerField(default=1)
    facts = models.JSONField()
    digest = models.CharField(max_length=64)
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["-month", "customer__name", "-number"]
        constraints = [models.UniqueConstraint(fields=["customer", "month", "number"], name="report_once")]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"
