"""The one way out for whatever is told to a person. `put` only keeps; `courier` sends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from collector.notify.models import Channel, Outgoing

__all__ = ["Channel", "Letter", "put"]


@dataclass(frozen=True, slots=True)
class Letter:
    """`key`: what this message is, so that the same one is kept once ("request:17:answer:3"); 200 characters at most.
    `thread`: the key of the first letter of the conversation; mail programs show them together. `headers`: of mail
    only. `about`: "incident:17", under which pages find it. `facts`: the same for machines (web hooks; "path" of the
    page and "urgent" for browsers). `secret`: it holds a one-time code or the like; no page shows it. `until`: it is
    of no use later, and not sent then."""

    channel: Channel
    address: str
    language: str
    subject: str
    text: str
    html: str = ""
    key: str = ""
    thread: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    about: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    person: int | None = None
    secret: bool = False
    until: datetime | None = None


def put(letter: Letter, now: datetime) -> bool:
    """Keep it for sending, inside the transaction that runs: it goes out if and only if that commits. False where
    the same `key` is kept already; then nothing changes. A worker sends it within some seconds."""
    _kept, new = Outgoing.objects.get_or_create(key=letter.key, defaults=_fields(letter, now))
    return new


def message_id(key: str, domain: str) -> str:
    """Of the mail with this key: always the same, so that a mail that arrives twice is seen to be one, and an answer
    to it names it."""
    return f"<{''.join(_plain(c) for c in key)}@{domain}>"


def _plain(letter: str) -> str:
    """RFC 5322 atoms; the rest by its number."""
    return letter if letter.isascii() and (letter.isalnum() or letter in ".-") else f"_{ord(letter):x}"


def _fields(letter: Letter, now: datetime) -> dict[str, object]:
    return {
        "channel": letter.channel,
        "address": letter.address,
        "person_id": letter.person,
        "language": letter.language,
        "subject": " ".join(letter.subject.split())[:400],
        "text": letter.text,
        "html": letter.html,
        "headers": dict(letter.headers),
        "thread": letter.thread,
        "about": letter.about,
        "facts": dict(letter.facts),
        "secret": letter.secret,
        "until": letter.until,
        "made_at": now,
        "due_at": now,
    }
