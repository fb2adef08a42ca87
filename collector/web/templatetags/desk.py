"""What the desk's templates say with one word. No queries, no decisions."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django import template
from django.template.base import Node, NodeList, Parser, Token
from django.template.context import Context
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from collector.core import clock as time
from collector.incidents.models import Incident, Kind, Transition
from collector.incidents.sla import Clock
from collector.web import desk_words
from collector.web.templatetags.plomba import icon, span
from collector.web.words import Sign

register = template.Library()


@register.filter
def incident_title(incident: Incident) -> str:
    return desk_words.title(incident)


@register.filter
def clock_name(clock: Clock) -> str:
    return str(desk_words.CLOCKS[clock.metric.value])


@register.simple_tag
def clock_sign(clock: Clock) -> Sign:
    return desk_words.clock_sign(clock)


@register.filter
def time_left(clock: Clock) -> str:
    """In working time."""
    return left_words(clock.left)


@register.filter
def lasting(value: timedelta) -> str:
    return span(value) if value >= timedelta(minutes=1) else _("less than a minute")


@register.filter
def due_in(when: datetime) -> str:
    """Until a moment of the calendar, or since."""
    return left_words(when - time.now())


def left_words(left: timedelta) -> str:
    late = left < timedelta()
    words = lasting(abs(left))
    return _("late by %(span)s") % {"span": words} if late else _("%(span)s left") % {"span": words}


@register.filter
def at(table: Mapping[int, int] | None, key: int) -> int:
    return (table or {}).get(key, 0)


@register.filter
def is_past(when: datetime | None) -> bool:
    return when is not None and when <= time.now()


@register.simple_tag
def priority_badge(number: int | None, extra: str = "") -> SafeString | str:
    sign = desk_words.PRIORITIES.get(number or 0)
    if sign is None:
        return "—"
    return format_html(
        '<span class="badge-state tone-{} {}" data-priority="{}">{}{}</span>',
        sign.tone,
        extra,
        number,
        icon(sign.icon),
        sign.word,
    )


@register.filter
def resolution_word(code: str) -> str:
    return desk_words.resolution(code)


@register.filter
def checklist_word(key: str) -> str:
    return desk_words.checklist_item(key)


@register.filter
def source_word(source: str) -> str:
    return str(desk_words.SOURCES.get(source, source))


@register.filter
def step_told(step: Transition, zone: str) -> str:
    return desk_words.told(step, zone)


@register.filter
def step_note(step: Transition, names: Mapping[str, str]) -> str:
    """What stands beside a step; who it was given to by name, not by account. `names`: of accounts."""
    return names.get(step.note, step.note) if step.kind == Kind.ASSIGNED else step.note


class ActForm(Node):
    def __init__(self, name: str, classes: str, files: bool, inside: NodeList) -> None:
        self.name, self.classes, self.files, self.inside = name, classes, files, inside

    def render(self, context: Context) -> SafeString:
        where = reverse("web:incident-act", args=(context["incident"].pk, self.name))
        return format_html(
            '<form method="post" action="{}" hx-post="{}" hx-target="#incident" hx-swap="outerHTML" class="{}"{}>'
            '<input type="hidden" name="csrfmiddlewaretoken" value="{}">{}</form>',
            where,
            where,
            self.classes,
            SafeString(
                ' enctype="multipart/form-data" hx-encoding="multipart/form-data"' if self.files else ""
            ),
            context["csrf_token"],
            SafeString(self.inside.render(context)),
        )


@register.tag("act")
def act(parser: Parser, token: Token) -> ActForm:
    """{% act "name" "classes" files %}fields{% endact %}: a form that does one act to `incident`."""
    _tag, name, *more = (part.strip('"') for part in token.split_contents())
    inside = parser.parse(("endact",))
    parser.delete_first_token()
    return ActForm(name, " ".join(one for one in more if one != "files"), "files" in more, inside)
