"""Rules on pages."""

from collections.abc import Mapping

from django import template
from django.utils.translation import get_language

from collector.incidents.engine.policy import Rule
from collector.web.rule_words import FIGURES, NAMES

register = template.Library()


@register.filter
def rule_action(rule: Rule) -> str:
    return rule.action.in_(get_language() or "en")


@register.filter
def get(table: Mapping[str, object], key: str) -> object:
    return table.get(key, key)


@register.filter
def rule_name(name: str) -> object:
    return NAMES.get(name, name)


@register.filter
def figure_word(name: str) -> object:
    return FIGURES.get(name, name)


@register.filter
def figure_value(value: object) -> object:
    """As people write it: 60, not 60.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
