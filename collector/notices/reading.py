"""Notices as a contact reads them."""

from dataclasses import dataclass
from datetime import date, datetime

from collector.inventory.models import ContactPerson
from collector.knowledge import markdown
from collector.notices import giving
from collector.notices.models import Reading, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class ForContact:
    """`html` is safe. `language`: in which it is written, which is not the reader's where it was not translated.
    `counts`: it is the newest and not withdrawn. `waits`: a confirmation is wanted."""

    version: int
    number: int
    kind: str
    language: str
    title: str
    text: str
    html: str
    digest: str
    published_at: datetime
    confirm_by: date | None
    confirmed_at: datetime | None
    counts: bool
    waits: bool
    lists: bool


def for_contact(contact: ContactPerson, language: str = "") -> list[ForContact]:
    """Everything that was given to the contact, the newest first; what still waits for a confirmation stands before all
    else. `language`: the reader's; empty: that of the contact."""
    rows = (
        Reading.objects.filter(contact=contact).select_related("version__notice").order_by("-given_at", "-pk")
    )
    found = [shown(row, language or contact.language) for row in rows]
    return sorted(found, key=lambda one: not one.waits)


def waiting_of(contact: ContactPerson) -> int:
    """How many confirmations are wanted of the contact."""
    return sum(one.waits for one in for_contact(contact))


def shown(reading: Reading, language: str) -> ForContact:
    version, notice = reading.version, reading.version.notice
    spoken, text = giving.text_for(version, language)
    counts = notice.current_id == version.pk and notice.withdrawn_at is None
    return ForContact(
        version=version.pk,
        number=version.number,
        kind=notice.kind,
        language=spoken,
        title=text["title"],
        text=text["text"],
        html=html_of(text["text"]),
        digest=version.digest,
        published_at=version.published_at or reading.given_at,
        confirm_by=version.confirm_by,
        confirmed_at=reading.confirmed_at,
        counts=counts,
        waits=counts and notice.confirm and reading.confirmed_at is None,
        lists=notice.acknowledge,
    )


def html_of(text: str) -> str:
    return markdown.render(text, lambda _target: None)


def title_of(version: Version | None, language: str) -> str:
    return giving.text_for(version, language)[1]["title"] if version and version.texts else ""
