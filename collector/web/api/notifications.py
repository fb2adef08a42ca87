"""What I am told and where; and every message that Plomba wrote."""

from datetime import datetime
from typing import Annotated, Literal

from django.http import Http404, HttpRequest
from ninja import Field, Query, Router, Schema, Status

from collector.core import clock
from collector.notify import choosing, claiming, courier
from collector.notify.choosing import Chosen
from collector.notify.models import Address, BadAddress, Outgoing, Wish
from collector.web.access import user_of
from collector.web.api import door
from collector.web.api.paging import Slice, cut
from collector.web.views.outbox import messages_of

mine = Router(tags=["notifications"], auth=door.anyone)
outbox = Router(tags=["messages"], auth=door.anyone)
Means = Literal["email", "sms", "webhook", "push"]
Severity = Literal["info", "warning", "error", "critical"]
Week = dict[str, list[list[str]]]


class WishIn(Schema):
    """`hours` in `time_zone`: {"mon": [["08:00", "17:00"]]}; empty: always."""

    severity: Severity
    hours: Week = {}
    time_zone: str = "Europe/Riga"
    customers: list[int] = []
    sites: list[int] = []
    tells_end: bool = True


class WishOut(WishIn):
    id: int


class AddressIn(Schema):
    """`p256dh` and `auth`: of a browser only."""

    channel: Means
    address: Annotated[str, Field(max_length=1000)]
    label: Annotated[str, Field(max_length=80)] = ""
    p256dh: str = ""
    auth: str = ""


class AddressOut(Schema):
    """`bad_since`: the address was refused, and nothing is sent there."""

    id: int
    channel: str
    address: str
    label: str
    bad_since: datetime | None
    bad_why: str
    wishes: list[WishOut]


class AddressesOut(Schema):
    items: list[AddressOut]


class MessageOut(Schema):
    """`doubts`: so often a worker ended while it was handed over; it may have arrived more than once."""

    id: int
    key: str
    channel: str
    address: str
    person: int | None
    language: str
    subject: str
    about: str
    status: str
    made_at: datetime
    due_at: datetime
    ended_at: datetime | None
    tries: int
    doubts: int
    error_code: str
    error: str
    reply: str


class MessageDetailOut(MessageOut):
    text: str
    incidents: list[int]


class MessagesOut(Schema):
    count: int
    items: list[MessageOut]


class OutboxQuery(Slice):
    status: Literal["all", "waiting", "failed", "sent"] = "all"
    channel: Literal["", "email", "sms", "webhook", "push"] = ""
    q: str = ""


def _wish_out(wish: Wish) -> WishOut:
    plain = {name: getattr(wish, name) for name in ("severity", "hours", "time_zone", "tells_end")}
    where = {
        "customers": [one.pk for one in wish.customers.all()],
        "sites": [one.pk for one in wish.sites.all()],
    }
    return WishOut.model_validate({"id": wish.pk, **plain, **where})


def _address_out(address: Address) -> AddressOut:
    bad = BadAddress.objects.filter(channel=address.channel, address=address.address).first()
    return AddressOut(
        id=address.pk,
        channel=address.channel,
        address=address.address,
        label=address.label,
        bad_since=bad.since if bad else None,
        bad_why=bad.why if bad else "",
        wishes=[_wish_out(wish) for wish in address.wishes.all()],
    )


def _fields(message: Outgoing) -> dict[str, object]:
    plain = [name for name in MessageOut.model_fields if name not in ("id", "person", "subject")]
    subject = "" if message.secret else message.subject
    told = {"id": message.pk, "person": message.person_id, "subject": subject}
    return {**{name: getattr(message, name) for name in plain}, **told}


def _message_out(message: Outgoing) -> MessageOut:
    return MessageOut.model_validate(_fields(message))


def _detail(pk: int) -> MessageDetailOut:
    found = Outgoing.objects.filter(pk=pk).first()
    if found is None:
        raise Http404
    text = "" if found.secret else found.text
    incidents = list(found.tellings.values_list("incident_id", flat=True))
    return MessageDetailOut.model_validate({**_fields(found), "text": text, "incidents": incidents})


def _chosen(body: WishIn) -> Chosen:
    return Chosen(**body.dict())


@mine.get("/addresses", response=AddressesOut)
def list_addresses(request: HttpRequest) -> AddressesOut:
    rows = user_of(request).addresses.prefetch_related("wishes__customers", "wishes__sites")
    return AddressesOut(items=[_address_out(row) for row in rows])


@mine.post("/addresses", response={201: AddressOut})
def add_address(request: HttpRequest, body: AddressIn) -> Status[AddressOut]:
    """With one wish: everything from errors on, at any time."""
    keys = {"p256dh": body.p256dh, "auth": body.auth} if body.channel == "push" else None
    me = user_of(request)
    made = choosing.add(me, body.channel, body.address, clock.now(), label=body.label, keys=keys)
    return Status(201, _address_out(made))


@mine.delete("/addresses/{int:pk}", response={204: None})
def remove_address(request: HttpRequest, pk: int) -> Status[None]:
    choosing.remove(user_of(request), pk)
    return Status(204, None)


@mine.post("/addresses/{int:pk}/try", response=MessageOut)
def try_address(request: HttpRequest, pk: int) -> MessageOut:
    """Send a test message there, whatever the hours."""
    return _message_out(choosing.try_out(user_of(request), pk, clock.now()))


@mine.post("/addresses/{int:pk}/well", response=AddressOut)
def address_is_well(request: HttpRequest, pk: int) -> AddressOut:
    """It was refused and is right now."""
    own = choosing.of(user_of(request), pk)
    courier.mark_well(own.channel, own.address)
    return _address_out(own)


@mine.post("/addresses/{int:pk}/wishes", response={201: WishOut})
def add_wish(request: HttpRequest, pk: int, body: WishIn) -> Status[WishOut]:
    return Status(201, _wish_out(choosing.wish(user_of(request), pk, _chosen(body))))


@mine.put("/addresses/{int:pk}/wishes/{int:wish}", response=WishOut)
def change_wish(request: HttpRequest, pk: int, wish: int, body: WishIn) -> WishOut:
    return _wish_out(choosing.wish(user_of(request), pk, _chosen(body), wish))


@mine.delete("/addresses/{int:pk}/wishes/{int:wish}", response={204: None})
def drop_wish(request: HttpRequest, pk: int, wish: int) -> Status[None]:
    choosing.drop_wish(user_of(request), pk, wish)
    return Status(204, None)


@outbox.get("", response=MessagesOut)
def list_messages(request: HttpRequest, query: Query[OutboxQuery]) -> MessagesOut:
    count, rows = cut(messages_of(query.status, query.channel, query.q), query)
    return MessagesOut(count=count, items=[_message_out(row) for row in rows])


@outbox.get("/{int:pk}", response=MessageDetailOut)
def one_message(request: HttpRequest, pk: int) -> MessageDetailOut:
    """Subject and text are empty where only the receiver may read it."""
    return _detail(pk)


@outbox.post("/{int:pk}/again", auth=door.worker, response=MessageDetailOut)
def send_again(request: HttpRequest, pk: int) -> MessageDetailOut:
    """A message that was not delivered is tried once more; its address counts as right again."""
    found = Outgoing.objects.filter(pk=pk).first()
    if found is None:
        raise Http404
    courier.mark_well(found.channel, found.address)
    claiming.again(pk, clock.now())
    return _detail(pk)
