"""What templates say with one word: icons, times, states, people. No queries, no decisions."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django import template
from django.http import HttpRequest
from django.template.base import Node, NodeList, Parser, Token
from django.template.context import Context
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from collector.core import clock
from collector.core.models import User
from collector.incidents.models import Incident
from collector.web import place_words, sentences, words
from collector.web.reading.timeline import Entry
from protocols.status.faults import FAULTS

register = template.Library()


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    sprite = static("vendor/icons.svg")
    return format_html(
        '<svg class="icon {}" aria-hidden="true"><use href="{}#{}"/></svg>', extra, sprite, name
    )


@register.simple_tag
def person(user: User | None) -> str:
    if user is None:
        return "Plomba"
    return user.get_full_name() or user.get_username()


@register.filter
def role_word(role: str) -> str:
    return str(words.ROLES.get(role, role))


@register.filter
def fault_title(code: str) -> str:
    """The fault's title in the language of the reader; the code itself where it is not known."""
    known = FAULTS.get(code)
    return known.title(get_language() or "en") if known else code


@register.filter
def sign_of(value: str, table: str) -> words.Sign:
    tables: dict[str, dict[str, words.Sign]] = {
        "standing": words.STANDINGS,
        "severity": words.SEVERITIES,
        "incident": words.INCIDENT_STATES,
        "transition": words.TRANSITIONS,
        "contact": words.CONTACTS,
    }
    return tables[table].get(value, words.UNKNOWN)


@register.simple_tag
def badge(value: str, table: str, extra: str = "") -> SafeString:
    sign = sign_of(value, table)
    return format_html(
        '<span class="badge-state tone-{} {}">{}{}</span>', sign.tone, extra, icon(sign.icon), sign.word
    )


@register.simple_tag
def moment(when: datetime | None, zone: str = "Europe/Riga", style: str = "full") -> SafeString | str:
    """A time on the site's wall clock, with UTC on hover. `style`: full, day, short (time alone if today)."""
    if when is None:
        return "—"
    local = when.astimezone(ZoneInfo(zone))
    today = clock.now().astimezone(ZoneInfo(zone)).date()
    pattern = "%d.%m.%Y" if style == "day" else "%d.%m.%Y %H:%M"
    pattern = "%H:%M" if style == "short" and local.date() == today else pattern
    utc = when.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        utc.isoformat(timespec="seconds"),
        utc.strftime("%d.%m.%Y %H:%M:%S"),
        local.strftime(pattern),
    )


@register.filter
def age(when: datetime | None) -> str:
    """How long ago, in the two largest units."""
    return "" if when is None else span(clock.now() - when)


@register.filter
def seconds(value: float | None) -> str:
    if value is None:
        return "—"
    if value < 60:
        return _("%(seconds)s s") % {"seconds": number(value, 1 if value < 10 else 0)}
    return span(timedelta(seconds=value))


def span(length: timedelta) -> str:
    minutes = max(0, int(length.total_seconds() // 60))
    days, hours, minutes_left = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return _("%(days)d d %(hours)d h") % {"days": days, "hours": hours}
    if hours:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes_left}
    return _("%(minutes)d min") % {"minutes": minutes} if minutes else _("just now")


@register.filter
def number(value: float | None, digits: int = 0) -> str:
    if value is None:
        return "—"
    text = f"{value:,.{digits}f}".replace(",", "\u00a0")
    return text if get_language() == "en" else text.replace(".", ",")


@register.filter
def size(value: float | None) -> str:
    """Bytes in decimal units."""
    if value is None:
        return "—"
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 1000:
            return f"{number(value, 0 if unit == 'B' or value >= 100 else 1)}\u00a0{unit}"
        value /= 1000
    return f"{number(value, 1)}\u00a0TB"


class NavLink(Node):
    def __init__(self, name: str, icon_name: str, key: str, inside: NodeList) -> None:
        self.name, self.icon_name, self.key, self.inside = name, icon_name, key, inside

    def render(self, context: Context) -> SafeString:
        request: HttpRequest = context["request"]
        here = _section(request) == self.name
        return format_html(
            '<a class="nav-to{}" href="{}"{}{}>{}<span>{}</span></a>',
            " is-here" if here else "",
            reverse(self.name),
            format_html(' data-go="{}"', self.key) if self.key else "",
            SafeString(' aria-current="page"') if here else "",
            icon(self.icon_name),
            SafeString(self.inside.render(context)),
        )


_SECTIONS = {
    **dict.fromkeys(
        ("request", "request-new", "catalogue", "catalogue-type", "contacts", "contact", "mails", "labels"),
        "requests",
    ),
    **dict.fromkeys(("backups-law", "backups-readings", "backups-restore", "holds", "erasures"), "backups"),
    "incident": "incidents",
    "incident-new": "incidents",
    **dict.fromkeys(
        ("contract", "contract-new", "calendars", "calendar", "calendar-new", "priorities"), "contracts"
    ),
    "terminal": "devices",
    "jobs": "devices",
    "configuration": "devices",
    "article": "knowledge",
    "article-play": "knowledge",
    "article-edit": "knowledge",
    "article-new": "knowledge",
    "article-version": "knowledge",
    "desk-rules": "queues",
    "visit": "visits",
    "change": "changes",
    "change-new": "changes",
    "certified": "changes",
    "problem": "problems",
}


def _section(request: HttpRequest) -> str:
    name = request.resolver_match.url_name if request.resolver_match else ""
    return f"web:{_SECTIONS.get(name or '', name or '')}"


@register.tag("navlink")
def navlink(parser: Parser, token: Token) -> NavLink:
    """{% navlink "url name" "icon" "key" %}words{% endnavlink %}"""
    _tag, name, icon_name, key = (part.strip('"') for part in token.split_contents())
    inside = parser.parse(("endnavlink",))
    parser.delete_first_token()
    return NavLink(name, icon_name, key, inside)


@register.simple_tag
def incident_place(incident: Incident) -> str:
    return place_words.place(incident)


@register.filter
def suppressed_why(incident: Incident) -> str:
    return place_words.why(incident)


@register.filter
def line(entry: Entry) -> sentences.Line:
    return sentences.line(entry)
