"""What templates say of requests with one word."""

from django import template

from collector.requests.letters import money as written
from collector.requests.models import Entry, Request
from collector.web import request_words, words

register = template.Library()
register.filter("money", written)


@register.filter
def request_sign(kind: str) -> words.Sign:
    return request_words.KINDS.get(kind, words.UNKNOWN)


@register.filter
def mail_sign(fate: str) -> words.Sign:
    return request_words.FATES.get(fate, words.UNKNOWN)


@register.filter
def queue_word(queue: str) -> str:
    return str(request_words.QUEUES.get(queue, queue))


@register.filter
def source_word(source: str) -> str:
    return str(request_words.SOURCES.get(source, source))


@register.filter
def priority_word(priority: int | None) -> str:
    return str(request_words.PRIORITIES.get(priority or 0, "—"))


@register.filter
def why_word(why: str) -> str:
    return str(request_words.WHY.get(why, why))


@register.filter
def who(entry: Entry) -> str:
    """Staff by name, customers by name, anybody else as they called themselves."""
    if entry.by:
        return entry.by.get_full_name() or entry.by.get_username()
    return entry.contact.name if entry.contact else entry.author or "Plomba"


@register.filter
def step_said(entry: Entry, request: Request) -> str:
    return request_words.step_words(request).get(str(entry.detail.get("step")), "")
