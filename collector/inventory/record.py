"""Writes what agents tell into the inventory. Called inside the ingest transaction, in the order of the
messages."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import F, Q

from collector.core import live
from collector.inventory import identity
from collector.inventory.models import Device, Terminal
from protocols.wire import v1

STOPPED = "agent.stopped"
_CONTACT = (
    "UPDATE inventory_terminal"
    " SET last_seen_at = %s, queue_messages = %s, queue_oldest_at = %s, clock_offset_s = %s,"
    " loose_held = loose_held + %s WHERE id = %s RETURNING loose_held"
)
_CONTACT_AND_SAMPLE = _CONTACT.replace(
    " WHERE", ", sample = %s, sample_at = %s, sample_epoch = %s, sample_seq = %s WHERE"
)
"""Plain SQL: this runs for every report, and the query builder would cost more than the rest together."""


def record_contact(
    report: v1.Report, received_at: datetime, samples: Sequence[v1.Sample] = (), loose: int = 0
) -> int:
    """A report came: the terminal is alive, and its clock differs from ours by `clock_offset_s` (plus:
    ahead). The newest figures of the terminal itself come with it; those of devices stay on the timeline
    only. `loose` messages of the loose lane are new; how many of them are here now."""
    queue = report.queue or v1.Queue(messages=0)
    values: list[str | int | float | None] = [
        _time(received_at),
        min(queue.messages, 2_147_483_647),
        _time(queue.oldest_at) if queue.oldest_at else None,
        round((report.sent_at - received_at).total_seconds(), 3),
        loose,
    ]
    own = [sample for sample in samples if sample.subject.kind is v1.SubjectKind.TERMINAL]
    with connection.cursor() as cursor:
        merged = _merged(cursor, report, own) if own else None
        if merged is not None:
            values += [json.dumps(merged), _time(own[-1].at), report.epoch, own[-1].seq]
        cursor.execute(_CONTACT if merged is None else _CONTACT_AND_SAMPLE, [*values, report.terminal])
        row = cursor.fetchone()
    live.publish_on_commit("terminal", report.terminal)
    return int(row[0]) if row else loose


def add_loose(terminal_id: str, loose: int) -> None:
    """So many messages of the loose lane came by another way than a report."""
    Terminal.objects.filter(pk=terminal_id).update(loose_held=F("loose_held") + loose)


def _merged(
    cursor: CursorWrapper, report: v1.Report, samples: Sequence[v1.Sample]
) -> dict[str, float] | None:
    """Figures come in several samples; each stays until a newer one of its name. None where newer ones are there
    already: after a time without a line the newest come first."""
    cursor.execute(
        "SELECT sample, sample_epoch, sample_seq FROM inventory_terminal WHERE id = %s", [report.terminal]
    )
    row = cursor.fetchone()
    if row and (report.epoch, samples[-1].seq) <= (row[1], row[2]):
        return None
    merged: dict[str, float] = json.loads(row[0]) if row else {}
    for sample in samples:
        merged |= sample.values
    return merged


def _time(value: datetime) -> str:
    return str(connection.ops.adapt_datetimefield_value(value.astimezone(UTC)))


def record_hello(terminal_id: str, hello: v1.Hello, received_at: datetime) -> None:
    """The agent's start: the machine, and the devices that its configuration names. A device that is no
    longer named is retired; it comes back with its history when it is named again."""
    Terminal.objects.filter(id=terminal_id).update(
        hostname=hello.hostname,
        os=hello.os,
        agent_version=hello.agent,
        boot_at=hello.boot_at,
        stopped_at=None,
    )
    if hello.machine:
        identity.record_machine(terminal_id, hello.machine, received_at)
    for info in hello.devices:
        Device.objects.update_or_create(
            terminal_id=terminal_id,
            name=info.id,
            defaults={"family": info.family, "port": info.port, "retired_at": None},
            create_defaults={"family": info.family, "port": info.port, "first_seen_at": received_at},
        )
    named = [info.id for info in hello.devices]
    gone = Device.objects.filter(Q(terminal_id=terminal_id, retired_at=None) & ~Q(name__in=named))
    gone.update(retired_at=received_at)


def record_stop(terminal_id: str, fact: v1.Fact) -> None:
    """The agent's clean stop; nothing for other facts. The next start takes it back."""
    if fact.name == STOPPED and fact.subject.kind is v1.SubjectKind.TERMINAL:
        Terminal.objects.filter(pk=terminal_id).update(stopped_at=fact.at)


def record_state(terminal_id: str, epoch: int, state: v1.State, received_at: datetime) -> None:
    """The whole state of one device, unless a newer one is there: after a time without a line the newest come
    first. A device that was never named before appears by itself. `state_since` moves only when contact or state
    differ from before."""
    device, _ = Device.objects.get_or_create(
        terminal_id=terminal_id, name=state.device, defaults={"first_seen_at": received_at}
    )
    if (epoch, state.seq) <= (device.state_epoch, device.state_seq):
        return
    device.state_epoch, device.state_seq = epoch, state.seq
    if device.state_since is None or (device.contact, device.state) != (state.contact.value, state.state):
        device.state_since = state.at
    device.contact, device.reason = state.contact.value, state.reason
    device.state, device.state_at = dict(state.state), state.at
    device.last_good_at = state.last_good_at or device.last_good_at
    device.round_trip_ms = state.round_trip_ms
    device.profile = state.profile or device.profile
    device.identity = {**device.identity, **state.identity}
    device.save()
    if state.state.get("receipt_open") is True:
        Terminal.objects.filter(pk=terminal_id).update(receipt_at=state.at)
    live.publish_on_commit("device", device.pk, terminal=terminal_id)
