"""The rota in the database: who is called now, and what people change in it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from collector.core.models import User
from collector.service import flow, rota, telling
from collector.service.desk_models import Absence, Override, Rota, Swap
from collector.service.refusing import ServiceRefused
from collector.service.rota import Away, Instead, Shift

DAY = timedelta(days=1)


def rotas(queue: str | None = None) -> QuerySet[Rota]:
    """Those in use; of a queue: its own, and those of all queues."""
    found = Rota.objects.filter(retired_at=None).select_related("queue").prefetch_related("people")
    return found if queue is None else found.filter(Q(queue=queue) | Q(queue=None))


def called(queue: str, now: datetime, level: int = 1) -> list[int]:
    """Who is on call for the queue at this level. A rota of the queue goes before one of all queues."""
    rows = [one for one in rotas(queue) if one.level == level]
    own = [one for one in rows if one.queue_id] or rows
    found = (person_at(one, now) for one in own)
    return [person for person in dict.fromkeys(found) if person is not None]


def person_at(row: Rota, now: datetime) -> int | None:
    """None in a gap and outside its hours."""
    return rota.on_call(plan_of(row), now, *changes_of(row, now, now))


def plan_of(row: Rota) -> rota.Rota:
    hours = {day: [(str(a), str(b)) for a, b in spans] for day, spans in row.hours.items()}
    return rota.Rota(
        people=tuple(one.user_id for one in row.people.all()),
        start=row.starts_on,
        zone=row.time_zone,
        handover=row.handover,
        turn_days=row.turn_days,
        hours=hours or None,
    )


def changes_of(row: Rota, start: datetime, end: datetime) -> tuple[list[Instead], list[Away]]:
    """What differs from the plain turns between two moments. A person who may not work any more is away."""
    overrides = row.overrides.filter(cancelled_at=None, starts_at__lte=end, ends_at__gt=start).order_by("id")
    instead = [Instead(o.starts_at, o.ends_at, o.user_id, o.swap_id is not None) for o in overrides]
    people = {one.user_id for one in row.people.all()} | {one.person for one in instead if one.person}
    absences = Absence.objects.filter(user__in=people, starts_at__lte=end, ends_at__gt=start)
    away = [Away(one.user_id, one.starts_at, one.ends_at) for one in absences]
    gone = User.objects.filter(pk__in=people, is_active=False).values_list("pk", flat=True)
    return instead, [*away, *(Away(pk, start, end.replace(year=end.year + 1)) for pk in gone)]


def shifts(row: Rota, start: datetime, end: datetime) -> list[Shift]:
    return rota.shifts(plan_of(row), start, end, *changes_of(row, start, end))


def override(
    row: Rota,
    person: User | None,
    span: tuple[datetime, datetime],
    by: User,
    now: datetime,
    *,
    reason: str = "",
) -> Override:
    """Somebody else, or nobody on purpose. Managers change any time, others put themselves in."""
    if not (by.may_manage or person == by):
        raise ServiceRefused("only a manager puts others on call", code="rota.not_allowed")
    _check(*span, now)
    if person is not None and not (person.may_work and person.is_active):
        raise ServiceRefused("this person does not work at the desk", code="rota.not_a_worker")
    return Override.objects.create(
        rota=row, user=person, starts_at=span[0], ends_at=span[1], reason=reason.strip()[:400], by=by, at=now
    )


def cancel_override(pk: int, by: User, now: datetime) -> Override:
    """Undo: the turn goes back to whose it was."""
    with transaction.atomic():
        found = Override.objects.select_for_update(of=("self",)).filter(pk=pk, cancelled_at=None).first()
        if found is None or found.ends_at <= now:
            raise ServiceRefused("it is over or was taken back already", code="rota.over")
        if not (by.may_manage or by.pk in (found.user_id, found.by_id)):
            raise ServiceRefused("only a manager or who made it takes it back", code="rota.not_allowed")
        found.cancelled_at = now
        found.save(update_fields=["cancelled_at"])
        return found


def ask_swap(
    row: Rota,
    asker: User,
    asked: User,
    mine: tuple[datetime, datetime],
    now: datetime,
    *,
    back: tuple[datetime, datetime] | None = None,
    note: str = "",
) -> Swap:
    """`asker` must be on call for all of `mine`, and `asked` for all of `back`."""
    _check(*mine, now)
    _holds(row, asker, mine, "rota.not_yours")
    if asked == asker or not (asked.may_work and asked.is_active):
        raise ServiceRefused("ask somebody else who works at the desk", code="rota.not_a_worker")
    if back is not None:
        _check(*back, now)
        _holds(row, asked, back, "rota.not_theirs")
    with transaction.atomic():
        swap = Swap.objects.create(
            rota=row, asker=asker, asked=asked, starts_at=mine[0], ends_at=mine[1], asked_at=now,
            back_starts_at=back[0] if back else None, back_ends_at=back[1] if back else None,
            note=note.strip()[:400],
        )  # fmt: skip
        words = _words("swap_asked", swap, asker)
        telling.tell(asked, words, now, key=f"swap:{swap.pk}", about=f"swap:{swap.pk}")
    return swap


def answer_swap(pk: int, stimulus: str, by: User, now: datetime) -> Swap:
    """accept and decline by whom was asked (a manager may, too), withdraw by whom asked. What was true when it was
    asked must still be so when it is accepted."""
    with transaction.atomic():
        swap = Swap.objects.select_for_update(of=("self",)).filter(pk=pk).first()
        if swap is None:
            raise ServiceRefused("there is no such swap", code="rota.unknown")
        owner = swap.asker_id if stimulus == "withdraw" else swap.asked_id
        if not (by.may_manage or by.pk == owner):
            raise ServiceRefused("somebody else must answer", code="rota.not_allowed")
        swap.state = flow.SWAPS.move(swap.state, stimulus)
        swap.answered_at = now
        swap.save(update_fields=["state", "answered_at"])
        if stimulus == "accept":
            _exchange(swap, by, now)
        reader = swap.asked if stimulus == "withdraw" else swap.asker
        words = _words("swap_answered", swap, by, answer=telling.ANSWERS[stimulus])
        telling.tell(reader, words, now, key=f"swap:{swap.pk}:{stimulus}", about=f"swap:{swap.pk}")
        return swap


def _words(name: str, swap: Swap, who: User, **more: object) -> telling.Words:
    told = {"who": telling.name_of(who), "start": swap.starts_at, "end": swap.ends_at, "rota": swap.rota.name}
    return telling.text_of(name, "/on-call/", **told, **more)


def _exchange(swap: Swap, by: User, now: datetime) -> None:
    mine = (swap.starts_at, swap.ends_at)
    _check(*mine, now)
    _holds(swap.rota, swap.asker, mine, "rota.not_yours")
    spans = [(swap.asked, mine)]
    if swap.back_starts_at and swap.back_ends_at:
        back = (swap.back_starts_at, swap.back_ends_at)
        _holds(swap.rota, swap.asked, back, "rota.not_theirs")
        spans.append((swap.asker, back))
    for person, (start, end) in spans:
        Override.objects.create(
            rota=swap.rota,
            user=person,
            starts_at=start,
            ends_at=end,
            swap=swap,
            by=by,
            at=now,
            reason=swap.note,
        )


def _holds(row: Rota, person: User, span: tuple[datetime, datetime], code: str) -> None:
    found: Sequence[Shift] = shifts(row, *span)
    if not found or any(one.person != person.pk for one in found):
        raise ServiceRefused(f"{person.get_username()} is not on call all of that time", code=code)


def _check(start: datetime, end: datetime, now: datetime) -> None:
    if end <= start:
        raise ServiceRefused("the end must be after the beginning", code="rota.times")
    if end <= now:
        raise ServiceRefused("this time is over", code="rota.over")
