"""Articles beside other things."""

from django import template
from django.utils.translation import get_language

from collector.incidents.models import Incident
from collector.web import knowledge_words
from collector.web.reading.knowledge import drafts_for, for_incident
from collector.web.words import UNKNOWN, Sign

register = template.Library()
_TABLES: dict[str, dict[str, Sign]] = {
    "state": knowledge_words.STATES,
    "audience": knowledge_words.AUDIENCES,
    "kind": knowledge_words.KINDS,
}


@register.filter
def article_sign(value: str, table: str) -> Sign:
    return _TABLES[table].get(value, UNKNOWN)


@register.inclusion_tag("web/_incident_articles.html")
def incident_articles(incident: Incident) -> dict[str, object]:
    """Two or three queries, none of which grows with the number of articles."""
    found = for_incident(incident, get_language() or "en")
    return {"found": found, "drafts": drafts_for(incident), "incident": incident}
