"""Guidelines and news for customers, and who has read them."""

from datetime import date, datetime
from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status

from collector.core import clock
from collector.notices import audience, evidence, giving, lists
from collector.notices.models import Notice, Reading, Version
from collector.web.access import user_of
from collector.web.api import door
from collector.web.api.paging import Slice, cut

router = Router(tags=["notices"], auth=door.anyone)


class TextIn(Schema):
    title: str
    text: str


class NoticeIn(Schema):
    """`texts` by language (lv, en, ru), in Markdown. No customers, models or contracts: for all."""

    kind: Literal["guideline", "news"]
    texts: dict[Literal["lv", "en", "ru"], TextIn]
    customers: list[int] = []
    device_models: list[str] = []
    contracts: list[str] = []
    confirm: bool = True
    acknowledge: bool = False
    remind_days: Annotated[int, Field(ge=1, le=90)] = 3
    confirm_by: date | None = None


class ProgressOut(Schema):
    given: int
    confirmed: int
    shops: int
    signed: int
    late: bool


class VersionOut(Schema):
    number: int
    texts: dict[str, TextIn]
    confirm_by: date | None
    published_at: datetime | None
    digest: str


class ReadingOut(Schema):
    contact: int
    name: str
    customer: int
    email: str
    language: str
    given_at: datetime
    reminders: int
    remind_at: datetime | None
    confirmed_at: datetime | None
    how: str


class NoticeOut(Schema):
    """`readers`: how many contacts it is for now. `progress`: of the newest published version, null before it."""

    id: int
    kind: str
    customers: list[int]
    device_models: list[str]
    contracts: list[str]
    confirm: bool
    acknowledge: bool
    remind_days: int
    withdrawn_at: datetime | None
    current: int | None
    readers: int
    progress: ProgressOut | None


class NoticeDetailOut(NoticeOut):
    versions: list[VersionOut]
    readings: list[ReadingOut]


class NoticesOut(Schema):
    count: int
    items: list[NoticeOut]


def _fields(notice: Notice) -> dict[str, object]:
    plain = ("kind", "device_models", "contracts", "confirm", "acknowledge", "remind_days", "withdrawn_at")
    progress = lists.progress(notice.current, clock.now().date()) if notice.current else None
    named = ("given", "confirmed", "shops", "signed", "late")
    return {
        **{name: getattr(notice, name) for name in plain},
        "id": notice.pk,
        "customers": [one.pk for one in notice.customers.all()],
        "current": notice.current.number if notice.current else None,
        "readers": audience.contacts_of(notice, clock.now()).count(),
        "progress": {name: getattr(progress, name) for name in named} if progress else None,
    }


def _version_out(version: Version) -> dict[str, object]:
    return {name: getattr(version, name) for name in VersionOut.model_fields}


def _reading_out(reading: Reading) -> dict[str, object]:
    plain = ("email", "language", "given_at", "reminders", "remind_at", "confirmed_at", "how")
    who = {
        "contact": reading.contact_id,
        "name": reading.contact.name,
        "customer": reading.contact.customer_id,
    }
    return {**{name: getattr(reading, name) for name in plain}, **who}


def _detail(pk: int) -> NoticeDetailOut:
    notice = get_object_or_404(Notice.objects.select_related("current__notice"), pk=pk)
    readings = notice.current.readings.select_related("contact") if notice.current else []
    return NoticeDetailOut.model_validate(
        {
            **_fields(notice),
            "versions": [_version_out(version) for version in notice.versions.all()],
            "readings": [_reading_out(reading) for reading in readings],
        }
    )


def _save(request: HttpRequest, notice: Notice | None, body: NoticeIn) -> NoticeDetailOut:
    texts: dict[str, dict[str, str]] = {language: text.dict() for language, text in body.texts.items()}
    shape = giving.Shape(
        kind=body.kind,
        customers=tuple(body.customers),
        device_models=tuple(body.device_models),
        contracts=tuple(body.contracts),
        confirm=body.confirm,
        acknowledge=body.acknowledge,
        remind_days=body.remind_days,
        confirm_by=body.confirm_by,
    )
    return _detail(giving.save(notice, texts, shape, user_of(request), clock.now()).pk)


@router.get("", response=NoticesOut)
def list_notices(request: HttpRequest, query: Query[Slice]) -> NoticesOut:
    count, rows = cut(Notice.objects.select_related("current__notice"), query)
    return NoticesOut(count=count, items=[NoticeOut.model_validate(_fields(row)) for row in rows])


@router.post("", auth=door.worker, response={201: NoticeDetailOut})
def write_notice(request: HttpRequest, body: NoticeIn) -> Status[NoticeDetailOut]:
    """A draft. Nothing is sent before it is published."""
    return Status(201, _save(request, None, body))


@router.get("/{int:pk}", response=NoticeDetailOut)
def one_notice(request: HttpRequest, pk: int) -> NoticeDetailOut:
    return _detail(pk)


@router.put("/{int:pk}", auth=door.worker, response=NoticeDetailOut)
def change_notice(request: HttpRequest, pk: int, body: NoticeIn) -> NoticeDetailOut:
    """Changed texts become a draft of the next version; what was published stays."""
    return _save(request, get_object_or_404(Notice, pk=pk), body)


@router.post("/{int:pk}/publish", auth=door.manager, response=NoticeDetailOut)
def publish_notice(request: HttpRequest, pk: int) -> NoticeDetailOut:
    giving.publish(get_object_or_404(Notice, pk=pk), user_of(request), clock.now())
    return _detail(pk)


@router.post("/{int:pk}/withdraw", auth=door.manager, response=NoticeDetailOut)
def withdraw_notice(request: HttpRequest, pk: int) -> NoticeDetailOut:
    giving.withdraw(get_object_or_404(Notice, pk=pk), user_of(request), clock.now())
    return _detail(pk)


@router.post("/{int:pk}/restore", auth=door.manager, response=NoticeDetailOut)
def restore_notice(request: HttpRequest, pk: int) -> NoticeDetailOut:
    giving.restore(get_object_or_404(Notice, pk=pk), user_of(request), clock.now())
    return _detail(pk)


@router.get("/{int:pk}/evidence")
def notice_evidence(request: HttpRequest, pk: int) -> HttpResponse:
    """A ZIP with texts, readings, mails and signed lists, and a check sum of each."""
    return HttpResponse(evidence.archive(get_object_or_404(Notice, pk=pk)), content_type="application/zip")
