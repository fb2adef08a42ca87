"""What stands around requests: the catalogue, contact persons of customers, and mail that came in."""

from datetime import datetime
from typing import Annotated, Literal

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status

from collector.core import clock
from collector.inventory.models import ContactPerson, Customer, Site
from collector.requests import catalogue, contacts, receiving
from collector.requests.models import Mail
from collector.web.access import user_of
from collector.web.api import door
from collector.web.api.paging import Slice, cut
from collector.web.reading.requests import mails

router = Router(tags=["requests"], auth=door.anyone)


class TypeOut(Schema):
    key: str
    queue: str
    place: str
    portal: bool
    title: dict[str, str]
    summary: dict[str, str]
    fields: list[dict[str, object]]
    approvals: list[dict[str, object]]
    steps: list[dict[str, object]]
    version: int


class ContactOut(Schema):
    id: int
    customer: int
    name: str
    email: str
    phone: str
    language: str
    sites: list[int]
    takes_notices: bool
    confirms_eds: bool
    approves_paid_work: bool
    retired: bool


class ContactsOut(Schema):
    count: int
    items: list[ContactOut]


class ContactIn(Schema):
    """`sites` empty: all shops of the customer."""

    customer: int
    name: Annotated[str, Field(min_length=1, max_length=200)]
    email: Annotated[str, Field(max_length=254, pattern=r"^([^@\s]+@[^@\s]+)?$")] = ""
    phone: Annotated[str, Field(max_length=40)] = ""
    language: Literal["lv", "en", "ru"] = "lv"
    sites: list[int] = []
    takes_notices: bool = True
    confirms_eds: bool = False
    approves_paid_work: bool = False


class RetireIn(Schema):
    retired: bool


class MailOut(Schema):
    id: int
    sender: str
    subject: str
    received_at: datetime
    size_bytes: int
    fate: str
    why: str
    request: int | None


class MailsOut(Schema):
    count: int
    items: list[MailOut]


class MailQuery(Slice):
    show: Literal["waiting", "all"] = "waiting"


class SettleIn(Schema):
    customer: int | None = None
    contact: int | None = None


@router.get("/catalogue", response=list[TypeOut])
def list_types(request: HttpRequest) -> list[TypeOut]:
    return [_type(kind) for kind in catalogue.types().values()]


def _type(kind: catalogue.RequestType) -> TypeOut:
    told = kind.model_dump(mode="json")
    versions = catalogue.versions(kind.key)
    kept = {name: told[name] for name in TypeOut.model_fields if name in told}
    return TypeOut.model_validate(kept | {"version": versions[0].number if versions else 0})


def _contact(person: ContactPerson) -> ContactOut:
    names = set(ContactOut.model_fields) - {"customer", "sites", "retired"}
    return ContactOut.model_validate(
        {
            **{name: getattr(person, name) for name in names},
            "customer": person.customer_id,
            "sites": [site.pk for site in person.sites.all()],
            "retired": person.retired_at is not None,
        }
    )


@router.get("/contacts", response=ContactsOut)
def list_contacts(request: HttpRequest, query: Query[Slice]) -> ContactsOut:
    count, rows = cut(ContactPerson.objects.prefetch_related("sites").order_by("name", "pk"), query)
    return ContactsOut(count=count, items=[_contact(row) for row in rows])


@router.post("/contacts", auth=door.manager, response={201: ContactOut})
def add_contact(request: HttpRequest, body: ContactIn) -> Status[ContactOut]:
    return Status(201, _contact(contacts.save(ContactPerson(), _given(body))))


@router.put("/contacts/{int:pk}", auth=door.manager, response=ContactOut)
def change_contact(request: HttpRequest, pk: int, body: ContactIn) -> ContactOut:
    return _contact(
        contacts.save(get_object_or_404(ContactPerson, pk=pk, customer=body.customer), _given(body))
    )


@router.post("/contacts/{int:pk}/retire", auth=door.manager, response=ContactOut)
def retire_contact(request: HttpRequest, pk: int, body: RetireIn) -> ContactOut:
    person = get_object_or_404(ContactPerson, pk=pk)
    contacts.retire(person, clock.now(), retired=body.retired)
    return _contact(person)


def _given(body: ContactIn) -> dict[str, object]:
    customer = get_object_or_404(Customer, pk=body.customer)
    sites = list(Site.objects.filter(customer=customer, pk__in=body.sites))
    if len(sites) != len(set(body.sites)):
        raise Http404
    return {**body.dict(), "customer": customer, "sites": sites}


@router.get("/mail", response=MailsOut)
def list_mail(request: HttpRequest, query: Query[MailQuery]) -> MailsOut:
    """What came in, and what of it waits for a person."""
    count, rows = cut(mails(query.show), query)
    return MailsOut(count=count, items=[_mail(row) for row in rows])


def _mail(mail: Mail) -> MailOut:
    names = set(MailOut.model_fields) - {"request"}
    return MailOut.model_validate(
        {**{name: getattr(mail, name) for name in names}, "request": mail.request_id}
    )


@router.post("/mail/{int:pk}/settle", auth=door.worker, response=MailOut)
def settle_mail(request: HttpRequest, pk: int, body: SettleIn) -> MailOut:
    """With a customer or contact it becomes a request; without, it only counts as seen."""
    get_object_or_404(Mail, pk=pk)
    contact = get_object_or_404(ContactPerson, pk=body.contact) if body.contact else None
    customer = (
        get_object_or_404(Customer, pk=body.customer)
        if body.customer
        else contact.customer
        if contact
        else None
    )
    if contact and customer and contact.customer_id != customer.pk:
        raise Http404
    return _mail(receiving.settle(pk, user_of(request), clock.now(), customer, contact))
