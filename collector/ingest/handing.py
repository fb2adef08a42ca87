"""Which room gets which kind of message. Runs inside the ingest transaction, once per new message, those of the
ordered lane in order."""

from dataclasses import dataclass
from datetime import datetime

from collector.backups import catalogue
from collector.incidents import apply
from collector.incidents.batch import Batch
from collector.inventory import desired_state, holdings, record
from collector.jobs import counter
from protocols.wire import v1


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose message it is, and when it came. `sent_at` by his own clock."""

    terminal: str
    epoch: int
    received_at: datetime
    sent_at: datetime


def hand_on(message: v1.AnyMessage, sender: Sender, batch: Batch) -> None:
    """`batch`: events are judged in it, together; it ends before anybody else may look at incidents."""
    if isinstance(message, v1.Event):
        ahead = sender.received_at - sender.sent_at
        batch.tell(sender.terminal, apply.happening(message), sender.received_at, ahead)
    elif not isinstance(message, v1.Sample):  # those came with the contact
        batch.end()
        _hand_on(sender.terminal, sender.epoch, message, sender.received_at, sender.sent_at)


def _hand_on(
    terminal_id: str, epoch: int, message: v1.AnyMessage, received_at: datetime, sent_at: datetime
) -> None:
    match message:
        case v1.Hello():
            record.record_hello(terminal_id, message, received_at)
        case v1.State():
            record.record_state(terminal_id, epoch, message, received_at)
        case v1.Configuration():
            desired_state.record_told(terminal_id, message, received_at)
        case v1.Backup():
            catalogue.record_backup(terminal_id, message, received_at)
            apply.record_outcome(terminal_id, "backup.failed", message, received_at, sent_at)
        case v1.Drill():
            catalogue.record_drill(terminal_id, message, received_at)
            apply.record_outcome(terminal_id, "backup.restore_failed", message, received_at, sent_at)
        case v1.JobResult():
            counter.record_result(terminal_id, message, received_at)
        case v1.Fact() | v1.Inventory():
            holdings.record(terminal_id, epoch, message, received_at)
