"""The document of one report, around the stored bytes of its messages: what goes again is the same, byte for byte."""

from datetime import datetime

from agent.spool import Batch
from protocols.wire import v1

AROUND_BYTES = 1024
"""So much of a report is not messages."""


def body_of(
    batch: Batch, terminal: str, now: datetime, queue: v1.Queue | None = None, session: str = ""
) -> bytes:
    envelope = v1.Report(
        terminal=terminal,
        epoch=batch.epoch,
        sent_at=now,
        queue=queue,
        lane=batch.lane,
        chain=batch.chain.hex(),
        session=session,
        messages=(),
    )
    head = envelope.model_dump_json(exclude={"messages"})[:-1].encode()
    return head + b',"messages":[' + b",".join(row.body for row in batch.rows) + b"]}"
