"""How a request begins, whichever way it came."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from collector.core import live
from collector.incidents.models import Incident, Source
from collector.inventory.models import ContactPerson, Customer, Site, Terminal
from collector.requests import files, letters, promise
from collector.requests.catalogue import RequestType
from collector.requests.log import Actor, write
from collector.requests.models import Approval, Kind, Request, Step
from protocols.errors import PlombaError

TITLE = 200


class PlaceWrong(PlombaError):
    """`request.place_missing`: the type needs a till or a shop. `request.place_foreign`: it is another customer's."""

    code = "request.place_missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """`answers` were not checked yet. An empty `title` becomes that of the type."""

    type: RequestType
    customer: Customer
    source: Source
    site: Site | None = None
    terminal: Terminal | None = None
    contact: ContactPerson | None = None
    asker_name: str = ""
    asker_email: str = ""
    asker_phone: str = ""
    language: str = "lv"
    title: str = ""
    text: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    incident: Incident | None = None


@transaction.atomic
def open_request(
    wish: Wish,
    actor: Actor,
    now: datetime,
    *,
    attached: Iterable[files.File] = (),
    by_mail: bool = False,
    answer_to: str = "",
) -> Request:
    """PlaceWrong, catalogue.AnswersWrong, files.FilesRefused. `by_mail`: a mail says what it says; answers and place
    are asked for later. `answer_to`: the Message-ID of the mail."""
    answers = {} if by_mail else wish.type.check(wish.answers)
    site = _place(wish, by_mail)
    kept = files.within(attached)[0] if by_mail else files.accept(attached)
    request = _made(wish, site, answers, now)
    write(request, Kind.OPENED, actor, now, text=wish.text, public=True, attached=kept)
    _prepare(request, wish.type, now)
    promise.pin(request, now)
    request.promised_at = promise.of(request, now)
    request.save(update_fields=["contracts", "hours", "promised_at"])
    letters.opened(request, now, answer_to=answer_to)
    live.publish_on_commit("request", request.pk)
    return request


def _place(wish: Wish, by_mail: bool) -> Site | None:
    site = wish.terminal.site if wish.terminal else wish.site
    if site and site.customer_id != wish.customer.pk:
        raise PlaceWrong("the place belongs to another customer", code="request.place_foreign")
    if wish.incident and (wish.terminal is None or wish.incident.terminal_id != wish.terminal.pk):
        raise PlaceWrong("the incident is of another till", code="request.place_foreign")
    lacking = (wish.type.place == "till" and wish.terminal is None) or (
        wish.type.place == "shop" and site is None
    )
    if lacking and not by_mail:
        raise PlaceWrong(f"a request of this type needs a {wish.type.place}")
    return site


def _made(wish: Wish, site: Site | None, answers: dict[str, str], now: datetime) -> Request:
    impact, urgency = _gravity(wish.type, answers)
    return Request.objects.create(
        customer=wish.customer,
        site=site,
        terminal=wish.terminal,
        contact=wish.contact,
        asker_name=wish.asker_name,
        asker_email=wish.asker_email,
        asker_phone=wish.asker_phone,
        language=wish.contact.language if wish.contact else wish.language,
        type=wish.type.key,
        definition=wish.type.model_dump(mode="json"),
        answers=answers,
        title=(" ".join(wish.title.split()) or wish.type.title.say(wish.language))[:TITLE],
        text=wish.text,
        source=wish.source,
        queue=wish.type.queue,
        impact=impact,
        urgency=urgency,
        priority=promise.priority(impact, urgency),
        incident=wish.incident,
        opened_at=now,
        touched_at=now,
    )


def _gravity(kind: RequestType, answers: dict[str, str]) -> tuple[int, int]:
    """A till that cannot sell is graver than its type; one that sells is less so."""
    match answers.get("selling") if kind.incident else None:
        case "no":
            return min(kind.impact, 2), 1
        case "yes":
            return max(kind.impact, 3), max(kind.urgency, 3)
        case _:
            return kind.impact, kind.urgency


def _prepare(request: Request, kind: RequestType, now: datetime) -> None:
    """Steps, and the questions to a manager. What a customer agrees to needs a price first, so a person asks it."""
    for position, one in enumerate(kind.steps):
        Step.objects.create(
            request=request, position=position, name=one.name, by_customer=one.by == "customer"
        )
    for approval in kind.approvals:
        if approval.by == "manager":
            question = approval.question.say("lv")
            Approval.objects.create(request=request, by_customer=False, question=question, asked_at=now)
