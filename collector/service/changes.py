"""What people do with changes: each act asks the table of states and the guards, and leaves a step. What is known of
backups is handed in: that is another room's."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction

from collector.core import calendars, live
from collector.core.models import User
from collector.inventory import maintenance
from collector.inventory.maintenance import Wish
from collector.inventory.models import Terminal
from collector.service import catalogue, flow, guards, people, rota, telling
from collector.service.change_facts import ZONE, Proofs, evidence_of, facts_of, risk_of
from collector.service.change_models import Approval, Change, ChangeStep, ChangeTask
from collector.service.flow import Kind
from collector.service.guards import Refusal
from collector.service.refusing import ServiceRefused


class ChangeRefused(ServiceRefused):
    """`missing`: everything that stands in the way."""

    def __init__(self, missing: Sequence[Refusal]) -> None:
        first = missing[0]
        super().__init__(f"{first.code} {first.detail}".strip(), code=first.code, detail=first.detail)
        self.missing = tuple(missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person wrote with an act. None: as it is."""

    note: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    assignee: User | None = None
    back_out: str | None = None
    test_plan: str | None = None
    opening_reason: str | None = None
    waiver: str | None = None
    review: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    kind: Kind
    category: str
    title: str
    reason: str
    terminals: Sequence[Terminal] = field(default_factory=tuple)
    product: str = ""
    modification: str = ""
    version: str = ""
    outage: bool | None = None


def ask(new: New, by: User, now: datetime) -> Change:
    """A request for change. ServiceRefused change.category, change.kind, change.no_title, incident.not_allowed."""
    _may_work(by)
    category = catalogue.changes().categories.get(new.category)
    if category is None:
        raise ServiceRefused("there is no such kind of work", code="change.category")
    if new.kind not in category.kinds:
        raise ServiceRefused("this work cannot be such a change", code="change.kind", detail=new.kind)
    if not new.title.strip():
        raise ServiceRefused("a change needs a title", code="change.no_title")
    with transaction.atomic():
        row = Change.objects.create(
            kind=new.kind, category=new.category, title=new.title.strip()[:200], reason=new.reason.strip(),
            product=new.product.strip(), modification=new.modification.strip(), version=new.version.strip(),
            touches_programme=category.touches_programme, requester=by, created_at=now,
            outage=category.outage if new.outage is None else new.outage,
        )  # fmt: skip
        row.terminals.set(new.terminals)
        _step(row, "asked", "", by, now)
    return row


def act(
    pk: int, stimulus: str, by: User, now: datetime, proofs: Proofs, *, said: Said | None = None
) -> Change:
    """One step on. ServiceRefused `service.state` where the table has none, ChangeRefused with everything that is
    missing."""
    heard = said or Said()
    with transaction.atomic():
        row = _locked(pk)
        _may(stimulus, by)
        before = row.state
        to = flow.CHANGES[Kind(row.kind)].move(before, stimulus)
        _take_in(row, heard, by)
        if stimulus in ("approve", "refuse"):
            to = _voted(row, stimulus, heard, by, now=now, proofs=proofs)
        elif missing := missing_for(row, stimulus, now, proofs):
            raise ChangeRefused(missing)
        _moved(row, stimulus, to, now, proofs)
        _keep_windows(row, by, now)
        if stimulus == "plan" and row.kind != Kind.STANDARD:
            _ask_approval(row, now)
        _step(row, stimulus, before, by, now, note=heard.note or heard.review or "")
    return row


def missing_for(row: Change, stimulus: str, now: datetime, proofs: Proofs) -> list[Refusal]:
    """Everything that stands in the way of this step, for the page that shows it before somebody tries."""
    return guards.refusals(stimulus, facts_of(row), evidence_of(row, now, proofs), catalogue.changes().policy)


def possible(row: Change) -> tuple[str, ...]:
    """The steps that the table allows from here."""
    return flow.CHANGES[Kind(row.kind)].open_to(row.state)


def done(pk: int, by: User, now: datetime, note: str) -> ChangeTask:
    """A task that had to follow. With a note that says what was done; done again is refused."""
    _may_work(by)
    if not note.strip():
        raise ServiceRefused("say what was done", code="change.no_note")
    with transaction.atomic():
        task = ChangeTask.objects.select_for_update(of=("self",)).filter(pk=pk, done_at=None).first()
        if task is None:
            raise ServiceRefused("there is no such open task", code="change.task_done")
        task.done_at, task.done_by, task.note = now, by, note.strip()[:400]
        task.save(update_fields=["done_at", "done_by", "note"])
        _step(task.change, "task", task.change.state, by, now, note=f"{task.kind}: {task.note}")
        return task


def reopen_task(pk: int, by: User, now: datetime) -> ChangeTask:
    """Undo, as long as the change is not closed."""
    _may_work(by)
    with transaction.atomic():
        task = (
            ChangeTask.objects.select_for_update(of=("self",)).select_related("change").filter(pk=pk).first()
        )
        if task is None or task.done_at is None or task.change.is_over:
            raise ServiceRefused("this task cannot be opened again", code="change.task_done")
        task.done_at = task.done_by = None
        task.save(update_fields=["done_at", "done_by"])
        _step(task.change, "task", task.change.state, by, now, note=f"{task.kind}: —")
        return task


def _voted(row: Change, stimulus: str, said: Said, by: User, *, now: datetime, proofs: Proofs) -> str:
    """The word of one person. It is approved as soon as enough others than the requester said so; one refusal is
    enough to refuse."""
    if by.pk == row.requester_id:
        raise ServiceRefused("nobody approves what they asked for", code="change.own")
    if stimulus == "refuse" and not said.note.strip():
        raise ServiceRefused("say why", code="change.no_note")
    _vote, new = Approval.objects.get_or_create(
        change=row, round=row.round, person=by,
        defaults={"approved": stimulus == "approve", "comment": said.note.strip()[:400], "at": now},
    )  # fmt: skip
    if not new:
        raise ServiceRefused("you have said so already", code="change.voted")
    if stimulus == "refuse":
        return "not_approved"
    missing = missing_for(row, "approve", now, proofs)
    if others := [one for one in missing if one.code != "change.approvals_missing"]:
        raise ChangeRefused(others)
    return row.state if missing else "approved"


def _moved(row: Change, stimulus: str, to: str, now: datetime, proofs: Proofs) -> None:
    match stimulus:
        case "plan":
            found = risk_of(row, now, proofs)
            row.risk, row.risk_score = found.level, found.score
            row.risk_why = [[one.word, one.points, one.figure] for one in found.reasons]
            row.round += 1
        case "implement":
            row.implemented_at, row.failed = now, False
            _follow_up(row, now)
        case "back_out":
            row.implemented_at, row.failed = now, True
        case "close":
            row.closed_at = now
    row.state = to
    row.save()


def _ask_approval(row: Change, now: datetime) -> None:
    """Of every manager who did not ask for it."""
    path = f"/changes/{row.pk}/"
    words = telling.text_of("approval", path, title=row.title, start=row.starts_at, score=row.risk_score)
    for manager in User.objects.filter(pk__in=set(people.managers()) - {row.requester_id}):
        telling.tell(manager, words, now, key=f"approval:{row.pk}:{row.round}", about=f"change:{row.pk}")


def _keep_windows(row: Change, by: User, now: datetime) -> None:
    """While a change that takes tills out of use may be under way, nobody is called for them; no longer: what fails
    after the work is a fault."""
    for window in row.windows.filter(ended_at=None, ends_at__gt=now):
        maintenance.call_off(window.pk, by, now)
    waits = row.state == "approved" or (row.state == "planned" and row.kind == Kind.STANDARD)
    if not (waits and row.outage and row.starts_at and row.ends_at and row.ends_at > now):
        return
    for till in row.terminals.all():
        wish = Wish(begins_at=row.starts_at, ends_at=row.ends_at, reason=row.title, terminal=till)
        row.windows.add(maintenance.plan(wish, by, now))


def _follow_up(row: Change, now: datetime) -> None:
    """The tasks that must follow: per till where the data say so."""
    for task in catalogue.changes().tasks:
        if row.category not in task.after:
            continue
        for till in row.terminals.all() if task.per_terminal else (None,):
            ChangeTask.objects.get_or_create(
                change=row, kind=task.kind, terminal=till,
                defaults={"due_at": due_at(task, now), "legal_basis": task.legal_basis},
            )  # fmt: skip


def due_at(task: catalogue.Task, now: datetime) -> datetime:
    """Days and working days end with the day in Riga: the law counts days, not hours. Of the two ways to count working
    days, the stricter."""
    if task.unit == "hours":
        return now + timedelta(hours=task.due)
    day = now.astimezone(ZoneInfo(ZONE)).date()
    if task.unit == "working_days":
        calendars.ensure(now)
        last = min(calendars.legal_deadline(day, task.due))
    else:
        last = day + timedelta(days=task.due)
    return rota.moment(last + timedelta(days=1), time(0), ZONE)


def _take_in(row: Change, said: Said, by: User) -> None:
    written = (
        "starts_at",
        "ends_at",
        "back_out",
        "test_plan",
        "opening_reason",
        "waiver",
        "review",
        "assignee",
    )
    for name in written:
        value = getattr(said, name)
        if value is None:
            continue
        if name == "waiver" and value.strip() and not by.may_manage:
            raise ServiceRefused("only a manager waives a backup", code="change.manager")
        setattr(row, name, value.strip()[:4000] if isinstance(value, str) else value)
    if row.assignee is not None and not row.assignee.may_work:
        raise ServiceRefused("this person does not work at the desk", code="rota.not_a_worker")


def _may(stimulus: str, by: User) -> None:
    """Managers decide (validate, reject, approve, refuse); who works may do the rest."""
    _may_work(by)
    if stimulus in ("validate", "reject", "approve", "refuse") and not by.may_manage:
        raise ServiceRefused("a manager decides this", code="change.manager")


def _may_work(by: User) -> None:
    if not by.may_work:
        raise ServiceRefused("only technicians and managers may do this", code="incident.not_allowed")


def _locked(pk: int) -> Change:
    row = Change.objects.select_for_update(of=("self",)).filter(pk=pk).first()
    if row is None:
        raise ServiceRefused("there is no such change", code="change.unknown")
    return row


def _step(row: Change, kind: str, before: str, by: User | None, now: datetime, *, note: str = "") -> None:
    ChangeStep.objects.create(
        change=row, kind=kind, from_state=before, to_state=row.state, at=now, by=by, note=note.strip()[:4000]
    )
    live.publish_on_commit("change", row.pk)
