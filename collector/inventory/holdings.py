"""Keeps what a terminal last said of its own computer. Called inside the ingest transaction; messages may come in any
order, and an old one changes nothing."""

from collections.abc import Sequence
from datetime import datetime

from collector.core import live
from collector.inventory.holding_models import Finding, Holding
from collector.inventory.record import record_stop
from protocols.wire import v1

KEPT = ("host.", "pos.", "software.")
"""Facts of these names are findings; all others are moments of the timeline only."""
CHANGES = 200
"""More changes than this between two lists are counted, not named."""

Row = list[str]
Changes = dict[str, list[list[str]] | int]


def record(terminal_id: str, epoch: int, message: v1.Fact | v1.Inventory, received_at: datetime) -> None:
    if isinstance(message, v1.Inventory):
        _record_inventory(terminal_id, epoch, message, received_at)
    else:
        record_stop(terminal_id, message)
        _record_finding(terminal_id, epoch, message)


def _record_inventory(terminal_id: str, epoch: int, inventory: v1.Inventory, received_at: datetime) -> None:
    rows = [[item.name, item.version, item.vendor, item.sha256] for item in inventory.items]
    last = Holding.objects.filter(terminal_id=terminal_id, what=inventory.what).first()
    if last and (epoch, inventory.seq) <= (last.epoch, last.seq):
        return
    now = {
        "at": inventory.at,
        "received_at": received_at,
        "epoch": epoch,
        "seq": inventory.seq,
        "items": rows,
        "left_off": inventory.left_off,
        "changes": differences(last.items, rows) if last else {},
    }
    Holding.objects.update_or_create(terminal_id=terminal_id, what=inventory.what, defaults=now)
    live.publish_on_commit("terminal", terminal_id)


def _record_finding(terminal_id: str, epoch: int, fact: v1.Fact) -> None:
    if fact.subject.kind is not v1.SubjectKind.TERMINAL or not fact.name.startswith(KEPT):
        return
    last = Finding.objects.filter(terminal_id=terminal_id, name=fact.name).first()
    if last and (epoch, fact.seq) <= (last.epoch, last.seq):
        return
    now = {"at": fact.at, "epoch": epoch, "seq": fact.seq, "detail": dict(fact.detail)}
    Finding.objects.update_or_create(terminal_id=terminal_id, name=fact.name, defaults=now)
    live.publish_on_commit("terminal", terminal_id)


def differences(before: Sequence[Row], now: Sequence[Row]) -> Changes:
    """`new` and `gone` as [name, version], `changed` as [name, version before, version now]: the same name with one
    version before and one now. `left_off` counts what there was no room for. Empty where nothing differs."""
    was, have = _by_name(before), _by_name(now)
    new, gone, changed = [], [], []
    for name in sorted(was.keys() | have.keys()):
        old, recent = (
            was.get(name, set()) - have.get(name, set()),
            have.get(name, set()) - was.get(name, set()),
        )
        if len(old) == len(recent) == 1:
            changed.append([name, old.pop()[0], recent.pop()[0]])
            continue
        gone += [[name, version] for version, _digest in sorted(old)]
        new += [[name, version] for version, _digest in sorted(recent)]
    parts = {"changed": changed, "new": new, "gone": gone}
    found: Changes = {key: rows[:CHANGES] for key, rows in parts.items() if rows}
    left_off = sum(max(len(rows) - CHANGES, 0) for rows in parts.values())
    return {**found, "left_off": left_off} if left_off else found


def _by_name(rows: Sequence[Row]) -> dict[str, set[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = {}
    for name, version, _vendor, digest in rows:
        found.setdefault(name, set()).add((version, digest))
    return found
