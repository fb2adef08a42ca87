"""Keeps the sessions of each terminal, and quarantines a key that two use. Asked only when a report is not of the
session that is known; the decision is in `sessions`."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import close_old_connections, transaction

from collector.incidents import apply
from collector.incidents.engine.facts import Happening, Key
from collector.ingest.models import Session
from collector.ingest.sessions import Spoken, Verdict, decide, returns
from collector.inventory import identity
from collector.inventory.models import Terminal
from protocols.wire import v1

KEPT = 20
CODE = "agent.clone"

log = logging.getLogger(__name__)


def heard(report: v1.Report, address: str, now: datetime) -> Verdict:
    """A report came that is not of the known session. Everything is decided on the locked row of the terminal,
    so that several processes agree. In a thread that may wait for the database."""
    close_old_connections()
    try:
        return _heard(report, address, now)
    finally:
        close_old_connections()


def _heard(report: v1.Report, address: str, now: datetime) -> Verdict:
    with transaction.atomic():
        terminal = Terminal.objects.select_for_update(of=("self",)).get(pk=report.terminal)
        before = terminal.sessions.filter(name=report.session).first()
        current = terminal.sessions.filter(name=terminal.session).first()
        verdict = Verdict.CLONE if terminal.quarantined_at else _verdict(before, current, now)
        if verdict is Verdict.LATE:
            return verdict
        session = _note(terminal, before, report, address, now)
        if verdict is not Verdict.CLONE:
            if verdict is Verdict.RETURNED:
                session.returns = returns(_spoken(session), now, _live())
                session.returned_at = now
            _step_in(terminal, session, current, now)
        elif terminal.quarantined_at is None:
            _quarantine(terminal, now)
        return verdict


def _verdict(speaker: Session | None, current: Session | None, now: datetime) -> Verdict:
    return decide(
        _spoken(speaker) if speaker else None,
        _spoken(current) if current else None,
        now,
        late=timedelta(seconds=settings.CONFIG.identity.late_s),
        live=_live(),
    )


def _live() -> timedelta:
    return timedelta(seconds=settings.CONFIG.identity.live_s)


def _note(
    terminal: Terminal, before: Session | None, report: v1.Report, address: str, now: datetime
) -> Session:
    """The speaking session with what is known of it now."""
    session = before or Session(terminal=terminal, name=report.session, first_at=now)
    session.last_at, session.address = now, address[:80] or session.address
    if report.run:
        session.hostname, session.boot_at = report.run.hostname, report.run.boot_at
    session.save()
    _prune(terminal)
    return session


def _step_in(terminal: Terminal, session: Session, before: Session | None, now: datetime) -> None:
    """`session` is the current one from now on."""
    if before is not None and before.name != session.name:
        before.last_at = max(terminal.last_seen_at or before.last_at, before.last_at)
        before.replaced_at = now
        before.save(update_fields=["last_at", "replaced_at"])
    session.replaced_at = None
    session.save()
    terminal.session = session.name
    terminal.save(update_fields=["session"])


def _quarantine(terminal: Terminal, now: datetime) -> None:
    terminal.quarantined_at, terminal.chosen_session = now, ""
    terminal.save(update_fields=["quarantined_at", "chosen_session"])
    found = list(terminal.sessions.order_by("-last_at", "-id")[:2])
    who = "; ".join(_said(session) for session in found)
    identity.note(terminal, "quarantined", now, detail={"sessions": who})
    happening = Happening(
        key=Key(v1.SubjectKind.TERMINAL, "", CODE),
        change=v1.Change.RAISED,
        at=now,
        since=min(session.last_at for session in found),
        reason=who[:400],
    )
    apply.follow(terminal.id, happening, now)
    log.warning("two sessions speak with the key of %s: quarantined", terminal.id)


def _said(session: Session) -> str:
    """Host name, address and start of the computer: the same in every language."""
    booted = f"{session.boot_at:%Y-%m-%d %H:%M:%S} UTC" if session.boot_at else "?"
    return f"{session.hostname or '?'} · {session.address or '?'} · {booted}"


def _prune(terminal: Terminal) -> None:
    """Old ones go; the current and the chosen one stay."""
    kept = [terminal.session, terminal.chosen_session]
    old = terminal.sessions.exclude(name__in=kept).order_by("-last_at", "-id").values_list("pk", flat=True)
    if stale := list(old[KEPT:]):
        Session.objects.filter(pk__in=stale).delete()


def _spoken(session: Session) -> Spoken:
    return Spoken(
        name=session.name,
        last_at=session.last_at,
        replaced_at=session.replaced_at,
        returned_at=session.returned_at,
        returns=session.returns,
    )


def choose(terminal: Terminal, name: str, by: int, now: datetime) -> bool:
    """A person says which of the sessions is the till; only that one is offered a new key. False where there is
    nothing to choose any more."""
    with transaction.atomic():
        locked = Terminal.objects.select_for_update(of=("self",)).get(pk=terminal.pk)
        session = locked.sessions.filter(name=name).first()
        if locked.quarantined_at is None or session is None:
            return False
        locked.chosen_session = name
        locked.save(update_fields=["chosen_session"])
        identity.note(locked, "chosen", now, by=by, detail={"session": _said(session)})
        return True


def settled(terminal: Terminal, session: str, now: datetime) -> None:
    """The terminal has a new key, in the transaction that runs: only the session that asked for it goes on, and
    the incident is over."""
    keep = session or terminal.chosen_session or terminal.session
    terminal.sessions.exclude(name=keep).delete()
    terminal.sessions.filter(name=keep).update(replaced_at=None, returned_at=None, returns=0)
    terminal.session = keep if terminal.sessions.filter(name=keep).exists() else ""
    terminal.quarantined_at, terminal.chosen_session = None, ""
    key = Key(v1.SubjectKind.TERMINAL, "", CODE)
    apply.follow(terminal.id, Happening(key=key, change=v1.Change.CLEARED, at=now, since=now), now)
