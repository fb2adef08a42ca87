"""Contact persons: what is kept of them, and their end."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import cast

from django.db import transaction

from collector.inventory.models import ContactPerson, Site

FIELDS = (
    "customer", "name", "email", "phone", "language", "takes_notices", "confirms_eds", "approves_paid_work"
)  # fmt: skip


@transaction.atomic
def save(person: ContactPerson, given: Mapping[str, object]) -> ContactPerson:
    """`given`: FIELDS, and `sites` as rows of the customer; none for all."""
    for name in FIELDS:
        setattr(person, name, given[name])
    person.save()
    person.sites.set(cast(Iterable[Site], given.get("sites") or ()))
    if person.user:
        person.user.language = person.language
        person.user.save(update_fields=["language"])
    return person


@transaction.atomic
def retire(person: ContactPerson, now: datetime, *, retired: bool) -> None:
    """The account is shut with it: open sessions end with the next click."""
    person.retired_at = now if retired else None
    person.save(update_fields=["retired_at"])
    if person.user:
        person.user.is_active = not retired
        person.user.save(update_fields=["is_active"])
