"""Takes a queue that was carried here by hand from a till without a line: the same messages, the same numbers,
once each. Nothing in it is a sign of life."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import transaction

from collector.core import clock
from collector.ingest import store
from collector.ingest.keys import public_key
from collector.ingest.parsing import Parsed, parse
from collector.ingest.receipts import Signer, carry_key
from collector.inventory.models import Terminal
from protocols.wire import v1
from protocols.wire.carry import CarryRefused, terminal_of, unseal


@dataclass(frozen=True, slots=True)
class Taken:
    """`new` of `messages` were not here before. `receipts` are for the till, if somebody goes back there."""

    terminal: str
    name: str
    made_at: datetime
    messages: int
    new: int
    receipts: tuple[v1.Receipt, ...]


def take(file: bytes, tls: Path) -> Taken:
    """All of it or, with an error, nothing. `tls`: the folder of the collector's keys. CarryRefused, or Refused with
    the code of the door."""
    terminal = Terminal.objects.filter(pk=terminal_of(file)[:40], retired_at=None).first()
    if terminal is None:
        raise CarryRefused(
            "no terminal is enrolled here under the name in this file", code="terminal.unknown"
        )
    carried = unseal(file, carry_key(tls), public_key(terminal.public_key))
    reports = [parse(body, terminal.pk) for body in carried.reports]
    with transaction.atomic():
        before = _held(reports, terminal)
        receipts = _store(reports)
        new = _held(reports, terminal) - before
    signer = Signer(tls)
    signed = tuple(signer.signed(terminal.pk, receipt) for receipt in receipts)
    messages = sum(len(report.bodies) for report in reports)
    return Taken(terminal.pk, terminal.name, carried.made_at, messages, new, signed)


def _store(reports: Sequence[Parsed]) -> list[v1.Receipt]:
    now = clock.now()
    documents = [parsed.report for parsed in reports]
    streams, batch = store.lock_streams(documents, now), store.batch_of(documents)
    receipts = [store.store(parsed, now, streams, batch, carried=True) for parsed in reports]
    batch.end()
    return receipts


def _held(reports: Sequence[Parsed], terminal: Terminal) -> int:
    epochs = {parsed.report.epoch for parsed in reports}
    return sum(stream.held for stream in terminal.streams.filter(epoch__in=epochs))
