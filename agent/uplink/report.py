"""The document of one report, around the stored bytes of its messages: what goes again is the same, byte for byte."""

from dataclasses import dataclass
from datetime import datetime

from agent.spool import Batch
from protocols.wire import v1

AROUND_BYTES = 4096
"""So much of a report is not messages."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What goes along with a report and waits in no queue."""

    under_way: tuple[v1.UnderWay, ...] | None = None
    backup_traffic: v1.BackupTraffic | None = None


NOTHING = Beside()
_BESIDE = ("under_way", "backup_traffic")


def body_of(
    batch: Batch,
    terminal: str,
    now: datetime,
    queue: v1.Queue | None = None,
    session: str = "",
    *,
    beside: Beside = NOTHING,
) -> bytes:
    envelope = v1.Report(
        terminal=terminal,
        epoch=batch.epoch,
        sent_at=now,
        queue=queue,
        lane=batch.lane,
        chain=batch.chain.hex(),
        session=session,
        under_way=beside.under_way,
        backup_traffic=beside.backup_traffic,
        messages=(),
    )
    left_out = {"messages"} | {name for name in _BESIDE if getattr(beside, name) is None}
    head = envelope.model_dump_json(exclude=left_out)[:-1].encode()
    return head + b',"messages":[' + b",".join(row.body for row in batch.rows) + b"]}"
