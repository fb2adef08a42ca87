"""Tells the engine what agents and the collector itself found, in the transaction that runs. What it decides is kept by
`book`."""

from datetime import datetime, timedelta

from collector.incidents import kept_rules
from collector.incidents.book import RESOLVED_BY_ITSELF, Ledger
from collector.incidents.engine.driver import Driver
from collector.incidents.engine.facts import Happening, Key
from collector.incidents.place import TillPlace
from collector.incidents.steps import step
from protocols.wire import v1

__all__ = ["RESOLVED_BY_ITSELF", "driver", "follow", "happening", "record_event", "record_outcome", "step"]


def driver(ahead: timedelta = timedelta()) -> Driver:
    """For one piece of work in one transaction."""
    return Driver(Ledger(ahead), kept_rules.current())


def record_event(terminal_id: str, event: v1.Event, received_at: datetime, sent_at: datetime) -> None:
    """`sent_at`: when the terminal sent the report, by its own clock; it tells the age of the event whatever
    that clock is worth."""
    follow(terminal_id, happening(event), received_at, ahead=received_at - sent_at)


def happening(event: v1.Event) -> Happening:
    return Happening(
        key=Key(event.subject.kind, event.subject.id, event.code),
        change=event.change,
        at=event.at,
        since=event.since,
        reason=event.reason,
    )


def record_outcome(
    terminal_id: str, code: str, ended: v1.Backup | v1.Drill, received_at: datetime, sent_at: datetime
) -> None:
    """A backup or drill ended: a bad one raises `code`, a good one clears it."""
    told = Happening(
        key=Key(v1.SubjectKind.BACKUP, ended.source, code),
        change=v1.Change.CLEARED if ended.ok else v1.Change.RAISED,
        at=ended.at,
        since=ended.at,
        reason=ended.error,
    )
    follow(terminal_id, told, received_at, ahead=received_at - sent_at)


def follow(terminal_id: str, told: Happening, now: datetime, ahead: timedelta = timedelta()) -> None:
    """Ask the engine and write. `ahead`: by how much the server's clock is ahead of that of who told."""
    driver(ahead).tell(told, TillPlace(terminal_id), now, ahead)
