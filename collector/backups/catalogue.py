"""Keeps the catalogue in step with the storage and with what agents report. Opens and closes no
incident."""

from datetime import datetime

from collector.backups import holds, keeping, under_way
from collector.backups.models import Drill, Run, Snapshot
from collector.backups.place import Place, Put
from collector.backups.regimes import check_storage
from collector.backups.suspicion import Figures, suspicion
from collector.core import live
from collector.inventory.models import Terminal
from protocols.wire import v1
from protocols.wire.snapshot import SNAPSHOTS, Header, parse, split_name

BEFORE = 10
"""So many backups tell what is usual."""


store = keeping.store


def accept(terminal: Terminal, name: str, data: bytes, received_at: datetime, into: Place) -> Put:
    """Store one object; a snapshot is also entered. Both may be repeated: a row that a crash kept from being
    written is written when the agent, who got no answer, sends the object again."""
    kind, digest = split_name(name)
    if kind == SNAPSHOTS:
        check_storage(parse(data).header.engine)
    outcome = into.put_new(terminal.id, terminal.public_key, name, data)
    if kind == SNAPSHOTS:
        _enter(terminal, digest, data, received_at)
    return outcome


def accept_part(
    terminal: Terminal, name: str, data: bytes, received_at: datetime, into: Place, *, offset: int, total: int
) -> Put | None:
    """One slice of an object; with the last one it is as if it had come whole. None where more are to come."""
    outcome = into.put_part(terminal.id, terminal.public_key, name, offset=offset, total=total, data=data)
    kind, digest = split_name(name)
    if outcome is not None and kind == SNAPSHOTS:
        _enter(terminal, digest, into.get(terminal.id, name), received_at)
    return outcome


def record_backup(terminal_id: str, message: v1.Backup, received_at: datetime) -> Run:
    """To be called once per message, inside the transaction that stores the message."""
    live.publish_on_commit("backup", message.source, terminal=terminal_id)
    under_way.ended(terminal_id, message)
    return Run.objects.create(
        terminal_id=terminal_id,
        source=message.source,
        engine=message.engine,
        ok=message.ok,
        snapshot=message.snapshot,
        started_at=message.started_at,
        duration_s=message.duration_s,
        received_at=received_at,
        source_bytes=max(0, message.source_bytes),
        stored_bytes=max(0, message.stored_bytes),
        facts=message.facts,
        error=message.error,
    )


def record_drill(terminal_id: str, message: v1.Drill, received_at: datetime) -> Drill:
    """To be called once per message, inside the transaction that stores the message."""
    live.publish_on_commit("backup", message.source, terminal=terminal_id)
    return Drill.objects.create(
        terminal_id=terminal_id,
        source=message.source,
        snapshot=message.snapshot,
        ok=message.ok,
        started_at=message.started_at,
        duration_s=message.duration_s,
        received_at=received_at,
        facts=message.facts,
        error=message.error,
    )


def _enter(terminal: Terminal, digest: str, data: bytes, received_at: datetime) -> None:
    header = parse(data).header
    _, made = Snapshot.objects.get_or_create(
        terminal=terminal,
        digest=digest,
        defaults={
            "source": header.source,
            "engine": header.engine,
            "mode": header.mode,
            "sequence": header.sequence,
            "previous": header.previous,
            "agent_started_at": header.started_at,
            "agent_finished_at": header.finished_at,
            "received_at": received_at,
            "source_bytes": header.source_bytes,
            "stored_bytes": header.stored_bytes,
            "packs": len(header.packs),
            "changed_bytes": header.changed_bytes,
            "key_ids": " ".join(slot.id for slot in header.keys),
        },
    )
    if made:
        _suspect(terminal, header, received_at)


def _suspect(terminal: Terminal, header: Header, now: datetime) -> None:
    """Nothing is removed of a source that looks encrypted, until a person has looked."""
    rows = Snapshot.objects.filter(terminal=terminal, source=header.source, sequence__lt=header.sequence)
    before = [
        Figures(row.source_bytes, row.changed_bytes, row.stored_bytes)
        for row in rows.order_by("-id")[:BEFORE]
    ]
    odd = suspicion(Figures(header.source_bytes, header.changed_bytes, header.stored_bytes), before)
    if odd:
        holds.hold(terminal, header.source, why="suspicious", reason=odd, by="", now=now)
        holds.suspicious(terminal, header.source, now, odd)
