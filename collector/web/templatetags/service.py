"""What the templates of the service desk say with one word."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django import template
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from collector.core.models import User
from collector.incidents.models import Incident
from collector.service import problems
from collector.service.models import Candidate
from collector.web import service_input, service_words, words
from collector.web.templatetags.plomba import icon

register = template.Library()
_WORDS = {
    "kind": service_words.KINDS,
    "category": service_words.CATEGORIES,
    "task": service_words.TASKS,
    "step": service_words.STEPS,
    "act": service_words.ACTS,
    "reason": service_words.RISK_REASONS,
    "trigger": service_words.TRIGGERS,
    "target": service_words.TARGETS,
    "match": service_words.MATCHES,
    "gap": service_words.GAPS,
    "shift": service_words.SHIFTS,
}


@register.filter
def service_word(key: str, table: str) -> str:
    """The key itself where there is no word: data may name what the pages do not know yet."""
    return str(_WORDS[table].get(key, key))


@register.simple_tag
def service_badge(value: str, table: str, extra: str = "") -> SafeString:
    sign = service_words.TABLES[table].get(value, words.UNKNOWN)
    return format_html(
        '<span class="badge-state tone-{} {}">{}{}</span>', sign.tone, extra, icon(sign.icon), sign.word
    )


@register.filter
def wall(at: datetime | None) -> str:
    """A moment as the value of a datetime-local field."""
    return service_input.written(at)


@register.simple_tag
def plain_moment(at: datetime, zone: str) -> str:
    """Without markup, where only text may stand."""
    return at.astimezone(ZoneInfo(zone)).strftime("%d.%m. %H:%M")


@register.simple_tag
def moment_day(at: datetime, zone: str) -> str:
    local = at.astimezone(ZoneInfo(zone))
    return f"{date_format(local, 'D')} {local.day}.{local.month}."


@register.simple_tag
def plain_time(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).strftime("%H:%M")


@register.inclusion_tag("web/_incident_service.html")
def incident_service(incident: Incident, user: User) -> dict[str, object]:
    """What the service desk knows of an incident: known errors that fit it, its visits, what was escalated."""
    told = incident.device.identity if incident.device else {}
    model, firmware = str(told.get("model", "")), str(told.get("firmware", ""))
    return {
        "incident": incident,
        "zone": incident.zone,
        "known": problems.known_errors(incident.code, model, firmware) if incident.code else (),
        "proposed": Candidate.objects.filter(state="proposed", code=incident.code, model__iexact=model)[:1],
        "visits": incident.visits.select_related("technician"),
        "escalations": incident.escalations.select_related("rung"),
        "may_plan": user.may_work and incident.is_open and incident.site_id is not None,
    }
