"""What a message about incidents says: one template per channel and language in `templates/notify`, whose first line is
the subject."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.template.loader import render_to_string

from collector.notify.deciding import RANK
from collector.notify.models import Address, Channel
from collector.notify.outbox import Letter
from protocols.status.faults import FAULTS, Severity

MOST_LINES = 20
MOST_FACTS = 200
LANGUAGES = ("lv", "en", "ru")
PHASES = ("assigned", "began", "graver", "ended")
SEVERITIES: Mapping[str, Mapping[str, str]] = {
    "lv": {"critical": "Kritiski", "error": "Kļūda", "warning": "Brīdinājums", "info": "Informācija"},
    "en": {"critical": "Critical", "error": "Error", "warning": "Warning", "info": "Information"},
    "ru": {"critical": "Критично", "error": "Ошибка", "warning": "Предупреждение", "info": "Информация"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One incident in a message. `effects`: how many others are silent because this one is their cause."""

    incident: int
    phase: str
    code: str
    severity: str
    place: str
    customer: str
    site: int | None
    zone: str
    since: datetime
    ended_at: datetime | None
    reason: str
    effects: int
    major: bool


def letter(address: Address, told: Sequence[Told], *, key: str, pause_until: datetime | None) -> Letter:
    """About all of `told`, the worst first. `pause_until`: no more is sent before; the message says so."""
    language = address.person.language if address.person.language in LANGUAGES else "en"
    ordered = sorted(told, key=lambda one: (one.phase == "ended", -RANK[one.severity], one.since))
    subject, text = written(address.channel, language, _context(ordered, language, pause_until))
    urgent = any(one.phase != "ended" and one.severity == Severity.CRITICAL for one in told)
    return Letter(
        channel=Channel(address.channel),
        address=address.address,
        language=language,
        subject=subject,
        text=text,
        key=key,
        person=address.person_id,
        facts={
            "event": "incidents",
            "path": "/incidents/",
            "urgent": urgent,
            "incidents": [_fact(one, language) for one in ordered[:MOST_FACTS]],
            "count": len(ordered),
        },
    )


def about_one(written: Letter, incident: int, thread: str) -> Letter:
    """The same, filed under its incident, in the conversation about it."""
    facts = {**written.facts, "path": f"/incidents/{incident}/"}
    return replace(written, about=f"incident:{incident}", thread=thread, facts=facts)


def written(channel: str, language: str, context: Mapping[str, object]) -> tuple[str, str]:
    """Subject and text."""
    whole = render_to_string(f"notify/{channel}.{language}.txt", dict(context))
    subject, _, text = whole.strip().partition("\n")
    lines = [line.rstrip() for line in text.strip().split("\n")]
    if channel != Channel.SMS:
        return subject.strip(), "\n".join(lines) + "\n"
    short = " ".join(" ".join([subject, *lines]).replace("–", "-").split())
    return subject.strip(), without_marks(short) if language == "lv" else short


def without_marks(text: str) -> str:
    """So that a Latvian SMS has 160 letters a part instead of 70."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def title(code: str, language: str) -> str:
    return FAULTS[code].title(language) if code in FAULTS else code


def _context(ordered: Sequence[Told], language: str, pause_until: datetime | None) -> dict[str, object]:
    lines = [_line(one, language) for one in ordered]
    parts = {phase: [line for line in lines if line["phase"] == phase] for phase in PHASES}
    return {
        "alone": lines[0] if len(lines) == 1 else None,
        **{phase: part[:MOST_LINES] for phase, part in parts.items()},
        "counts": {phase: len(part) for phase, part in parts.items()},
        "left_out": sum(max(len(part) - MOST_LINES, 0) for part in parts.values()),
        "effects": sum(one.effects for one in ordered if one.phase != "ended"),
        "url": f"{settings.CONFIG.public_url}/incidents/",
        "pause_until": clock_of(pause_until, settings.CONFIG.time_zone, language) if pause_until else "",
    }


def _line(one: Told, language: str) -> dict[str, object]:
    return {
        "phase": one.phase,
        "title": title(one.code, language),
        "severity": SEVERITIES[language].get(one.severity, one.severity),
        "place": one.place,
        "customer": one.customer,
        "since": clock_of(one.since, one.zone, language),
        "ended": clock_of(one.ended_at, one.zone, language) if one.ended_at else "",
        "reason": one.reason,
        "effects": one.effects,
        "major": one.major,
        "url": f"{settings.CONFIG.public_url}/incidents/{one.incident}/",
    }


def _fact(one: Told, language: str) -> dict[str, object]:
    return {
        "id": one.incident,
        "phase": one.phase,
        "code": one.code,
        "title": title(one.code, language),
        "severity": one.severity,
        "place": one.place,
        "customer": one.customer,
        "site": one.site,
        "since": one.since.isoformat(),
        "ended_at": one.ended_at.isoformat() if one.ended_at else None,
        "effects": one.effects,
        "major": one.major,
        "url": f"{settings.CONFIG.public_url}/incidents/{one.incident}/",
    }


def clock_of(at: datetime, zone: str, language: str) -> str:
    shape = (
        "%Y-%m-%d %H:%M" if language == "en" else "%d.%m.%Y. %H:%M" if language == "lv" else "%d.%m.%Y %H:%M"
    )
    return at.astimezone(ZoneInfo(zone)).strftime(shape)
