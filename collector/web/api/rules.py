"""Rules of incidents: what each costs and its figures, drafts of other figures, and what they would have done."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from django.http import Http404, HttpRequest
from ninja import Field, Query, Router, Schema, Status
from pydantic import AwareDatetime

from collector.core import clock
from collector.incidents import backtest, kept_rules, noise, rule_drafts
from collector.incidents.engine.policy import BOUNDS, Rule
from collector.incidents.rules import RULES
from collector.incidents.watch_models import RuleDraft
from collector.ingest.stored_events import stored_events
from collector.web.access import user_of
from collector.web.api import door

router = Router(tags=["rules"], auth=door.anyone)
MOST_LINES = 500
Figures = dict[str, Annotated[float, Field(allow_inf_nan=False)]]


class WordsOut(Schema):
    lv: str
    en: str
    ru: str


class FigureOut(Schema):
    """`shipped`: what the rule comes with; `least` and `most` are allowed. Times are in seconds."""

    name: str
    value: float
    shipped: float
    least: float
    most: float


class BillOut(Schema):
    """Of the period that was asked for. `quiet`: nobody was told, because of a cause or maintenance; `useful`: somebody
    took it up; `ignored`: it ended by itself untouched; `noise_percent`: ignored of what is judged."""

    days: int
    opened: int
    quiet: int
    useful: int
    ignored: int
    waiting: int
    minutes: int
    noise_percent: int | None


class RuleOut(Schema):
    name: str
    codes: list[str]
    owner: str
    action: WordsOut
    article: str
    figures: list[FigureOut]
    changed: bool
    bill: BillOut


class CountsOut(Schema):
    events: int
    opened: int
    told: int
    merged: int
    closed: int


class TriedOut(Schema):
    begin: datetime
    end: datetime
    now: CountsOut
    then: CountsOut
    differing: int


class DraftIn(Schema):
    """`figures`: those that shall differ from what the rule comes with; none: as shipped."""

    figures: Figures
    comment: Annotated[str, Field(max_length=200)] = ""


class DraftOut(Schema):
    """`state`: a `waiting` draft holds nowhere; `holds`: a manager let it; `given_up`."""

    id: int
    rule: str
    figures: Figures
    comment: str
    state: Literal["waiting", "holds", "given_up"]
    at: datetime
    by: int | None
    ended_at: datetime | None
    ended_by: int | None
    tried: TriedOut | None


class PeriodIn(Schema):
    """92 days at most."""

    begin: AwareDatetime
    end: AwareDatetime


class BacktestIn(PeriodIn):
    figures: Figures


class LineOut(Schema):
    """One incident as it would have been. `changed`: it is `new`, `gone`, or `other` than with the rules that hold."""

    changed: Literal["new", "gone", "other"]
    place: str
    subject: str
    code: str
    severity: str
    opened_at: datetime
    resolved_at: datetime | None
    count: int
    why: str
    cause: str


class BacktestOut(TriedOut):
    """`lines`: the first 500 of what differs."""

    lines: list[LineOut]


class BillQuery(Schema):
    days: Annotated[int, Field(ge=1, le=366)] = 30


@router.get("", response=list[RuleOut])
def list_rules(request: HttpRequest, query: Query[BillQuery]) -> list[RuleOut]:
    """With the noise bill of the last days, the noisiest first."""
    now, changed = clock.now(), kept_rules.changes()
    return [_rule(bill, changed, query.days) for bill in noise.bills(now - timedelta(days=query.days), now)]


@router.get("/{slug:name}", response=RuleOut)
def one_rule(request: HttpRequest, name: str, query: Query[BillQuery]) -> RuleOut:
    _known(name)
    return next(one for one in list_rules(request, query) if one.name == name)


@router.post("/{slug:name}/backtest", response=BacktestOut)
def try_figures(request: HttpRequest, name: str, body: BacktestIn) -> BacktestOut:
    """What other figures would have done in a stored period. Changes nothing."""
    _known(name)
    return _tried(name, body.figures, body)[1]


@router.get("/{slug:name}/drafts", response=list[DraftOut])
def list_drafts(request: HttpRequest, name: str) -> list[DraftOut]:
    """The newest 100, also those that are decided."""
    _known(name)
    return [_draft(row) for row in RuleDraft.objects.filter(rule=name)[:100]]


@router.post("/{slug:name}/drafts", auth=door.worker, response={201: DraftOut})
def make_draft(request: HttpRequest, name: str, body: DraftIn) -> Status[DraftOut]:
    """It holds nowhere before a manager lets it."""
    _known(name)
    return Status(
        201, _draft(rule_drafts.keep(name, body.figures, user_of(request), clock.now(), body.comment))
    )


@router.post("/{slug:name}/drafts/{int:pk}/backtest", auth=door.worker, response=BacktestOut)
def try_draft(request: HttpRequest, name: str, pk: int, body: PeriodIn) -> BacktestOut:
    """As above; the draft keeps what was counted."""
    draft = _found(name, pk)
    found, told = _tried(name, draft.values, body)
    rule_drafts.remember(draft, found, body.begin, body.end)
    return told


@router.post("/{slug:name}/drafts/{int:pk}/hold", auth=door.manager, response=DraftOut)
def let_hold(request: HttpRequest, name: str, pk: int) -> DraftOut:
    """From now on the rule has these figures."""
    _found(name, pk)
    return _draft(rule_drafts.let_hold(pk, user_of(request), clock.now()))


@router.delete("/{slug:name}/drafts/{int:pk}", auth=door.worker, response=DraftOut)
def give_up(request: HttpRequest, name: str, pk: int) -> DraftOut:
    """By a manager or who made it."""
    _found(name, pk)
    return _draft(rule_drafts.give_up(pk, user_of(request), clock.now()))


def _known(name: str) -> Rule:
    found = next((rule for rule in RULES if rule.name == name), None)
    if found is None:
        raise Http404
    return found


def _found(name: str, pk: int) -> RuleDraft:
    found = RuleDraft.objects.filter(pk=pk, rule=name).first()
    if found is None:
        raise Http404
    return found


def _tried(name: str, figures: Figures, period: PeriodIn) -> tuple[backtest.Backtest, BacktestOut]:
    events = backtest.in_order(
        stored_events(period.begin, period.end), backtest.silences(period.begin, period.end)
    )
    found = backtest.run({name: figures}, period.begin, period.end, events)
    return found, BacktestOut(
        begin=period.begin,
        end=period.end,
        now=CountsOut.model_validate(rule_drafts.counts(found.now)),
        then=CountsOut.model_validate(rule_drafts.counts(found.then)),
        differing=len(found.differing),
        lines=[_line(line) for line in found.differing[:MOST_LINES]],
    )


def _line(line: backtest.Line) -> LineOut:
    return LineOut.model_validate({name: getattr(line, name) for name in LineOut.model_fields})


def _rule(bill: noise.Bill, changed: dict[str, dict[str, object]], days: int) -> RuleOut:
    rule, own = bill.rule, kept_rules.own_policy(bill.rule)
    values = changed.get(rule.name, {})
    figures = [
        {
            "name": name,
            "value": values.get(name, getattr(own, name)),
            "shipped": getattr(own, name),
            "least": least,
            "most": most,
        }
        for name, (least, most) in BOUNDS.items()
    ]
    counted = {name: getattr(bill, name) for name in BillOut.model_fields if name != "days"}
    return RuleOut.model_validate(
        {
            "name": rule.name,
            "codes": list(rule.codes),
            "owner": rule.owner,
            "action": {language: rule.action.in_(language) for language in ("lv", "en", "ru")},
            "article": rule.article,
            "figures": figures,
            "changed": bool(values),
            "bill": {**counted, "days": days},
        }
    )


def _draft(row: RuleDraft) -> DraftOut:
    state = "waiting" if row.ended_at is None else "holds" if row.change_id else "given_up"
    names = ("id", "rule", "comment", "at", "ended_at")
    return DraftOut.model_validate(
        {
            **{name: getattr(row, name) for name in names},
            "figures": row.values,
            "state": state,
            "by": row.by_id,
            "ended_by": row.ended_by_id,
            "tried": row.tried or None,
        }
    )
