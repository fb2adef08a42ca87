"""A duty: reads turns of requests, each once, and decides who is called. `ringing` writes the messages when their time
has come. The UPDATE of a turn that hits its row decides which worker does it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from collector.core.models import User
from collector.notify import speaking, telling
from collector.notify.models import Address, Telling
from collector.requests import acts, calling
from collector.requests.calling import Matter, Reader, Ring, Way
from collector.requests.calling_models import Call, Phase, Turn
from collector.requests.models import Request
from collector.service import people
from collector.service.models import Queue

AT_ONCE = 50


def listen(now: datetime) -> int:
    """How many turns were decided."""
    new = Turn.objects.filter(heard_at=None).order_by("pk").values_list("pk", flat=True)
    return sum(hear(pk, now) for pk in new[:AT_ONCE])


@transaction.atomic
def hear(pk: int, now: datetime) -> bool:
    """Decide one turn, in one transaction with the claim. False where another worker has it."""
    if not claim(pk, now):
        return False
    turn = Turn.objects.select_related("request__site", "request__incident").get(pk=pk)
    silent = _silent(turn)
    rings = [] if silent else _rings(turn, now)
    if silent:
        Turn.objects.filter(pk=pk).update(silent=silent)
    Call.objects.bulk_create(
        Call(turn=turn, person_id=r.person, channel=r.channel, address=r.address, due_at=r.due_at)
        for r in rings
    )
    return True


def claim(pk: int, now: datetime) -> bool:
    """One of all workers gets it."""
    return Turn.objects.filter(pk=pk, heard_at=None).update(heard_at=now) == 1


def readers(queue: str, now: datetime) -> list[Reader]:
    """Who works at the queue and is not away, with the ways in which they are reached."""
    found = people.candidates(Queue.objects.filter(pk=queue).first(), now)
    present = {one.person: one.in_hours or one.on_call for one in found if not one.away}
    called = {one.person for one in found if one.on_call}
    return [
        _reader(user, ways, on_call=user.pk in called, present=present[user.pk])
        for user, ways in _with_ways(present)
    ]


def _with_ways(numbers: Iterable[int]) -> list[tuple[User, list[Way]]]:
    users = User.objects.filter(pk__in=list(numbers), is_active=True).order_by("pk")
    ways: dict[int, list[Way]] = defaultdict(list)
    rows = Address.objects.filter(person__in=users)
    for row in rows.prefetch_related("wishes__customers", "wishes__sites"):
        desires = tuple(telling.desire(wish, row) for wish in row.wishes.all())
        ways[row.person_id].append(Way(channel=row.channel, address=row.address, desires=desires))
    return [(user, ways[user.pk]) for user in users]


def _reader(user: User, ways: Sequence[Way], *, on_call: bool = False, present: bool = True) -> Reader:
    return Reader(person=user.pk, mail=user.email, ways=tuple(ways), on_call=on_call, present=present)


def _silent(turn: Turn) -> str:
    request = turn.request
    if not acts.request_is_open(request):
        return "over"
    if turn.phase == Phase.NEW:
        if request.assignee_id is not None:
            return "taken"
        return "double" if _is_double(turn) else ""
    return "" if request.assignee_id or turn.phase == Phase.REOPENED else "taken"


def _is_double(turn: Turn) -> bool:
    """The shop asked the same of the same place a little before, people were told, and nobody has it yet: the second is
    seen beside the first."""
    one = turn.request
    if one.site_id is None:
        return False
    before = Turn.objects.filter(
        phase=Phase.NEW, silent="", heard_at__gt=turn.made_at - calling.DOUBLE, pk__lt=turn.pk,
        request__customer=one.customer_id, request__site=one.site_id, request__terminal=one.terminal_id,
        request__type=one.type, request__state="new", request__assignee=None,
        request__priority__lte=one.priority,
    )  # fmt: skip
    return before.exclude(request=one).exists()


def _rings(turn: Turn, now: datetime) -> list[Ring]:
    at, request = now + speaking.limits().group, turn.request
    if request.assignee_id is not None:
        own = _with_ways([request.assignee_id])
        return calling.for_one(_reader(*own[0]), at) if own else []
    others = [
        [_reader(user, ways) for user, ways in _with_ways(numbers)]
        for numbers in (people.leads(request.queue), people.managers())
    ]
    return calling.for_queue(_matter(request), readers(request.queue, now), others, at)


def _matter(request: Request) -> Matter:
    return Matter(
        priority=request.priority, customer=request.customer_id, site=request.site_id, knows=_knows(request)
    )


def _knows(request: Request) -> frozenset[tuple[str, str]]:
    """Who was told of its open incident, or of what that is an effect of: one message per cause."""
    incident = request.incident
    if incident is None or not incident.is_open:
        return frozenset()
    causes = [pk for pk in (incident.pk, incident.cause_id) if pk]
    told = Telling.objects.filter(incident__in=causes, dropped="").exclude(phase="ended")
    return frozenset(told.values_list("address__channel", "address__address"))
