"""Problems, known errors, and what Plomba proposes by itself: problems from clusters, articles from equal
resolutions."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from collector.core import live
from collector.core.models import User
from collector.incidents.book import RESOLVED_BY_ITSELF
from collector.incidents.models import Incident, State
from collector.knowledge import drafts
from collector.service import clusters, flow, rounds
from collector.service.clusters import Case, Cluster, Equal, Solved
from collector.service.problem_models import Candidate, Draft, Problem, ProblemStep
from collector.service.refusing import ServiceRefused
from protocols.status.faults import FAULTS

EVERY = timedelta(minutes=10)
SOLVED_WITHIN = timedelta(days=180)
ROWS_MOST = 20_000
GROWN = 1.5
"""A candidate that was dismissed is proposed again when it has grown by half."""
WRITTEN = ("symptom", "root_cause", "workaround", "solution")


def find(now: datetime) -> int:
    """A duty: propose what shows in the incidents of the last thirty days. How many are new."""
    if not rounds.mine("problems", now, EVERY):
        return 0
    return sum(propose(one, now) for one in clusters.clusters(_cases(now), now))


def propose(found: Cluster, now: datetime) -> bool:
    """Keep or renew a candidate. True where it is new, or is proposed again."""
    fields = _fields(found)
    with transaction.atomic():
        row = Candidate.objects.select_for_update(of=("self",)).filter(key=found.key).first()
        if row is None:
            try:
                with transaction.atomic():
                    Candidate.objects.create(key=found.key, proposed_at=now, **fields)
            except IntegrityError:  # another worker found it in the same moment
                return False
            live.publish_on_commit("problem", found.key)
            return True
        again = row.state == "dismissed" and found_more(row, found)
        for name, value in fields.items():
            setattr(row, name, value)
        if again:
            row.state, row.proposed_at = flow.CANDIDATES.move(row.state, "propose"), now
        row.save()
        if row.problem_id is not None:
            _link(row, found)
        return again


def found_more(row: Candidate, found: Cluster) -> bool:
    return len(found.incidents) >= GROWN * max(1, row.dismissed_at_count)


def accept(pk: int, by: User, now: datetime) -> Problem:
    """A problem of it, with its incidents."""
    _may_work(by)
    with transaction.atomic():
        row = _candidate(pk)
        row.state = flow.CANDIDATES.move(row.state, "accept")
        fault = FAULTS.get(row.code)
        said = " · ".join(part for part in (row.model, row.firmware) if part)
        title = f"{fault.title(by.language) if fault else row.code}: {said}"[:200]
        problem = raised(title, by, now, code=row.code, model=row.model, firmware=row.firmware)
        problem.incidents.set(Incident.objects.filter(pk__in=row.incident_ids))
        row.problem, row.decided_at, row.decided_by = problem, now, by
        row.save()
    return problem


def dismiss(pk: int, by: User, now: datetime, reason: str) -> Candidate:
    """It is none; it comes back only when it has grown by half."""
    _may_work(by)
    if not reason.strip():
        raise ServiceRefused("say why it is no problem", code="problem.no_note")
    with transaction.atomic():
        row = _candidate(pk)
        row.state = flow.CANDIDATES.move(row.state, "dismiss")
        row.decided_at, row.decided_by, row.reason = now, by, reason.strip()[:400]
        row.dismissed_at_count = row.count
        row.save()
    return row


def restore(pk: int, by: User) -> Candidate:
    """Undo of `dismiss`."""
    _may_work(by)
    with transaction.atomic():
        row = _candidate(pk)
        row.state = flow.CANDIDATES.move(row.state, "propose")
        row.decided_at = row.decided_by = None
        row.save()
    return row


def raised(
    title: str, by: User, now: datetime, *, code: str = "", model: str = "", firmware: str = ""
) -> Problem:
    _may_work(by)
    if not title.strip():
        raise ServiceRefused("a problem needs a title", code="problem.no_title")
    with transaction.atomic():
        row = Problem.objects.create(
            title=title.strip()[:200], code=code, model=model, firmware=firmware, created_at=now, by=by
        )
        _step(row, "raise", "", by, now)
    return row


def act(
    pk: int, stimulus: str, by: User, now: datetime, *, note: str = "", assignee: User | None = None
) -> Problem:
    """assign, resolve, reopen, close. A problem is resolved with its cause and a solution, or a change that is one."""
    _may_work(by)
    with transaction.atomic():
        row = _locked(pk)
        before, row.state = row.state, flow.PROBLEMS.move(row.state, stimulus)
        if stimulus == "assign":
            row.assignee = assignee or by
            if not row.assignee.may_work:
                raise ServiceRefused("this person does not work at the desk", code="rota.not_a_worker")
        if stimulus == "resolve":
            if not (row.root_cause.strip() and (row.solution.strip() or row.change_id)):
                raise ServiceRefused("the cause and a solution are missing", code="problem.not_explained")
            row.resolved_at = now
        if stimulus == "reopen":
            row.resolved_at = None
        if stimulus == "close":
            row.closed_at = now
        row.save()
        _step(row, stimulus, before, by, now, note=note)
    return row


def write(pk: int, said: Mapping[str, str], by: User, now: datetime) -> Problem:
    """symptom, root_cause, workaround, solution. Names that are none of these are not looked at."""
    _may_work(by)
    with transaction.atomic():
        row = _locked(pk)
        changed = [name for name in WRITTEN if name in said and said[name].strip() != getattr(row, name)]
        for name in changed:
            setattr(row, name, said[name].strip()[:8000])
        row.save()
        if changed:
            _step(row, "write", row.state, by, now, note=", ".join(changed))
    return row


def known_error(pk: int, known: bool, by: User, now: datetime) -> Problem:
    """Its cause and a way around it are known: whoever works on such an incident is shown it. Undo with False."""
    _may_work(by)
    with transaction.atomic():
        row = _locked(pk)
        if known and not (row.root_cause.strip() and row.workaround.strip()):
            raise ServiceRefused("the cause and a way around it are missing", code="problem.no_workaround")
        row.known_error_since = (row.known_error_since or now) if known else None
        row.save()
        _step(row, "known" if known else "unknown", row.state, by, now)
    return row


def known_errors(code: str, model: str = "", firmware: str = "") -> QuerySet[Problem]:
    """Those that fit an incident, the most exact first. One that names no model is of all; one that names a firmware is
    of that alone."""
    fits = Q(model="") | Q(model__iexact=model), Q(firmware="") | Q(firmware__iexact=firmware)
    rows = Problem.objects.filter(*fits, code=code, known_error_since__isnull=False).exclude(state="closed")
    return rows.order_by("-firmware", "-model", "-known_error_since")


def draft_articles(now: datetime) -> int:
    """A duty: after three equal resolutions an article is drafted, once. How many."""
    if not rounds.mine("drafts", now, EVERY):
        return 0
    return sum(draft(one, now) for one in clusters.equal(_solved(now)))


def draft(found: Equal, now: datetime, language: str = "lv") -> bool:
    """Claim it and draft it in one transaction. One that grew after it was drafted stays as it is."""
    with transaction.atomic():
        rows = Draft.objects.filter(code=found.code, model__iexact=found.model)
        if any(set(row.incident_ids) & set(found.incidents) for row in rows):
            return False
        key = f"{found.code}|{found.model.casefold()}|{min(found.incidents)}"
        row, new = Draft.objects.get_or_create(
            key=key,
            defaults={
                "code": found.code,
                "model": found.model,
                "incident_ids": list(found.incidents),
                "at": now,
            },
        )
        if not new:
            return False
        row.slug = drafts.propose(found.code, found.model, list(dict.fromkeys(found.texts)), language)
        row.save(update_fields=["slug"])
        live.publish_on_commit("problem", key)
    return True


def _cases(now: datetime) -> list[Case]:
    """Incidents that stand on their own, of devices that told their model."""
    rows = Incident.objects.filter(
        opened_at__gte=now - clusters.WITHIN, device__isnull=False, suppressed_since=None
    )
    rows = rows.exclude(state__in=(State.CANCELLED, State.MERGED)).select_related("device")
    return [_case(row) for row in rows.order_by("-id")[:ROWS_MOST]]


def _case(row: Incident) -> Case:
    assert row.device is not None  # noqa: S101 - asked for above
    said = row.device.identity
    return Case(
        incident=row.pk,
        code=row.code,
        model=str(said.get("model", "")),
        firmware=str(said.get("firmware", "")),
        device=str(row.device_id),
        site=row.site_id or 0,
        at=row.opened_at,
    )


def _solved(now: datetime) -> Sequence[Solved]:
    """What people solved and described, from the newest."""
    rows = Incident.objects.filter(
        state__in=(State.RESOLVED, State.CLOSED), resolved_at__gte=now - SOLVED_WITHIN
    ).exclude(resolution__in=("", RESOLVED_BY_ITSELF))
    return [
        Solved(
            incident=row.pk,
            code=row.code,
            model=str(row.device.identity.get("model", "")) if row.device else "",
            resolution_code=row.resolution_code,
            text=row.resolution,
        )
        for row in rows.select_related("device").order_by("-resolved_at", "-id")[:2000]
        if row.code in FAULTS
    ]


def _fields(found: Cluster) -> dict[str, object]:
    return {
        "code": found.code,
        "model": found.model[:200],
        "firmware": found.firmware[:200],
        "incident_ids": list(found.incidents),
        "count": len(found.incidents),
        "devices": found.devices,
        "sites": found.sites,
        "first_at": found.first_at,
        "last_at": found.last_at,
    }


def _link(row: Candidate, found: Cluster) -> None:
    """New incidents of a cluster that is a problem already belong to it, as long as it is open."""
    if row.problem is not None and row.problem.state in ("new", "assigned"):
        row.problem.incidents.add(*Incident.objects.filter(pk__in=found.incidents))


def _candidate(pk: int) -> Candidate:
    row = Candidate.objects.select_for_update(of=("self",)).filter(pk=pk).first()
    if row is None:
        raise ServiceRefused("there is no such proposal", code="problem.unknown")
    return row


def _locked(pk: int) -> Problem:
    row = Problem.objects.select_for_update(of=("self",)).filter(pk=pk).first()
    if row is None:
        raise ServiceRefused("there is no such problem", code="problem.unknown")
    return row


def _may_work(by: User) -> None:
    if not by.may_work:
        raise ServiceRefused("only technicians and managers may do this", code="incident.not_allowed")


def _step(row: Problem, kind: str, before: str, by: User | None, now: datetime, *, note: str = "") -> None:
    ProblemStep.objects.create(
        problem=row, kind=kind, from_state=before, to_state=row.state, at=now, by=by, note=note.strip()[:4000]
    )
    live.publish_on_commit("problem", row.pk)
