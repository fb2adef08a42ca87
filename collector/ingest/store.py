"""Stores the messages of one report exactly once and hands the new ones on, in order, inside the transaction
that runs. On the ordered lane a message is new where its number is beyond what its stream holds, on the loose
lane where nothing lies under its number."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from django.db import connection

from collector.backups import under_way
from collector.core import clock
from collector.incidents.batch import Batch
from collector.incidents.engine.facts import Spot, till_place
from collector.ingest import handing
from collector.ingest.models import Message, Stream
from collector.ingest.parsing import Parsed
from collector.ingest.problem import Refused
from collector.inventory import record
from protocols.wire import chain, v1

Streams = dict[tuple[str, int], Stream]

_INSERT = (
    "INSERT INTO ingest_message"
    " (terminal_id, epoch, seq, kind, subject_kind, subject_id, at, received_at, body, link) VALUES "
)
_CONFLICT = " ON CONFLICT (terminal_id, epoch, seq) DO NOTHING RETURNING seq"


def lock_streams(reports: Sequence[v1.Report], now: datetime) -> Streams:
    """The streams of these reports, made where they are new, locked until the end of the transaction."""
    wanted = {(report.terminal, report.epoch) for report in reports}
    found = _locked(wanted)
    missing = sorted(wanted - found.keys())
    if missing:
        lanes = {(report.terminal, report.epoch): report.lane for report in reports}
        rows = [_new(terminal, epoch, lanes[terminal, epoch], now) for terminal, epoch in missing]
        Stream.objects.bulk_create(rows, ignore_conflicts=True)
        found |= _locked(set(missing))
    return found


def batch_of(reports: Iterable[v1.Report]) -> Batch:
    """For the events of these reports, in one transaction; whoever stores them ends it."""
    batch = Batch()
    batch.expect(
        Spot(till_place(report.terminal), message.subject.kind.value, message.subject.id, message.code)
        for report in reports
        for message in report.messages
        if isinstance(message, v1.Event)
    )
    return batch


def store(
    parsed: Parsed, received_at: datetime, streams: Streams, batch: Batch, *, carried: bool = False
) -> v1.Receipt:
    """The receipt, not signed yet. `carried`: it came by hand, so that its time says nothing about the terminal.
    Refused with `report.gap` where messages before these are missing, and with `report.chain` where other messages
    lie under their numbers, and up to where they are the same: nothing was written then."""
    report = parsed.report
    stream = streams[report.terminal, report.epoch]
    if stream.lane != report.lane:
        raise Refused("report.malformed", "this epoch is of the other lane", terminal=report.terminal)
    ordered = report.lane is v1.Lane.ORDERED
    fresh, links = _fresh(parsed, stream) if ordered else (list(range(len(report.messages))), {})
    new = _insert(parsed, fresh, links, received_at) if fresh else set()
    messages = [report.messages[i] for i in fresh if report.messages[i].seq in new]
    held = _contact(report, received_at, messages, carried=carried)
    if not carried:
        under_way.record(report, received_at)
    sent_at = received_at if carried else report.sent_at
    sender = handing.Sender(report.terminal, report.epoch, received_at, sent_at)
    for message in messages:
        handing.hand_on(message, sender, batch)
    if new:
        highest = max(stream.complete_to, report.messages[fresh[-1]].seq)
        link = links.get(fresh[-1], "")
        _advance(stream, highest, stream.held + len(new), link, received_at)
    return v1.Receipt(
        epoch=report.epoch,
        complete_to=stream.complete_to,
        server_time=clock.now(),
        lane=report.lane,
        chain=stream.chain,
        held=held,
    )


def _contact(
    report: v1.Report, received_at: datetime, new: Sequence[v1.AnyMessage], *, carried: bool
) -> int | None:
    """How many messages of the terminal's loose lane are here; None where nobody asks."""
    loose = len(new) if report.lane is v1.Lane.LOOSE else 0
    if carried:
        record.add_loose(report.terminal, loose)
        return None
    return record.record_contact(
        report, received_at, [message for message in new if isinstance(message, v1.Sample)], loose
    )


def _new(terminal: str, epoch: int, lane: v1.Lane, now: datetime) -> Stream:
    link = chain.start(epoch).hex() if lane is v1.Lane.ORDERED else ""
    return Stream(terminal_id=terminal, epoch=epoch, lane=lane.value, chain=link, first_at=now, last_at=now)


def _fresh(parsed: Parsed, stream: Stream) -> tuple[list[int], dict[int, str]]:
    """The places of the messages that are new, and their links, none where the chain of the stream is not known."""
    report = parsed.report
    fresh = [i for i, message in enumerate(report.messages) if message.seq > stream.complete_to]
    for expected, i in enumerate(fresh, stream.complete_to + 1):
        if report.messages[i].seq != expected:
            raise Refused("report.gap", terminal=report.terminal, complete_to=stream.complete_to)
    if not stream.chain:
        return fresh, {}
    links: dict[int, str] = {}
    link = bytes.fromhex(stream.chain)
    for i in fresh:
        link = chain.link(link, parsed.documents[i])
        links[i] = link.hex()
    if not report.chain or not report.messages:
        return fresh, links
    last = links[fresh[-1]] if fresh else _known_links(report).get(report.messages[-1].seq, "")
    if last not in ("", report.chain):
        raise Refused("report.chain", terminal=report.terminal, complete_to=_agrees_to(parsed))
    return fresh, links


def _known_links(report: v1.Report) -> dict[int, str]:
    """Those that are stored of the numbers of this report, and of the number before it."""
    rows = Message.objects.filter(
        terminal_id=report.terminal,
        epoch=report.epoch,
        seq__gte=report.messages[0].seq - 1,
        seq__lte=report.messages[-1].seq,
    ).values_list("seq", "link")
    return {0: chain.start(report.epoch).hex(), **dict(rows)}


def _agrees_to(parsed: Parsed) -> int:
    """Up to which number the messages of this report are those that are stored; the number before its first where none
    is."""
    report = parsed.report
    known = _known_links(report)
    seq = report.messages[0].seq - 1
    link = bytes.fromhex(known.get(seq, ""))
    for message, document in zip(report.messages, parsed.documents, strict=True):
        link = chain.link(link, document)
        if known.get(message.seq) != link.hex():
            break
        seq = message.seq
    return seq


def _advance(stream: Stream, complete_to: int, held: int, link: str, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ingest_stream SET complete_to = %s, held = %s, chain = %s, last_at = %s WHERE id = %s",
            [complete_to, held, link, _time(at), stream.pk],
        )
    stream.complete_to, stream.held, stream.chain = complete_to, held, link


def _locked(wanted: set[tuple[str, int]]) -> Streams:
    rows = Stream.objects.select_for_update(of=("self",)).filter(
        terminal_id__in={terminal for terminal, _ in wanted}, epoch__in={epoch for _, epoch in wanted}
    )
    found = {(row.terminal_id, row.epoch): row for row in rows.order_by("terminal_id", "epoch")}
    return {key: row for key, row in found.items() if key in wanted}


def _insert(
    parsed: Parsed, which: Sequence[int], links: Mapping[int, str], received_at: datetime
) -> set[int]:
    """The numbers that were not there before."""
    report = parsed.report
    values: list[str | int] = []
    for i in which:
        message = report.messages[i]
        kind, subject_id = _subject(message)
        values += [report.terminal, report.epoch, message.seq, message.kind, kind, subject_id]
        values += [_time(message.at), _time(received_at), parsed.bodies[i], links.get(i, "")]
    row = "(" + ", ".join(["%s"] * 10) + ")"
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
