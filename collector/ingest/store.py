"""Stores the messages of one report exactly once and hands the new ones on, in order, inside the transaction
that runs. A message is new where its number is beyond what its stream holds."""

from collections.abc import Sequence
from datetime import UTC, datetime

from django.db import connection

from collector.ingest import handing
from collector.ingest.models import Stream
from collector.ingest.parsing import Parsed
from collector.ingest.problem import Refused
from collector.inventory import record
from protocols.wire import v1

Streams = dict[tuple[str, int], Stream]

_INSERT = (
    "INSERT INTO ingest_message"
    " (terminal_id, epoch, seq, kind, subject_kind, subject_id, at, received_at, body) VALUES "
)
_CONFLICT = " ON CONFLICT (terminal_id, epoch, seq) DO NOTHING RETURNING seq"


def lock_streams(reports: Sequence[v1.Report], now: datetime) -> Streams:
    """The streams of these reports, made where they are new, locked until the end of the transaction."""
    wanted = {(report.terminal, report.epoch) for report in reports}
    found = _locked(wanted)
    missing = sorted(wanted - found.keys())
    if missing:
        rows = [Stream(terminal_id=t, epoch=e, first_at=now, last_at=now) for t, e in missing]
        Stream.objects.bulk_create(rows, ignore_conflicts=True)
        found |= _locked(set(missing))
    return found


def store(parsed: Parsed, received_at: datetime, streams: Streams) -> int:
    """Up to where the stream is complete now. Refused with `report.gap` where messages before these are
    missing."""
    report = parsed.report
    stream = streams[report.terminal, report.epoch]
    fresh = [i for i, message in enumerate(report.messages) if message.seq > stream.complete_to]
    for expected, i in enumerate(fresh, stream.complete_to + 1):
        if report.messages[i].seq != expected:
            raise Refused("report.gap", terminal=report.terminal, complete_to=stream.complete_to)
    new = _insert(parsed, fresh, received_at) if fresh else set()
    messages = [report.messages[i] for i in fresh if report.messages[i].seq in new]
    record.record_contact(report, received_at, [m for m in messages if isinstance(m, v1.Sample)])
    for message in messages:
        handing.hand_on(report.terminal, message, received_at, report.sent_at)
    if fresh:
        _advance(stream, report.messages[fresh[-1]].seq, received_at)
    return stream.complete_to


def _advance(stream: Stream, complete_to: int, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ingest_stream SET complete_to = %s, last_at = %s WHERE id = %s",
            [complete_to, _time(at), stream.pk],
        )
    stream.complete_to = complete_to


def _locked(wanted: set[tuple[str, int]]) -> Streams:
    rows = Stream.objects.select_for_update(of=("self",)).filter(
        terminal_id__in={terminal for terminal, _ in wanted}, epoch__in={epoch for _, epoch in wanted}
    )
    found = {(row.terminal_id, row.epoch): row for row in rows.order_by("terminal_id", "epoch")}
    return {key: row for key, row in found.items() if key in wanted}


def _insert(parsed: Parsed, which: Sequence[int], received_at: datetime) -> set[int]:
    """The numbers that were not there before."""
    report = parsed.report
    values: list[str | int] = []
    for i in which:
        message = report.messages[i]
        kind, subject_id = _subject(message)
        values += [report.terminal, report.epoch, message.seq, message.kind, kind, subject_id]
        values += [_time(message.at), _time(received_at), parsed.bodies[i]]
    row = "(" + ", ".join(["%s"] * 9) + ")"
    with connection.cursor() as cursor:
        cursor.execute(_INSERT + ", ".join([row] * len(which)) + _CONFLICT, values)
        return {found[0] for found in cursor.fetchall()}


def _time(value: datetime) -> str:
    return str(connection.ops.adapt_datetimefield_value(value.astimezone(UTC)))


def _subject(message: v1.AnyMessage) -> tuple[str, str]:
    """What the message is about, as the timeline asks for it."""
    match message:
        case v1.State():
            return v1.SubjectKind.DEVICE.value, message.device
        case v1.Backup() | v1.Drill():
            return v1.SubjectKind.BACKUP.value, message.source
        case v1.Hello() | v1.Inventory() | v1.JobResult() | v1.Configuration():
            return v1.SubjectKind.TERMINAL.value, ""
        case _:
            return message.subject.kind.value, message.subject.id
