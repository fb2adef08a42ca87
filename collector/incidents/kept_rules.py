"""The rules with the figures that people set for them."""

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings

from collector.core.models import User
from collector.incidents.engine.policy import Policy, PolicyRefused, Rule, Rules
from collector.incidents.rules import RULES
from collector.incidents.watch_models import RuleChange

_kept: tuple[int, Rules] | None = None


def current() -> Rules:
    """As they are now. Made anew only after a change."""
    global _kept  # noqa: PLW0603 - remembered per process, by the number of the newest change
    newest = RuleChange.objects.order_by("-id").values_list("id", flat=True).first() or 0
    if _kept is None or _kept[0] != newest:
        _kept = newest, with_changes(changes())
    return _kept[1]


def with_changes(changed: Mapping[str, Mapping[str, object]]) -> Rules:
    """PolicyRefused for figures that are none."""
    return Rules.of(RULES, settings.CONFIG.hold_s.model_dump(), changed)


def changes() -> dict[str, dict[str, object]]:
    """Rule -> figures that differ from its own."""
    found: dict[str, dict[str, object]] = {}
    for row in RuleChange.objects.order_by("id"):
        found[row.rule] = row.values
    return found


def change(rule: str, values: Mapping[str, object], by: User, now: datetime, comment: str = "") -> RuleChange:
    """From now on. An empty `values` gives the rule its own figures back."""
    if not by.may_manage:
        raise PolicyRefused("only managers change rules", code="rule.not_allowed")
    find(rule)
    with_changes({**changes(), rule: values})
    return RuleChange.objects.create(rule=rule, values=dict(values), by=by, at=now, comment=comment[:200])


def find(name: str) -> Rule:
    found = next((rule for rule in RULES if rule.name == name), None)
    if found is None:
        raise PolicyRefused(f"there is no rule {name}; they are {', '.join(r.name for r in RULES)}")
    return found


def own_policy(rule: Rule) -> Policy:
    """What the rule comes with, with the hold of the collector's configuration."""
    hold = settings.CONFIG.hold_s.model_dump().get(rule.hold)
    return rule.policy if hold is None else rule.policy.changed({"hold_s": hold})
