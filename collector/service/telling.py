"""Letters of the service desk to its own people, each in the language of who reads it. Only puts them into the outbox,
in the transaction that runs."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from collector.core.models import User
from collector.notify import outbox
from collector.notify.outbox import Channel, Letter

WAYS = (Channel.EMAIL, Channel.SMS, Channel.PUSH)
Words = Callable[[str], tuple[str, str]]
"""A language -> subject and text."""

TEXTS: Mapping[str, Mapping[str, str]] = {
    "swap_asked": {
        "lv": "{who} lūdz tevi pārņemt dežūru {start} – {end} ({rota}). Atbildi Plombā.",
        "en": "{who} asks you to take the duty {start} – {end} ({rota}). Answer in Plomba.",
        "ru": "{who} просит тебя взять дежурство {start} – {end} ({rota}). Ответь в Plomba.",
    },
    "swap_answered": {
        "lv": "{who} atbildēja par dežūru {start} – {end} ({rota}): {answer}.",
        "en": "{who} answered about the duty {start} – {end} ({rota}): {answer}.",
        "ru": "{who} ответил о дежурстве {start} – {end} ({rota}): {answer}.",
    },
    "visit": {
        "lv": "Tev ieplānots apmeklējums {start}: {place}. {purpose}",
        "en": "A visit is planned for you on {start}: {place}. {purpose}",
        "ru": "Тебе запланирован выезд {start}: {place}. {purpose}",
    },
    "approval": {
        "lv": "Izmaiņa gaida saskaņojumu: {title}, {start}. Risks {score}/100.",
        "en": "A change waits for approval: {title}, {start}. Risk {score}/100.",
        "ru": "Изменение ждёт согласования: {title}, {start}. Риск {score}/100.",
    },
    "task_soon": {
        "lv": "Uzdevums pēc izmaiņas jāpaveic līdz {end}: {task}, {title}.",
        "en": "A task that follows a change is due by {end}: {task}, {title}.",
        "ru": "Задача после изменения должна быть выполнена до {end}: {task}, {title}.",
    },
    "task_late": {
        "lv": "Uzdevums pēc izmaiņas nav paveikts laikā ({end}): {task}, {title}.",
        "en": "A task that follows a change was not done in time ({end}): {task}, {title}.",
        "ru": "Задача после изменения не выполнена в срок ({end}): {task}, {title}.",
    },
}
ANSWERS = {
    "accept": {"lv": "piekrīt", "en": "accepted", "ru": "согласен"},
    "decline": {"lv": "atsaka", "en": "declined", "ru": "отказывается"},
    "withdraw": {"lv": "atsauc", "en": "withdrawn", "ru": "отзывает"},
}


def tell(
    person: User,
    words: Words,
    now: datetime,
    *,
    key: str,
    about: str,
    thread: str = "",
    by: Collection[str] = WAYS,
) -> int:
    """To every way (of `by`) in which the person is reached; to the mail address of the account where nothing is
    wished. How many letters. The same key is told once."""
    subject, text = words(person.language)
    ways = [(one.channel, one.address) for one in person.addresses.all() if one.channel in by]
    count = 0
    for channel, address in ways or [(Channel.EMAIL, person.email)] * bool(person.email):
        letter = Letter(
            channel=Channel(channel),
            address=address,
            language=person.language,
            subject=subject,
            text=text,
            key=f"{key}:{person.pk}:{channel}:{short(address)}",
            thread=thread,
            about=about,
            person=person.pk,
        )
        count += outbox.put(letter, now)
    return count


def text_of(name: str, path: str, **told: object) -> Words:
    """The text is the subject, too; under it stands where to look. Moments are written on the company's wall clock."""

    def words(language: str) -> tuple[str, str]:
        by_language = TEXTS[name]
        known = language if language in by_language else "en"
        said = {key: _said(value, known) for key, value in told.items()}
        line = by_language[known].format(**said)
        return line[:400], f"{line}\n\n{settings.CONFIG.public_url}{path}\n"

    return words


def name_of(person: User | None) -> str:
    return (person.get_full_name() or person.get_username()) if person else "Plomba"


def short(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()[:16]


def _said(value: object, language: str) -> object:
    if isinstance(value, datetime):
        return value.astimezone(ZoneInfo(settings.CONFIG.time_zone)).strftime("%d.%m.%Y %H:%M")
    return value.get(language, "") if isinstance(value, Mapping) else value
