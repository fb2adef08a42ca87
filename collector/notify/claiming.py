"""Which worker sends which message. Every step is an UPDATE that must hit one row, so that any number of workers may
take from one outbox.

waiting -> claimed -> sending -> sent | failed | waiting (again later)

A worker that dies while it has *claimed* a message has sent nothing: after LEASE it is given back, and goes out once.
One that dies between *sending* and the record of it may have sent it or not, and nobody can know. Such a message goes
out once more (at least once, never silently lost); `doubts` counts it, pages show it, and every try carries the same
Message-ID, Idempotency-Key or Topic, so that the receiver can tell. That window, from the receiver's acknowledgement to
our commit, is all that remains: where the acknowledgement was recorded nothing is sent again."""

from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet

from collector.notify.models import Outgoing, Status

LEASE = timedelta(minutes=10)
"""Far longer than any hand-over may take (`timeout_s` at most 120, several waits each)."""
LOOK = 50


def claim(channel: str, worker: str, now: datetime, tired: frozenset[str] = frozenset()) -> int | None:
    """The next message that is due, now this worker's. `tired`: addresses that are left out for a while."""
    due = Outgoing.objects.filter(channel=channel, status=Status.WAITING, due_at__lte=now)
    rows = due.exclude(address__in=tired).order_by("due_at", "id").values_list("pk", flat=True)
    return next((pk for pk in rows[:LOOK] if _take(pk, worker, now)), None)


def begin(pk: int, worker: str, now: datetime) -> Outgoing | None:
    """Directly before the hand-over. None where the claim was lost meanwhile: the message is somebody else's."""
    mine = _mine(pk, worker).filter(status=Status.CLAIMED)
    begun = mine.update(status=Status.SENDING, claimed_at=now, tries=F("tries") + 1)
    return Outgoing.objects.get(pk=pk) if begun == 1 else None


def sent(pk: int, worker: str, reply: str, now: datetime) -> bool:
    """The other side has it. Also of a message that was given back as doubtful and that nobody else has taken since:
    then it does not go out again."""
    mine = _mine(pk, worker).filter(status__in=(Status.SENDING, Status.WAITING))
    fields = {"status": Status.SENT, "reply": reply[:400], "ended_at": now, "error": "", "error_code": ""}
    done = mine.update(**fields) == 1
    if done:
        _forget(pk)
    return done


def later(pk: int, worker: str, due_at: datetime, code: str, error: str, *, doubtful: bool) -> bool:
    mine = _mine(pk, worker).filter(status=Status.SENDING)
    fields = {"status": Status.WAITING, "due_at": due_at, "error_code": code, "error": error[:400]}
    return mine.update(**fields, doubts=F("doubts") + int(doubtful)) == 1


def failed(pk: int, worker: str, code: str, error: str, now: datetime) -> bool:
    mine = _mine(pk, worker).filter(status__in=(Status.CLAIMED, Status.SENDING))
    done = (
        mine.update(status=Status.FAILED, ended_at=now, error_code=code, error=error[:400], due_at=now) == 1
    )
    if done:
        _forget(pk)
    return done


def give_back(now: datetime) -> int:
    """What dead workers had. How many."""
    old = Outgoing.objects.filter(claimed_at__lt=now - LEASE, status__in=(Status.CLAIMED, Status.SENDING))
    if not old.exists():
        return 0
    claimed = old.filter(status=Status.CLAIMED).update(status=Status.WAITING)
    sending = old.filter(status=Status.SENDING).update(status=Status.WAITING, doubts=F("doubts") + 1)
    return claimed + sending


def again(pk: int, now: datetime) -> bool:
    """A person wants a failed message tried once more."""
    failures = Outgoing.objects.filter(pk=pk, status=Status.FAILED).exclude(Q(text="") & Q(secret=True))
    fields = {"status": Status.WAITING, "due_at": now, "ended_at": None, "made_at": now}
    return failures.update(**fields) == 1


def _forget(pk: int) -> None:
    Outgoing.objects.filter(pk=pk, secret=True).update(subject="", text="", html="")


def _take(pk: int, worker: str, now: datetime) -> bool:
    waiting = Outgoing.objects.filter(pk=pk, status=Status.WAITING, due_at__lte=now)
    return waiting.update(status=Status.CLAIMED, claim=worker, claimed_at=now) == 1


def _mine(pk: int, worker: str) -> "QuerySet[Outgoing]":
    return Outgoing.objects.filter(pk=pk, claim=worker)
