"""The chain in the database: who hears when time runs out or nobody does anything. A duty of every worker; the row that
only one of them can write decides who tells."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from collector.core.models import User
from collector.incidents import clocks, sla
from collector.incidents.life import WAITING
from collector.incidents.models import OPEN, Incident, Transition
from collector.service import chain, oncall, people, rounds, telling
from collector.service.chain import Due, Standing, Target, Trigger
from collector.service.desk_models import Chain, Escalation, Rung, Watch
from protocols.status.faults import FAULTS

EVERY = timedelta(seconds=15)
BATCH = 300
_UNJUDGED = 3
_WHY = {
    "lv": {
        Trigger.REACTION: "Izlietoti {percent} % reakcijas laika.",
        Trigger.SOLUTION: "Izlietoti {percent} % risinājuma laika.",
        Trigger.SILENCE: "Jau {minutes} min neviens neko nav darījis.",
        Trigger.NOBODY: "Jau {minutes} min neviens to nav pārņēmis.",
    },
    "en": {
        Trigger.REACTION: "{percent} % of the time to react are used.",
        Trigger.SOLUTION: "{percent} % of the time to solve it are used.",
        Trigger.SILENCE: "Nobody has done anything about it for {minutes} minutes.",
        Trigger.NOBODY: "Nobody has taken it for {minutes} minutes.",
    },
    "ru": {
        Trigger.REACTION: "Израсходовано {percent} % времени на реакцию.",
        Trigger.SOLUTION: "Израсходовано {percent} % времени на решение.",
        Trigger.SILENCE: "Уже {minutes} мин никто ничего не делал.",
        Trigger.NOBODY: "Уже {minutes} мин его никто не взял.",
    },
}
_GOING = (sla.Standing.RUNNING, sla.Standing.PAUSED)


def escalate(now: datetime) -> int:
    """A duty: tell what is due. How many were told."""
    if not rounds.mine("escalate", now, EVERY):
        return 0
    return tell_due(now)


def tell_due(now: datetime) -> int:
    """Only incidents to which something happened, or whose time has come, are worked out."""
    chains = chains_in_use()
    if not chains:
        return 0
    incidents = list(_to_look_at(now))
    known, told = clocks.read(incidents), _told(incidents)
    count, watches = 0, []
    for incident in incidents:
        standing = _standing(incident, clocks.of(incident, now, known))
        one = chain.chain_of(standing, chains)
        for due in chain.due(standing, one, now, told.get(incident.pk, ())) if one else ():
            count += tell(incident, due, now)
        look_at = chain.look_again(standing, one, now) if one else None
        watches.append(Watch(incident=incident, step=_last(incident), look_at=look_at))
    Watch.objects.bulk_create(
        watches, update_conflicts=True, unique_fields=["incident"], update_fields=["step", "look_at"]
    )
    return count


def look_at_all() -> None:
    """The chains have changed: what was worked out by them is forgotten."""
    Watch.objects.all().delete()


def tell(incident: Incident, due: Due, now: datetime) -> bool:
    """Claim it and tell it, in one transaction: told once, or not at all. False where another worker has it."""
    try:
        with transaction.atomic():
            row = claim(incident, due, now)
            found = reached(incident.queue, incident.assignee_id, due.rung.targets, now)
            row.told = [one.pk for one in found]
            row.save(update_fields=["told"])
            for person in found:
                telling.tell(
                    person,
                    partial(_words, incident, due),
                    now,
                    key=f"escalation:{incident.pk}:{due.rung.id}:{due.occurrence}",
                    about=f"incident:{incident.pk}",
                    thread=f"incident:{incident.pk}:{person.pk}",
                )
    except IntegrityError:
        return False
    return True


def claim(incident: Incident, due: Due, now: datetime) -> Escalation:
    """IntegrityError where another worker did it in the same moment."""
    return Escalation.objects.create(
        incident=incident, rung_id=due.rung.id, occurrence=due.occurrence, at=now, percent=due.percent
    )


def reached(queue: str, assignee: int | None, targets: Iterable[Target], now: datetime) -> list[User]:
    """People of the targets, each once. Where a target has nobody (no one on call, no lead), the managers hear of it:
    an escalation that reaches nobody is none."""
    numbers: list[int] = []
    for target in targets:
        numbers += _people_of(queue, assignee, target, now) or people.managers()
    found = User.objects.filter(is_active=True).in_bulk(list(dict.fromkeys(numbers)))
    return [found[number] for number in dict.fromkeys(numbers) if number in found]


def _people_of(queue: str, assignee: int | None, target: Target, now: datetime) -> list[int]:
    match target:
        case Target.ASSIGNEE:
            return [assignee] if assignee else []
        case Target.ON_CALL:
            return oncall.called(queue, now)
        case Target.SECOND:
            return oncall.called(queue, now, level=2)
        case Target.LEAD:
            return people.leads(queue)
        case Target.MANAGERS:
            return people.managers()


def chains_in_use() -> list[chain.Chain]:
    rows = Chain.objects.filter(active=True).prefetch_related("rungs")
    return [
        chain.Chain(queue=row.queue_id or "", priority=row.priority, rungs=tuple(map(_rung, row.rungs.all())))
        for row in rows
    ]


def _rung(row: Rung) -> chain.Rung:
    return chain.Rung(
        id=row.pk,
        trigger=Trigger(row.trigger),
        threshold=row.threshold,
        targets=tuple(Target(one) for one in row.targets),
    )


def _to_look_at(now: datetime) -> QuerySet[Incident]:
    """Of what stands on its own, the gravest first."""
    last = Transition.objects.filter(incident=OuterRef("pk")).order_by("-id").values("pk")[:1]
    rows = Incident.objects.filter(state__in=OPEN, suppressed_since=None).exclude(queue="")
    wanted = Q(watch=None) | Q(watch__look_at__lte=now) | Q(watch__step__lt=F("last"))
    rows = rows.alias(last=Subquery(last)).filter(wanted)
    return clocks.with_rows(rows).order_by("priority", "pk")[:BATCH]


def _told(incidents: Sequence[Incident]) -> dict[int, set[tuple[int, str]]]:
    found: dict[int, set[tuple[int, str]]] = {}
    rows = Escalation.objects.filter(incident__in=incidents)
    for incident, rung, occurrence in rows.values_list("incident_id", "rung_id", "occurrence"):
        found.setdefault(incident, set()).add((rung, occurrence))
    return found


def _standing(incident: Incident, found: clocks.Clocks) -> Standing:
    """Silence counts from the last thing that a person did, or from its opening."""
    done = [row for row in incident.transitions.all() if row.by_id is not None]
    return Standing(
        queue=incident.queue,
        priority=incident.priority or _UNJUDGED,
        assignee=incident.assignee_id,
        opened_at=incident.opened_at,
        quiet_since=done[-1].recorded_at if done else incident.opened_at,
        last_step=done[-1].pk if done else 0,
        waits=incident.state in WAITING,
        again=incident.reopen_count,
        reaction=spent(found.reaction),
        solution=spent(found.solution),
    )


def spent(clock: sla.Clock | None) -> chain.Spent | None:
    if clock is None:
        return None
    return chain.Spent(used=clock.spent, target=clock.target, running=clock.standing in _GOING)


def _last(incident: Incident) -> int:
    return max((row.pk for row in incident.transitions.all()), default=0)


def _words(incident: Incident, due: Due, language: str) -> tuple[str, str]:
    fault = FAULTS.get(incident.code)
    title = fault.title(language) if fault else incident.code
    where = ", ".join(str(one) for one in (incident.terminal, incident.site) if one) or incident.area
    why = why_of(due, language)
    link = f"{settings.CONFIG.public_url}/incidents/{incident.pk}/"
    return f"{title}: {where}", f"{why}\n\n{title}\n{where}\n\n{link}\n"


def why_of(due: Due, language: str) -> str:
    """Why somebody hears of it, as a sentence."""
    return _WHY[language if language in _WHY else "en"][due.rung.trigger].format(
        percent=round(due.percent or due.rung.threshold), minutes=round(due.rung.threshold)
    )
