"""Which room gets which kind of message. Runs inside the ingest transaction, once per new message, in
order."""

from datetime import datetime

from collector.backups import catalogue
from collector.incidents import apply
from collector.inventory import record
from protocols.wire import v1


def hand_on(terminal_id: str, message: v1.AnyMessage, received_at: datetime, sent_at: datetime) -> None:
    match message:
        case v1.Hello():
            record.record_hello(terminal_id, message, received_at)
        case v1.State():
            record.record_state(terminal_id, message, received_at)
        case v1.Event():
            apply.record_event(terminal_id, message, received_at, sent_at)
        case v1.Backup():
            catalogue.record_backup(terminal_id, message, received_at)
            apply.record_outcome(terminal_id, "backup.failed", message, received_at, sent_at)
        case v1.Drill():
            catalogue.record_drill(terminal_id, message, received_at)
            apply.record_outcome(terminal_id, "backup.restore_failed", message, received_at, sent_at)
        case v1.Sample() | v1.Fact() | v1.Inventory() | v1.JobResult() | v1.Configuration():
            pass  # samples came with the contact; facts stay on the timeline
