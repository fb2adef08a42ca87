"""Rules on pages."""

from collections.abc import Mapping

from django import template
from django.utils.translation import get_language

from collector.incidents.engine.policy import Rule

register = template.Library()


@register.filter
def rule_action(rule: Rule) -> str:
    return rule.action.in_(get_language() or "en")


@register.filter
def get(table: Mapping[str, object], key: str) -> object:
    return table.get(key, key)
