"""Figures of reports as a page writes them."""

from django import template
from django.utils.formats import number_format
from django.utils.translation import get_language

register = template.Library()


@register.filter
def report_cell(value: object, not_known: str) -> str:
    if value is None:
        return not_known
    if isinstance(value, float):
        text = f"{int(value * 100) / 100:.2f}"
        return text if get_language() == "en" else text.replace(".", ",")
    return number_format(value, use_l10n=False) if isinstance(value, int) else str(value)


@register.filter
def words_of(text: str) -> list[str]:
    return text.split()


@register.filter
def figure(value: float) -> str:
    """With a point in every language, for an attribute."""
    return f"{value:.1f}"
