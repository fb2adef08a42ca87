"""Requests for the staff: the queue with filters, and one with all that belongs to it."""

from dataclasses import dataclass
from functools import reduce
from operator import and_

from django.db.models import Prefetch, Q, QuerySet
from django.http import QueryDict

from collector.incidents.models import State
from collector.requests.models import Entry, Mail, Request
from collector.web.reading.fold import Fold, fold
from collector.web.reading.page import one_of, whole

DONE = (State.RESOLVED, State.CLOSED, State.CANCELLED, State.MERGED)
SHOWS = ("open", "new", "waiting", "done", "all")
SORTS = ("promise", "newest", "priority", "touched")
_ORDERS: dict[str, tuple[str, ...]] = {
    "promise": ("promised_at", "priority", "opened_at"),
    "newest": ("-opened_at", "-pk"),
    "priority": ("priority", "opened_at"),
    "touched": ("-touched_at", "-pk"),
}
_WAITING = (State.PENDING_CUSTOMER, State.PENDING_SUPPLIER, State.PENDING_LEGAL, State.SCHEDULED_VISIT)


@dataclass(frozen=True, slots=True)
class RequestFilter:
    show: str = "open"
    queue: str = ""
    customer: int | None = None
    type: str = ""
    search: str = ""
    sort: str = "promise"
    mine: bool = False
    me: int = 0

    @classmethod
    def of(cls, params: QueryDict, me: int) -> "RequestFilter":
        return cls(
            show=one_of(params, "show", SHOWS, "open"),
            queue=params.get("queue", "")[:40],
            customer=whole(params, "customer"),
            type=params.get("type", "")[:40],
            search=params.get("q", "")[:200],
            sort=one_of(params, "sort", SORTS, "promise"),
            mine=params.get("mine") == "1",
            me=me,
        )


def requests(wanted: RequestFilter) -> QuerySet[Request]:
    found = Request.objects.select_related("customer", "site", "terminal", "contact", "assignee")
    found = _shown(found, wanted.show)
    exact = {"queue": wanted.queue, "customer": wanted.customer, "type": wanted.type}
    found = found.filter(**{name: value for name, value in exact.items() if value})
    if wanted.mine:
        found = found.filter(Q(assignee=wanted.me) | Q(assignee=None))
    return _searched(found, wanted.search).order_by(*_ORDERS[wanted.sort])


def _shown(found: QuerySet[Request], show: str) -> QuerySet[Request]:
    match show:
        case "open":
            return found.exclude(state__in=DONE)
        case "new":
            return found.filter(state=State.NEW)
        case "waiting":
            return found.filter(state__in=_WAITING)
        case "done":
            return found.filter(state__in=DONE)
        case _:
            return found


def _searched(found: QuerySet[Request], search: str) -> QuerySet[Request]:
    """Every word somewhere, without diacritics; P-17 is the number 17."""
    words = search.split()[:8]
    if len(words) == 1 and words[0][:2].upper() == "P-" and words[0][2:].isdecimal() and len(words[0]) < 14:
        return found.filter(pk=int(words[0][2:]))
    if not words:
        return found
    where = ("title", "text", "customer__name", "site__name", "terminal__name", "contact__name", "asker_name")
    folded = found.annotate(folded=Fold(*where))
    return folded.filter(reduce(and_, (Q(folded__contains=fold(word)) for word in words)))


def with_history(pk: int) -> QuerySet[Request]:
    log = Prefetch(
        "entries",
        Entry.objects.select_related("by", "contact").prefetch_related("attachments").order_by("id"),
    )
    return (
        Request.objects.filter(pk=pk)
        .select_related("customer", "site", "terminal", "contact", "assignee", "incident", "merged_into")
        .prefetch_related(log, "steps", "approvals__asked_by", "approvals__decided_by", "approvals__contact")
    )


def mails(show: str) -> QuerySet[Mail]:
    found = Mail.objects.select_related("request", "settled_by")
    return found.filter(fate__in=("held", "unreadable", "failed")) if show == "waiting" else found
