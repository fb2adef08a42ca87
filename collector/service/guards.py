"""What a change needs before each of its steps. Pure: every missing thing is named at once, so that nobody is sent back
twice. The facts come from whoever keeps them: the certified list, the backups, the calendar."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from collector.service.flow import Kind


@dataclass(frozen=True, slots=True)
class Policy:
    """What the company demands. `approvals`: of a change of this risk ("low", "medium", "high")."""

    backup_hours: float = 24
    early: timedelta = timedelta(minutes=15)
    approvals: Mapping[str, int] = field(default_factory=lambda: {"low": 1, "medium": 1, "high": 2})


@dataclass(frozen=True, slots=True)
class Till:
    """What is known of a till's backups. `backup_at`: the newest set that lies in the store. `proven_at`: when one was
    last restored and agreed; `proven_version`: what programme was in it; `version`: what runs now. "" is unknown."""

    id: str
    name: str
    backup_at: datetime | None = None
    proven_at: datetime | None = None
    proven_version: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Certified:
    """A version that the authority's list holds, from `since` until `withdrawn_at`."""

    product: str
    version: str
    modification: str = ""
    since: datetime | None = None
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in the way: a freeze, another change, opening hours. `name` says which."""

    name: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    kind: Kind
    requester: int
    touches_programme: bool = False
    preapproved: bool = False
    product: str = ""
    modification: str = ""
    version: str = ""
    outage: bool = False
    assignee: int | None = None
    start: datetime | None = None
    end: datetime | None = None
    reason: str = ""
    back_out: str = ""
    test_plan: str = ""
    risk: str = ""
    approved_by: tuple[int, ...] = ()
    opening_reason: str = ""
    waiver: str = ""
    review: str = ""
    open_tasks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    now: datetime
    tills: tuple[Till, ...] = ()
    certified: tuple[Certified, ...] = ()
    freezes: tuple[Span, ...] = ()
    others: tuple[Span, ...] = ()
    trading: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """`code` is `change.<what is missing>`; `detail` names a till, a version or a time."""

    code: str
    detail: str = ""
    at: datetime | None = None


Guard = Callable[[Change, Evidence, Policy], Iterable[Refusal]]


def refusals(
    stimulus: str, change: Change, evidence: Evidence, policy: Policy | None = None
) -> list[Refusal]:
    """Everything that stands in the way of this step; none: it may be done."""
    kept = policy or Policy()
    return [one for guard in GUARDS.get(stimulus, ()) for one in guard(change, evidence, kept)]


def _reason(change: Change, _evidence: Evidence, _policy: Policy) -> Iterable[Refusal]:
    if not change.reason.strip():
        yield Refusal("change.no_reason")


def _tills(_change: Change, evidence: Evidence, _policy: Policy) -> Iterable[Refusal]:
    if not evidence.tills:
        yield Refusal("change.no_terminals")


def _preapproved(change: Change, _evidence: Evidence, _policy: Policy) -> Iterable[Refusal]:
    """A standard change is approved by its category, once for all; one that touches the programme never is."""
    if change.kind is Kind.STANDARD and (not change.preapproved or change.touches_programme):
        yield Refusal("change.not_preapproved")


def _assignee(change: Change, _evidence: Evidence, _policy: Policy) -> Iterable[Refusal]:
    if change.assignee is None:
        yield Refusal("change.no_assignee")


def _plan(change: Change, evidence: Evidence, _policy: Policy) -> Iterable[Refusal]:
    if change.start is None or change.end is None or change.end <= change.start:
        yield Refusal("change.no_window")
    elif change.end <= evidence.now:
        yield Refusal("change.window_over", at=change.end)
    if change.kind is not Kind.STANDARD and not change.back_out.strip():
        yield Refusal("change.no_back_out")
    if change.kind is Kind.NORMAL and not change.test_plan.strip():
        yield Refusal("change.no_test_plan")


def _certified(change: Change, evidence: Evidence, _policy: Policy) -> Iterable[Refusal]:
    """Never waived: a till with a version that is not certified may not be used."""
    if not change.touches_programme:
        return
    if not change.version or not change.product:
        yield Refusal("change.no_version")
        return
    wanted = (change.product.casefold(), change.modification.casefold(), change.version)
    listed = next(
        (
            one
            for one in evidence.certified
            if (one.product.casefold(), one.modification.casefold(), one.version) == wanted
        ),
        None,
    )
    if listed is None or (listed.since and listed.since > evidence.now):
        yield Refusal("change.not_certified", change.version)
    elif listed.withdrawn_at and listed.withdrawn_at <= evidence.now:
        yield Refusal("change.certificate_withdrawn", change.version, listed.withdrawn_at)


def _in_the_way(change: Change, spans: Sequence[Span], code: str) -> Iterable[Refusal]:
    if change.start is None or change.end is None:
        return
    for span in spans:
        if span.start < change.end and change.start < span.end:
            yield Refusal(code, span.name, span.start)


def _freezes(change: Change, evidence: Evidence, _policy: Policy) -> Iterable[Refusal]:
    """An emergency goes before a freeze."""
    if change.kind is not Kind.EMERGENCY:
        yield from _in_the_way(change, evidence.freezes, "change.frozen")


def _others(change: Change, evidence: Evidence, _policy: Policy) -> Iterable[Refusal]:
    yield from _in_the_way(change, evidence.others, "change.overlaps")


def _trading(change: Change, evidence: Evidence, _policy: Policy) -> Iterable[Refusal]:
    """Work that takes the till out of use waits until the shop is shut, or somebody says why it cannot."""
    if change.outage and change.kind is not Kind.EMERGENCY and not change.opening_reason.strip():
        yield from _in_the_way(change, evidence.trading, "change.shop_open")


def _approved(change: Change, _evidence: Evidence, policy: Policy) -> Iterable[Refusal]:
    """By others than who asked for it."""
    if change.kind is Kind.STANDARD:
        return
    others = set(change.approved_by) - {change.requester}
    needed = policy.approvals.get(change.risk, max(policy.approvals.values()))
    if len(others) < needed:
        yield Refusal("change.approvals_missing", str(needed - len(others)))


def _moment(change: Change, evidence: Evidence, policy: Policy) -> Iterable[Refusal]:
    if change.start is None or change.end is None:
        yield Refusal("change.no_window")
    elif evidence.now < change.start - policy.early:
        yield Refusal("change.too_early", at=change.start)
    elif evidence.now > change.end and change.kind is not Kind.EMERGENCY:
        yield Refusal("change.window_over", at=change.end)


def _backup(change: Change, evidence: Evidence, policy: Policy) -> Iterable[Refusal]:
    """Before the registered programme is touched, and before an outage. An emergency may go without, with a reason that
    a manager wrote: the till that is dead makes no backup."""
    if not (change.touches_programme or change.outage):
        return
    if change.kind is Kind.EMERGENCY and change.waiver.strip():
        return
    oldest = evidence.now - timedelta(hours=policy.backup_hours)
    for till in evidence.tills:
        if till.backup_at is None or till.backup_at < oldest:
            yield Refusal("change.backup_too_old", till.name, till.backup_at)
        if till.proven_at is None:
            yield Refusal("change.restore_not_proven", till.name)
        elif change.touches_programme and not (till.version and till.proven_version):
            yield Refusal("change.version_unknown", till.name)
        elif change.touches_programme and till.version != till.proven_version:
            yield Refusal("change.restore_other_version", f"{till.name}: {till.proven_version}")


def _review(change: Change, _evidence: Evidence, _policy: Policy) -> Iterable[Refusal]:
    if not change.review.strip():
        yield Refusal("change.no_review")


def _tasks(change: Change, _evidence: Evidence, _policy: Policy) -> Iterable[Refusal]:
    if change.open_tasks:
        yield Refusal("change.tasks_open", str(change.open_tasks))


GUARDS: Mapping[str, tuple[Guard, ...]] = {
    "validate": (_reason, _tills),
    "assign": (_reason, _tills, _preapproved, _assignee),
    "plan": (_assignee, _plan, _preapproved, _certified, _freezes, _others, _trading),
    "approve": (_certified, _freezes, _others, _approved),
    "implement": (
        _tills,
        _preapproved,
        _certified,
        _approved,
        _freezes,
        _moment,
        _backup,
    ),
    "back_out": (_review,),
    "close": (_tasks, _review),
}
"""What is asked before which step; the steps that are not here need nothing but to be in the table of states."""
