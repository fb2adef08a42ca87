"""Requests over the API: the queue, one with its log, a new one, and what is done to it."""

from datetime import datetime
from typing import Annotated, Literal

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status

from collector.core import clock
from collector.incidents.models import Source
from collector.incidents.sla import Clock
from collector.inventory.models import ContactPerson, Customer, Site, Terminal
from collector.requests import acts, catalogue, promise
from collector.requests.log import Actor
from collector.requests.models import Entry, Request
from collector.requests.opening import Wish, open_request
from collector.web import request_acts
from collector.web.access import user_of
from collector.web.api import door
from collector.web.api.paging import Slice, cut
from collector.web.reading.requests import RequestFilter, requests, with_history

router = Router(tags=["requests"], auth=door.anyone)
Text = Annotated[str, Field(max_length=20_000)]
Line = Annotated[str, Field(max_length=200)]


class RequestOut(Schema):
    id: int
    number: str
    type: str
    title: str
    text: str
    answers: dict[str, str]
    state: str
    open: bool
    source: str
    queue: str
    impact: int
    urgency: int
    priority: int
    customer: int
    customer_name: str
    site: int | None
    terminal: str | None
    contact: int | None
    asker_name: str
    asker_email: str
    asker_phone: str
    assignee: int | None
    incident: int | None
    merged_into: int | None
    opened_at: datetime
    touched_at: datetime
    promised_at: datetime | None
    pending_until: datetime | None
    pending_reason: str
    resolved_at: datetime | None
    resolution: str
    resolution_code: str
    reopen_count: int
    rating: int | None


class FileOut(Schema):
    id: int
    name: str
    content_type: str
    size_bytes: int


class EntryOut(Schema):
    id: int
    kind: str
    at: datetime
    by: int | None
    contact: int | None
    author: str
    public: bool
    text: str
    from_state: str
    to_state: str
    files: list[FileOut]


class StepOut(Schema):
    name: str
    by_customer: bool
    due_on: str | None
    done_at: datetime | None


class ApprovalOut(Schema):
    id: int
    by_customer: bool
    question: str
    cents: int | None
    agreed: bool | None
    decided_at: datetime | None
    comment: str


class ClockOut(Schema):
    """`due_at`: when the target is used up if nothing happens any more; minutes are working time."""

    standing: str
    target_min: int
    spent_min: int
    due_at: datetime | None
    late: bool


class RequestDetailOut(RequestOut):
    entries: list[EntryOut]
    steps: list[StepOut]
    approvals: list[ApprovalOut]
    reaction: ClockOut | None
    solution: ClockOut | None


class RequestsOut(Schema):
    count: int
    items: list[RequestOut]


class RequestQuery(Slice):
    show: Literal["open", "new", "waiting", "done", "all"] = "all"
    queue: Annotated[str, Field(max_length=40)] = ""
    type: Annotated[str, Field(max_length=40)] = ""
    customer: int | None = None
    q: Line = ""
    sort: Literal["promise", "newest", "priority", "touched"] = "newest"
    mine: bool = False


class RequestIn(Schema):
    """`answers`: name of a field of the type -> text; dates as 2026-12-31."""

    type: Annotated[str, Field(max_length=40)]
    customer: int
    site: int | None = None
    terminal: Annotated[str, Field(max_length=40)] = ""
    contact: int | None = None
    asker_name: Line = ""
    asker_email: Line = ""
    asker_phone: Annotated[str, Field(max_length=40)] = ""
    title: Line = ""
    text: Text = ""
    answers: dict[str, str] = {}
    source: Literal["phone", "person"] = "phone"


ActName = Literal[
    "take", "start", "queue", "answer", "note", "wait", "wake", "visit", "priority", "ask", "decide", "step",
    "resolve", "reopen", "close", "cancel", "merge", "link", "incident",
]  # fmt: skip


class ActIn(Schema):
    """What an act needs: `take` a worker, `queue` a queue, `wait` for_whom, until and text, `visit` until, `priority`
    impact and urgency, `ask` text and price (euros), `decide` approval and agree, `step` a step, `resolve` text and
    code, `merge` into, `link` incident; the others a text or nothing. Times have a zone."""

    text: Text = ""
    worker: int | None = None
    queue: Annotated[str, Field(max_length=40)] = ""
    for_whom: Literal["", "customer", "supplier", "legal"] = ""
    until: datetime | None = None
    impact: Annotated[int, Field(ge=1, le=3)] | None = None
    urgency: Annotated[int, Field(ge=1, le=4)] | None = None
    price: Annotated[str, Field(max_length=20)] = ""
    approval: int | None = None
    agree: bool | None = None
    step: Annotated[str, Field(max_length=40)] = ""
    code: Annotated[str, Field(max_length=40)] = ""
    into: int | None = None
    incident: int | None = None

    def words(self) -> dict[str, str]:
        given = self.dict(exclude_none=True, exclude={"agree", "until"})
        more = {"agree": "yes" if self.agree else "no", "until": self.until.isoformat() if self.until else ""}
        return {name: str(value) for name, value in given.items()} | more


_WORKED_OUT = (
    "number",
    "open",
    "customer",
    "customer_name",
    "site",
    "terminal",
    "contact",
    "assignee",
    "incident",
    "merged_into",
)
_PLAIN = [name for name in RequestOut.model_fields if name not in _WORKED_OUT]


def _fields(found: Request) -> dict[str, object]:
    return {
        **{name: getattr(found, name) for name in _PLAIN},
        "number": str(found),
        "open": acts.request_is_open(found),
        "customer": found.customer_id,
        "customer_name": found.customer.name,
        "site": found.site_id,
        "terminal": found.terminal_id,
        "contact": found.contact_id,
        "assignee": found.assignee_id,
        "incident": found.incident_id,
        "merged_into": found.merged_into_id,
    }


def _entry(entry: Entry) -> dict[str, object]:
    names = ("id", "kind", "at", "author", "public", "text", "from_state", "to_state")
    files = [{name: getattr(one, name) for name in FileOut.model_fields} for one in entry.attachments.all()]
    return {
        **{name: getattr(entry, name) for name in names},
        "by": entry.by_id,
        "contact": entry.contact_id,
        "files": files,
    }


def _detail(pk: int) -> RequestDetailOut:
    found = get_object_or_404(with_history(pk))
    clocks = promise.clocks(found, clock.now())
    return RequestDetailOut.model_validate(
        {
            **_fields(found),
            "entries": [_entry(entry) for entry in found.entries.all()],
            "steps": [
                {
                    "name": one.name,
                    "by_customer": one.by_customer,
                    "due_on": one.due_on.isoformat() if one.due_on else None,
                    "done_at": one.done_at,
                }
                for one in found.steps.all()
            ],
            "approvals": [
                {name: getattr(one, name) for name in ApprovalOut.model_fields}
                for one in found.approvals.all()
            ],
            "reaction": _clock(clocks.reaction),
            "solution": _clock(clocks.solution),
        }
    )


def _clock(found: Clock | None) -> ClockOut | None:
    if found is None:
        return None
    return ClockOut(
        standing=found.standing.value,
        target_min=int(found.target.total_seconds() // 60),
        spent_min=int(found.spent.total_seconds() // 60),
        due_at=found.sorts_at,
        late=found.late,
    )


@router.get("/requests", response=RequestsOut)
def list_requests(request: HttpRequest, query: Query[RequestQuery]) -> RequestsOut:
    wanted = RequestFilter(
        show=query.show,
        queue=query.queue,
        customer=query.customer,
        type=query.type,
        search=query.q,
        sort=query.sort,
        mine=query.mine,
        me=user_of(request).pk,
    )
    count, rows = cut(requests(wanted), query)
    return RequestsOut(count=count, items=[RequestOut.model_validate(_fields(row)) for row in rows])


@router.post("/requests", auth=door.worker, response={201: RequestDetailOut})
def make_request(request: HttpRequest, body: RequestIn) -> Status[RequestDetailOut]:
    """As the form for who calls does. Refused with `request.answers` where a mandatory field is missing."""
    kind = catalogue.types().get(body.type)
    if kind is None:
        raise Http404
    contact = ContactPerson.objects.filter(
        pk=body.contact or 0, customer=body.customer, retired_at=None
    ).first()
    wish = Wish(
        type=kind,
        customer=get_object_or_404(Customer, pk=body.customer),
        site=get_object_or_404(Site, pk=body.site) if body.site else None,
        terminal=get_object_or_404(Terminal.objects.select_related("site"), pk=body.terminal)
        if body.terminal
        else None,
        contact=contact,
        asker_name=body.asker_name,
        asker_email=body.asker_email,
        asker_phone=body.asker_phone,
        title=body.title,
        text=body.text,
        answers=body.answers,
        source=Source(body.source),
    )
    made = open_request(wish, Actor(user=user_of(request), source=Source(body.source)), clock.now())
    return Status(201, _detail(made.pk))


@router.get("/requests/{int:pk}", response=RequestDetailOut)
def one_request(request: HttpRequest, pk: int) -> RequestDetailOut:
    return _detail(pk)


@router.post("/requests/{int:pk}/{name}", auth=door.worker, response=RequestDetailOut)
def act_on_request(request: HttpRequest, pk: int, name: ActName, body: ActIn) -> RequestDetailOut:
    get_object_or_404(Request, pk=pk)
    request_acts.act(user_of(request), pk, name, request_acts.Given(body.words()), clock.now())
    return _detail(pk)
