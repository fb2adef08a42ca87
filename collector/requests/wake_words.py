"""What a message about requests says to the people of the desk, in their language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from collector.core.models import User
from collector.notify.outbox import Channel, Letter
from collector.notify.wording import LANGUAGES, clock_of, without_marks
from collector.requests.calling import SEVERITIES, URGENT

MOST_LINES = 20
MOST_TEXT = 600
PHASES = ("assigned", "reopened", "new", "answered")
Words = Mapping[str, str]

TEXTS: Mapping[str, Words] = {
    "lv": {
        "new": "Jauns pieteikums", "assigned": "Pieteikums uzticēts jums",
        "answered": "Klients atbildēja", "reopened": "Pieteikums atvērts no jauna",
        "new.n": "jauni: {n}", "assigned.n": "uzticēti jums: {n}", "answered.n": "atbildēti: {n}",
        "reopened.n": "atvērti no jauna: {n}", "many": "Pieteikumi",
        "priority": "Prioritāte", "customer": "Klients", "place": "Kur", "asker": "Piesaka", "since": "Kad",
        "promised": "Apsolīts līdz", "open": "Atvērt", "all": "Visi pieteikumi",
        "left_out": "Šeit nav uzskaitīti: {n}",
        "pause": "Līdz {at} šeit vairs nekas netiks sūtīts; pēc tam būs viens kopsavilkums.",
        "1": "Kritiska", "2": "Augsta", "3": "Vidēja", "4": "Zema",
    },
    "en": {
        "new": "New request", "assigned": "A request is assigned to you",
        "answered": "The customer answered", "reopened": "A request was opened again",
        "new.n": "{n} new", "assigned.n": "{n} assigned to you", "answered.n": "{n} answered",
        "reopened.n": "{n} opened again", "many": "Requests",
        "priority": "Priority", "customer": "Customer", "place": "Where", "asker": "Asked by", "since": "When",
        "promised": "Promised by", "open": "Open", "all": "All requests",
        "left_out": "Not listed here: {n}",
        "pause": "Nothing more is sent here before {at}; then there will be one summary.",
        "1": "Critical", "2": "High", "3": "Medium", "4": "Low",
    },
    "ru": {
        "new": "Новая заявка", "assigned": "Заявка поручена вам",
        "answered": "Клиент ответил", "reopened": "Заявка открыта снова",
        "new.n": "новых: {n}", "assigned.n": "поручено вам: {n}", "answered.n": "с ответом: {n}",
        "reopened.n": "открыто снова: {n}", "many": "Заявки",
        "priority": "Приоритет", "customer": "Клиент", "place": "Где", "asker": "Обратился", "since": "Когда",
        "promised": "Обещано до", "open": "Открыть", "all": "Все заявки",
        "left_out": "Здесь не перечислены: {n}",
        "pause": "До {at} сюда больше ничего не отправляется; затем придёт одна сводка.",
        "1": "Критический", "2": "Высокий", "3": "Средний", "4": "Низкий",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One request in a message."""

    request: int
    number: str
    phase: str
    title: str
    priority: int
    place: str
    customer: str
    asker: str
    text: str
    zone: str
    since: datetime
    promised_at: datetime | None


def letter(
    person: User,
    channel: str,
    address: str,
    told: Sequence[Told],
    *,
    key: str,
    pause_until: datetime | None,
) -> Letter:
    """About all of `told`, the gravest first. `pause_until`: no more is sent before; the message says so."""
    language = person.language if person.language in LANGUAGES else "en"
    words = TEXTS[language]
    ordered = sorted(told, key=lambda one: (one.priority, one.since))
    alone = ordered[0] if len(ordered) == 1 else None
    subject = _subject_of(alone, words) if alone else _summary(ordered, words)
    lines = _alone(alone, language) if alone else _many(ordered, words)
    if pause_until:
        at = clock_of(pause_until, settings.CONFIG.time_zone, language)
        lines.append(words["pause"].format(at=at))
    text = "\n".join(lines) + "\n"
    if channel == Channel.SMS:
        text = _sms(subject, alone, language)
    return Letter(
        channel=Channel(channel),
        address=address,
        language=language,
        subject=subject,
        text=text,
        key=key,
        thread=f"request:{alone.request}:{person.pk}" if alone else "",
        about=f"request:{alone.request}" if alone else "",
        person=person.pk,
        facts=_facts(ordered, alone),
    )


def link(number: int) -> str:
    return f"{settings.CONFIG.public_url}/requests/{number}/"


def _subject_of(one: Told, words: Words) -> str:
    place = f" – {one.place}" if one.place else ""
    return f"{words[one.phase]} {one.number}: {one.title}{place}"


def _summary(told: Sequence[Told], words: Words) -> str:
    counts = {phase: sum(one.phase == phase for one in told) for phase in PHASES}
    parts = [words[f"{phase}.n"].format(n=n) for phase, n in counts.items() if n]
    return f"{words['many']}: {', '.join(parts)}"


def _alone(one: Told, language: str) -> list[str]:
    words = TEXTS[language]
    facts = {
        "priority": words.get(str(one.priority), str(one.priority)),
        "customer": one.customer,
        "place": one.place,
        "asker": one.asker,
        "since": clock_of(one.since, one.zone, language),
        "promised": clock_of(one.promised_at, one.zone, language) if one.promised_at else "",
    }
    said = [one.text[:MOST_TEXT], ""] if one.text else []
    known = [f"{words[name]}: {value}" for name, value in facts.items() if value]
    return [f"{one.number} {one.title}", "", *said, *known, "", f"{words['open']}: {link(one.request)}"]


def _many(told: Sequence[Told], words: Words) -> list[str]:
    lines = []
    for one in told[:MOST_LINES]:
        place = f" – {one.place}" if one.place else ""
        gravity = words.get(str(one.priority), "")
        head = f"- {words[one.phase]} {one.number}: {one.title}{place} ({one.customer}), {gravity}"
        lines += [head, f"  {link(one.request)}"]
    if len(told) > MOST_LINES:
        lines.append(words["left_out"].format(n=len(told) - MOST_LINES))
    return [*lines, "", f"{words['all']}: {settings.CONFIG.public_url}/requests/"]


def _sms(subject: str, alone: Told | None, language: str) -> str:
    said = " ".join(f"{subject}. {alone.asker if alone else ''}".replace("–", "-").split())
    return (without_marks(said) if language == "lv" else said)[:300]


def _facts(told: Sequence[Told], alone: Told | None) -> dict[str, object]:
    return {
        "event": "requests",
        "path": f"/requests/{alone.request}/" if alone else "/requests/",
        "urgent": any(one.priority <= URGENT and one.phase != "answered" for one in told),
        "requests": [_fact(one) for one in told],
        "count": len(told),
    }


def _fact(one: Told) -> dict[str, object]:
    return {
        "id": one.request,
        "number": one.number,
        "phase": one.phase,
        "title": one.title,
        "priority": one.priority,
        "severity": SEVERITIES.get(one.priority, "warning"),
        "place": one.place,
        "customer": one.customer,
        "since": one.since.isoformat(),
        "promised_at": one.promised_at.isoformat() if one.promised_at else None,
        "url": link(one.request),
    }
