"""What templates say of messages and notices. No queries, no decisions."""

from django import template
from django.utils.translation import gettext as _

from collector.notify.models import Outgoing
from collector.web import notify_words
from collector.web.words import Sign

register = template.Library()


@register.filter
def channel_sign(channel: str) -> Sign:
    return notify_words.channel(channel)


@register.filter
def status_sign(status: str) -> Sign:
    return notify_words.status(status)


@register.filter
def error_words(message: Outgoing) -> str:
    return str(notify_words.error(message.error_code)) or message.error


@register.filter
def subject_of(message: Outgoing) -> str:
    return str(_("A secret message")) if message.secret else message.subject


@register.filter
def where_to(address: str, channel: str) -> str:
    """As a person knows it: a browser's address is long and says nothing but whose browser it is."""
    return address.split("/")[2] if channel == "push" and address.count("/") > 2 else address
