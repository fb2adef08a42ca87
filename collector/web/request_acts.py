"""What the staff can do to a request, by the name in addresses; the same for pages and API. The rules are in
collector.requests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from django.http import Http404
from django.utils.dateparse import parse_datetime

from collector.core.models import Role, User
from collector.incidents.models import Incident
from collector.requests import acts, files
from collector.requests.acts import ActRefused
from collector.requests.log import Actor


@dataclass(frozen=True, slots=True)
class Given:
    """What a form or a document brought. `zone`: of times without one."""

    words: Mapping[str, str]
    attached: tuple[files.File, ...] = ()
    zone: str = "Europe/Riga"

    def text(self, name: str = "text") -> str:
        return self.words.get(name, "").replace("\r\n", "\n")

    def whole(self, name: str) -> int:
        """0 where it is none."""
        found = self.words.get(name, "")
        return int(found) if found.isascii() and found.isdigit() and len(found) < 12 else 0

    def moment(self, name: str) -> datetime | None:
        try:
            found = parse_datetime(self.words.get(name, ""))
        except ValueError:
            return None
        return found if found is None or found.tzinfo else found.replace(tzinfo=ZoneInfo(self.zone))

    def cents(self, name: str) -> int | None:
        """From euros as people write them: "1 234,50"."""
        said = self.words.get(name, "").replace("\u00a0", "").replace(" ", "").replace(",", ".").strip("€")
        try:
            amount = Decimal(said) if said else None
        except InvalidOperation as e:
            raise ActRefused("this is not an amount of money", code="request.amount") from e
        if amount is None:
            return None
        if not amount.is_finite() or not 0 <= amount < 10_000_000:
            raise ActRefused("this is not an amount of money", code="request.amount")
        return int(amount * 100)


def worker(pk: int) -> User:
    found = User.objects.filter(pk=pk, is_active=True, role__in=(Role.TECHNICIAN, Role.MANAGER)).first()
    if found is None:
        raise ActRefused(
            "requests can be given to technicians and managers only", code="request.not_a_worker"
        )
    return found


def _decide(pk: int, by: User, given: Given, now: datetime) -> None:
    """Questions to a manager; the staff does not agree in the customer's place."""
    if not by.may_manage:
        raise ActRefused("a manager decides", code="request.not_a_manager")
    approval = given.whole("approval")
    if not acts.is_for_managers(pk, approval):
        raise ActRefused("this question is the customer's", code="request.not_a_manager")
    acts.decide(pk, approval, Actor(by), given.text("agree") == "yes", comment=given.text(), now=now)


def _incident(pk: int) -> Incident:
    found = Incident.objects.select_related("terminal__site", "site").filter(pk=pk).first()
    if found is None:
        raise ActRefused("there is no such incident", code="request.incident_foreign")
    return found


def _one_of(value: str, allowed: Mapping[str, object]) -> str:
    if value not in allowed:
        raise Http404
    return value


Act = Callable[[int, User, Given, datetime], object]

ACTS: dict[str, Act] = {
    "take": lambda pk, by, given, now: acts.take(pk, by, worker(given.whole("worker") or by.pk), now),
    "start": lambda pk, by, _given, now: acts.start(pk, by, now),
    "queue": lambda pk, by, given, now: acts.give_back(pk, by, given.text("queue")[:40], now),
    "answer": lambda pk, by, given, now: acts.say(
        pk, by, given.text(), now, public=True, attached=given.attached
    ),
    "note": lambda pk, by, given, now: acts.say(
        pk, by, given.text(), now, public=False, attached=given.attached
    ),
    "wait": lambda pk, by, given, now: acts.wait(
        pk,
        by,
        _one_of(given.text("for_whom"), acts.WAITS),
        given.moment("until"),
        reason=given.text(),
        now=now,
    ),
    "wake": lambda pk, by, _given, now: acts.wake(pk, by, now),
    "visit": lambda pk, by, given, now: acts.agree_visit(pk, by, given.moment("until"), given.text(), now),
    "priority": lambda pk, by, given, now: acts.prioritise(
        pk, by, min(max(given.whole("impact"), 1), 3), min(max(given.whole("urgency"), 1), 4), now
    ),
    "ask": lambda pk, by, given, now: acts.ask_approval(pk, by, given.text(), given.cents("price"), now),
    "decide": _decide,
    "step": lambda pk, by, given, now: acts.do_step(pk, given.text("step"), Actor(by), now),
    "resolve": lambda pk, by, given, now: acts.resolve(pk, by, given.text(), given.text("code"), now),
    "reopen": lambda pk, by, given, now: acts.reopen(pk, Actor(by), given.text(), now),
    "close": lambda pk, by, _given, now: acts.close(pk, Actor(by), now),
    "cancel": lambda pk, by, given, now: acts.cancel(pk, Actor(by), given.text(), now),
    "merge": lambda pk, by, given, now: acts.merge(pk, by, given.whole("into"), now),
    "incident": lambda pk, by, _given, now: acts.open_incident(pk, by, now),
    "link": lambda pk, by, given, now: acts.link(pk, by, _incident(given.whole("incident")), now),
}


def act(by: User, pk: int, name: str, given: Given, now: datetime) -> None:
    """Http404 for an act that does not exist; PlombaError where the request does not allow it now."""
    if name not in ACTS:
        raise Http404
    ACTS[name](pk, by, given, now)
