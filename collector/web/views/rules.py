"""The rules of incidents: what each costs, its figures, and what other figures would have done."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from collector.core import clock
from collector.incidents import backtest, kept_rules, noise, rule_drafts
from collector.incidents.engine.policy import Policy, PolicyRefused, Rule
from collector.incidents.rules import RULES
from collector.incidents.watch_models import RuleChange
from collector.ingest.stored_events import stored_events
from collector.web import access
from collector.web.reading.page import one_of, whole
from collector.web.rule_words import FIGURES

PERIODS = (("7", gettext_lazy("7 days")), ("30", gettext_lazy("30 days")), ("90", gettext_lazy("90 days")))
OWNERS = {
    "helpdesk": gettext_lazy("HelpDesk"),
    "technical": gettext_lazy("Technical"),
    "service": gettext_lazy("Service administration"),
}
SHOWN = 100


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a rule in a form. `own`: what the rule comes with."""

    name: str
    word: object
    value: object
    own: object


@access.signed_in
def rules(request: HttpRequest) -> HttpResponseBase:
    period = one_of(request.GET, "days", tuple(days for days, _word in PERIODS), "30")
    now = clock.now()
    context = {
        "bills": noise.bills(now - timedelta(days=int(period)), now),
        "period": period,
        "periods": PERIODS,
        "owners": OWNERS,
        "changed": {name for name, values in kept_rules.changes().items() if values},
        "language": get_language() or "en",
    }
    return render(request, "web/rules.html", context)


@access.signed_in
def rule(request: HttpRequest, name: str) -> HttpResponseBase:
    """Figures can be tried by anyone, proposed by who works, and set by a manager."""
    found = next((one for one in RULES if one.name == name), None)
    if found is None:
        raise Http404
    problem, tried, values = "", None, dict(kept_rules.changes().get(name, {}))
    if request.method == "POST":
        try:
            if done := _decided(request, found):
                return done
            values = _values(request.POST, found)
            if request.POST.get("do") in ("save", "draft"):
                return _save(request, found, values)
            tried = _try(request.POST, found, values)
        except PolicyRefused as e:
            problem = _refusal(e)
    return render(
        request,
        "web/rule.html",
        _context(request, found, values, tried) | {"problem": problem},
        status=422 if problem else 200,
    )


def _context(
    request: HttpRequest, found: Rule, values: dict[str, object], tried: backtest.Backtest | None
) -> dict[str, object]:
    own, now = _own(found), clock.now()
    today = now.astimezone(ZoneInfo("Europe/Riga")).date()
    return {
        "rule": found,
        "owner": OWNERS.get(found.owner, found.owner),
        "action": found.action.in_(get_language() or "en"),
        "figures": [
            Figure(name, word, _plain(values.get(name, getattr(own, name))), _plain(getattr(own, name)))
            for name, word in FIGURES.items()
        ],
        "worsens": own.worsens,
        "special": found.special,
        "tried": tried,
        "differing": tried.differing[:SHOWN] if tried else [],
        "begin": request.POST.get("begin") or (today - timedelta(days=7)).isoformat(),
        "end": request.POST.get("end") or today.isoformat(),
        "drafts": rule_drafts.waiting(found.name)[:20],
        "history": RuleChange.objects.filter(rule=found.name).select_related("by")[:10],
        "bill": next(
            (b for b in noise.bills(now - timedelta(days=30), now) if b.rule.name == found.name), None
        ),
    }


def _own(found: Rule) -> Policy:
    return kept_rules.own_policy(found)


def _plain(value: object) -> object:
    """A figure as people write it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _values(post: QueryDict, found: Rule) -> dict[str, object]:
    """Only what differs from the rule's own figures. PolicyRefused for what is no number."""
    own, values = _own(found), dict[str, object]()
    for name in FIGURES:
        text = post.get(name, "").strip().replace(",", ".")
        if not text:
            continue
        try:
            number = float(text)
        except ValueError as e:
            raise PolicyRefused(f"{name}: {text} is no number") from e
        if number != getattr(own, name):
            values[name] = number
    own.changed(values)
    return values


def _save(request: HttpRequest, found: Rule, values: dict[str, object]) -> HttpResponseBase:
    """Now, or as a draft."""
    comment, by = request.POST.get("comment", ""), access.user_of(request)
    if request.POST.get("do") == "draft":
        rule_drafts.keep(found.name, values, by, clock.now(), comment)
        messages.success(request, _("Kept as a draft. A manager lets it hold, or gives it up."))
    else:
        kept_rules.change(found.name, values, by, clock.now(), comment)
        messages.success(request, _("These figures hold from now on."))
    return redirect("web:rule", found.name)


def _decided(request: HttpRequest, found: Rule) -> HttpResponseBase | None:
    """What becomes of a draft; None where the form asks for something else."""
    act, pk = request.POST.get("do"), whole(request.POST, "draft") or 0
    if act not in ("hold", "give_up"):
        return None
    if not rule_drafts.waiting(found.name).filter(pk=pk).exists():
        raise PolicyRefused("this draft is decided already", code="rule.draft_over")
    if act == "hold":
        rule_drafts.let_hold(pk, access.user_of(request), clock.now())
        messages.success(request, _("These figures hold from now on."))
    else:
        rule_drafts.give_up(pk, access.user_of(request), clock.now())
        messages.success(request, _("The draft is given up."))
    return redirect("web:rule", found.name)


def _try(post: QueryDict, found: Rule, values: dict[str, object]) -> backtest.Backtest:
    begin, end = _day(post.get("begin", "")), _day(post.get("end", "")) + timedelta(days=1)
    events = backtest.in_order(stored_events(begin, end), backtest.silences(begin, end))
    return backtest.run({found.name: values}, begin, end, events)


def _day(text: str) -> datetime:
    try:
        return datetime.combine(datetime.fromisoformat(text).date(), time(), ZoneInfo("Europe/Riga"))
    except ValueError as e:
        raise PolicyRefused(f"{text!r} is no date", code="rule.period") from e


def _refusal(e: PolicyRefused) -> str:
    said = {
        "rule.not_allowed": _("Only managers change rules. You can try figures out."),
        "rule.draft_over": _("This draft is decided already."),
        "rule.period": _("Choose a shorter period, of 92 days at most, that ends after it begins."),
    }
    return said.get(e.code) or _("This figure is not possible: %(why)s") % {"why": e}
