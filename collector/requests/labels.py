"""The label on a till: a signed address that opens the report page of that till and of nothing else. A new edition
makes the old labels worthless."""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from collector.inventory.models import Terminal
from collector.requests import tokens
from collector.requests.models import Label


def address(terminal: Terminal, now: datetime) -> str:
    """What stands in the picture; the label is made when it is first needed."""
    label, _made = Label.objects.get_or_create(terminal=terminal, defaults={"made_at": now})
    word = tokens.of_label(terminal.pk, label.edition)
    return f"{settings.CONFIG.public_url}/t/{label.pk}-{word}"


def terminal_of(token: str) -> Terminal | None:
    """The till whose label this is; None for a wrong, an old or a retired one."""
    number, _dash, word = token.partition("-")
    if not (number.isascii() and number.isdigit() and len(number) < 12 and word):
        return None
    label = Label.objects.filter(pk=int(number), terminal__retired_at=None).first()
    if label is None or not tokens.is_label(label.terminal_id, label.edition, word):
        return None
    return Terminal.objects.select_related("site__customer").get(pk=label.terminal_id)


@transaction.atomic
def renew(terminal: Terminal, now: datetime) -> None:
    """Old labels open nothing from now on."""
    label, _made = Label.objects.select_for_update().get_or_create(
        terminal=terminal, defaults={"made_at": now}
    )
    label.edition += 1
    label.made_at = now
    label.save()
