"""The log of a request: every act leaves one line, in the transaction of the act, and the pages hear of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from collector.core import live
from collector.core.models import User
from collector.incidents import life
from collector.incidents.models import Source
from collector.inventory.models import ContactPerson
from collector.requests import files, promise
from collector.requests.calling_models import Phase, Turn
from collector.requests.models import Entry, Kind, Request

TEXT = 20_000


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: somebody of the staff, a contact person, somebody who is only named, or nobody: Plomba itself."""

    user: User | None = None
    contact: ContactPerson | None = None
    name: str = ""
    source: Source | None = None

    @property
    def is_customer(self) -> bool:
        return self.user is None and bool(self.contact or self.name)


PLOMBA = Actor()


def write(
    request: Request,
    kind: Kind,
    actor: Actor,
    now: datetime,
    *,
    text: str = "",
    public: bool = False,
    attached: Iterable[files.File] = (),
    from_state: str = "",
    **detail: object,
) -> Entry:
    """`from_state`: where the state changed with it. Saves the request as well."""
    request.touched_at = now
    request.save()
    entry = Entry.objects.create(
        request=request,
        kind=kind,
        at=now,
        by=actor.user,
        contact=actor.contact,
        author=actor.name[:200],
        public=public,
        text=text[:TEXT],
        from_state=from_state,
        to_state=request.state if from_state or kind == Kind.OPENED else "",
        source=actor.source or "",
        detail=detail,
    )
    files.attach(entry, attached)
    if phase := _phase(entry, actor, request):
        Turn.objects.create(entry=entry, request=request, phase=phase, made_at=now)
    _renew(request, entry, now)
    live.publish_on_commit("request", request.pk)
    return entry


def _phase(entry: Entry, actor: Actor, request: Request) -> Phase | None:
    """What somebody of the desk may have to hear of it."""
    match entry.kind:
        case Kind.OPENED:
            return Phase.NEW
        case Kind.ASSIGNED:
            own = actor.user is not None and request.assignee_id == actor.user.pk
            return None if own else Phase.ASSIGNED
        case Kind.SAID:
            return Phase.ANSWERED if actor.is_customer and request.assignee_id else None
        case Kind.REOPENED:
            return Phase.REOPENED if actor.is_customer else None
        case Kind.QUEUED | Kind.WOKEN:
            return Phase.NEW if request.assignee_id is None else None
    return None


def _renew(request: Request, entry: Entry, now: datetime) -> None:
    """What is kept of the promise, so that queues sort by it."""
    if entry.from_state or entry.kind == Kind.PRIORITISED:
        request.promised_at = promise.of(request, now)
        request.save(update_fields=["promised_at"])


def step(
    request: Request,
    stimulus: life.Stimulus,
    kind: Kind,
    actor: Actor,
    now: datetime,
    *,
    text: str = "",
    public: bool = False,
    attached: Iterable[files.File] = (),
    **detail: object,
) -> Entry:
    """Move the request and write it down. life.MoveRefused where it cannot move so."""
    before = request.state
    request.state = life.move(before, stimulus).value
    if request.state not in life.WAITING:
        request.pending_until, request.pending_reason = None, ""
    return write(
        request,
        kind,
        actor,
        now,
        text=text,
        public=public,
        attached=attached,
        from_state=before,
        stimulus=stimulus.value,
        **detail,
    )
