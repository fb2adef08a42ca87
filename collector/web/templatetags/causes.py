"""Causes and effects beside an incident."""

from django import template

from collector.incidents.models import Incident
from collector.web import place_words
from collector.web.reading.causes import tree_of

register = template.Library()


@register.inclusion_tag("web/_incident_causes.html")
def incident_causes(incident: Incident) -> dict[str, object]:
    """Nothing is shown where there is neither. Three queries."""
    return {"incident": incident, "tree": tree_of(incident)}


@register.simple_tag
def place_word(name: str) -> str:
    return place_words.named(name)
