"""What happens to a terminal's identity after it was enrolled: approval, a new key, another disk or board. Each
leaves a line in `IdentityChange`, which is the change history of the till."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from collector.core import live
from collector.inventory.models import IdentityChange, Terminal
from protocols.errors import PlombaError
from protocols.wire import v1

KINDS = (
    "enrolled",
    "approved",
    "rejected",
    "rekey_wanted",
    "rekeyed",
    "quarantined",
    "chosen",
    "machine_changed",
    "asset_recorded",
)


class IdentityRefused(PlombaError):
    """`identity.not_waiting`: somebody else was quicker."""

    code = "identity.refused"


def note(
    terminal: Terminal,
    kind: str,
    at: datetime,
    *,
    by: int | None = None,
    detail: Mapping[str, object] | None = None,
) -> None:
    IdentityChange.objects.create(terminal=terminal, kind=kind, at=at, by_id=by, detail=dict(detail or {}))
    live.publish_on_commit("terminal", terminal.id)


@transaction.atomic
def approve(terminal_id: str, by: int, now: datetime) -> Terminal:
    """From now on it is one of ours, and its reports are taken. IdentityRefused where it does not wait."""
    terminal = _waiting(terminal_id)
    terminal.waits_since, terminal.enrolled_at = None, now
    terminal.save(update_fields=["waits_since", "enrolled_at"])
    note(terminal, "approved", now, by=by)
    return terminal


@transaction.atomic
def reject(terminal_id: str, by: int, now: datetime) -> Terminal:
    """It is none of ours: retired, its reports stay refused."""
    terminal = _waiting(terminal_id)
    terminal.waits_since, terminal.retired_at = None, now
    terminal.save(update_fields=["waits_since", "retired_at"])
    note(terminal, "rejected", now, by=by)
    return terminal


def _waiting(terminal_id: str) -> Terminal:
    rows = Terminal.objects.select_for_update(of=("self",))
    terminal = rows.filter(pk=terminal_id, waits_since__isnull=False, retired_at=None).first()
    if terminal is None:
        raise IdentityRefused("it does not wait for an approval any more", code="identity.not_waiting")
    return terminal


@transaction.atomic
def want_rekey(terminal_id: str, by: int, now: datetime) -> None:
    """The terminal hears of it with its next receipt."""
    terminal = Terminal.objects.select_for_update(of=("self",)).get(pk=terminal_id)
    if terminal.rekey_wanted_at is None:
        terminal.rekey_wanted_at = now
        terminal.save(update_fields=["rekey_wanted_at"])
        note(terminal, "rekey_wanted", now, by=by)


def rekey_waits(terminals: Collection[str], now: datetime) -> set[str]:
    """For which of them the collector wishes a new key: a person asked, or the key is too old."""
    if not terminals:
        return set()
    oldest = now - timedelta(days=settings.CONFIG.identity.key_days)
    with connection.cursor() as cursor:
        places = ", ".join(["%s"] * len(terminals))
        cursor.execute(_REKEY.format(places), [*terminals, _time(oldest)])
        return {str(row[0]) for row in cursor.fetchall()}


_REKEY = (
    "SELECT id FROM inventory_terminal WHERE id IN ({})"
    " AND (rekey_wanted_at IS NOT NULL OR COALESCE(key_since, enrolled_at) < %s)"
)
"""Plain SQL: it runs with every group of reports."""


def _time(value: datetime) -> str:
    return str(connection.ops.adapt_datetimefield_value(value.astimezone(UTC)))


def record_machine(terminal_id: str, machine: v1.Machine, at: datetime) -> None:
    """What the computer is known by now, inside the ingest transaction. A part that differs from the one that
    was known is a change; one that is told for the first time, or not told, is none."""
    terminal = Terminal.objects.get(pk=terminal_id)
    now = {name: value for name, value in machine.model_dump().items() if value}
    changed = {
        name: {"before": terminal.machine[name], "now": value}
        for name, value in now.items()
        if name in terminal.machine and terminal.machine[name] != value
    }
    if terminal.machine | now == terminal.machine:
        return
    Terminal.objects.filter(pk=terminal_id).update(machine=terminal.machine | now)
    if changed:
        note(terminal, "machine_changed", at, detail=changed)


def was_used(public_key: str) -> bool:
    """By a terminal now, or before a change of its key: no key comes back."""
    return (
        Terminal.objects.filter(public_key=public_key).exists()
        or IdentityChange.objects.filter(kind="rekeyed", detail__before=public_key).exists()
    )
