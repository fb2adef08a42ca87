"""Figures for a rule that are proposed, tried, and then let hold by a manager or given up."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from collector.core.models import User
from collector.incidents import kept_rules
from collector.incidents.backtest import Backtest, Outcome
from collector.incidents.engine.policy import PolicyRefused
from collector.incidents.watch_models import RuleDraft


def waiting(rule: str) -> QuerySet[RuleDraft]:
    """Neither let hold nor given up, the newest first."""
    return RuleDraft.objects.filter(rule=rule, ended_at=None).select_related("by")


def keep(rule: str, values: Mapping[str, object], by: User, now: datetime, comment: str = "") -> RuleDraft:
    """PolicyRefused where a figure is none; `rule.not_allowed` for who only looks."""
    if not by.may_work:
        raise PolicyRefused("only technicians and managers propose figures", code="rule.not_allowed")
    kept_rules.own_policy(kept_rules.find(rule)).changed(values)
    return RuleDraft.objects.create(
        rule=rule, values=dict(values), by=by, at=now, comment=comment.strip()[:200]
    )


@transaction.atomic
def let_hold(pk: int, by: User, now: datetime) -> RuleDraft:
    """From now on the rule has these figures, instead of any that were set before."""
    draft = _open(pk)
    draft.change = kept_rules.change(draft.rule, draft.values, by, now, draft.comment)
    return _end(draft, by, now)


@transaction.atomic
def give_up(pk: int, by: User, now: datetime) -> RuleDraft:
    """By a manager, or by who proposed them."""
    draft = _open(pk)
    if not (by.may_manage or by.pk == draft.by_id):
        raise PolicyRefused("only a manager or its author gives a draft up", code="rule.not_allowed")
    return _end(draft, by, now)


def remember(draft: RuleDraft, found: Backtest, begin: datetime, end: datetime) -> None:
    """What the newest backtest of it counted, so that whoever decides sees it."""
    draft.tried = {
        "begin": begin.isoformat(),
        "end": end.isoformat(),
        "now": counts(found.now),
        "then": counts(found.then),
        "differing": len(found.differing),
    }
    draft.save(update_fields=["tried"])


def counts(outcome: Outcome) -> dict[str, int]:
    return {name: getattr(outcome, name) for name in ("events", "opened", "told", "merged", "closed")}


def _open(pk: int) -> RuleDraft:
    draft = RuleDraft.objects.select_for_update(of=("self",)).filter(pk=pk, ended_at=None).first()
    if draft is None:
        raise PolicyRefused("this draft is decided already", code="rule.draft_over")
    return draft


def _end(draft: RuleDraft, by: User, now: datetime) -> RuleDraft:
    draft.ended_at, draft.ended_by = now, by
    draft.save(update_fields=["ended_at", "ended_by", "change"])
    return draft
