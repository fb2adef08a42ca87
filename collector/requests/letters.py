"""Letters to who asked: one kind each for what happens to a request, in the language of the reader. They go through the
outbox of `notify`, in the transaction of what they tell."""

import tomllib
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from string import Template
from typing import cast
from zoneinfo import ZoneInfo

from django.conf import settings

from collector.notify.outbox import Channel, Letter, put
from collector.requests import tokens
from collector.requests.log import Actor
from collector.requests.models import Approval, Entry, Request, Step

Texts = dict[str, dict[str, list[str]]]
AUTOMATIC = {"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All"}
BY_A_PERSON = {"Auto-Submitted": "no"}
"""RFC 3834: other machines do not answer to what a machine said."""


@cache
def _texts() -> dict[str, dict[str, object]]:
    return tomllib.loads(files("collector.requests").joinpath("letters.toml").read_text("utf-8"))


def opened(request: Request, now: datetime, *, answer_to: str = "") -> None:
    until = _line(request, "promised", request.promised_at)
    headers = {**AUTOMATIC, **({"In-Reply-To": answer_to, "References": answer_to} if answer_to else {})}
    _send(request, "opened", "opened", now, headers=headers, until=until)


def said(
    request: Request, entry: Entry, actor: Actor, kind: str = "said", until: datetime | None = None
) -> None:
    """What somebody of the staff said to the customer; the customer's own words are not sent back."""
    if actor.is_customer or not entry.public:
        return
    name = (actor.user.get_full_name() or actor.user.get_username()) if actor.user else ""
    when = _line(request, "until", until)
    headers = BY_A_PERSON if actor.user else AUTOMATIC
    _send(request, kind, f"e{entry.pk}", entry.at, headers=headers, text=entry.text, name=name, until=when)


def approval(request: Request, asked: Approval, now: datetime) -> None:
    said_price = "" if asked.cents is None else f"{_word(request, 'price')}: {money(asked.cents)}"
    _send(request, "approval", f"a{asked.pk}", now, text=asked.question, price=said_price)


def step(request: Request, one: Step, label: str, now: datetime) -> None:
    """Once for each step, however often it becomes the customer's turn."""
    _send(request, "step", f"s{one.pk}", now, label=label, until=_line(request, "until", one.due_on))


def code(address: str, language: str, secret: str, ticket: str, now: datetime) -> None:
    subject, text = _say("code", language, {"text": secret, "link": settings.CONFIG.public_url})
    letter = Letter(
        channel=Channel.EMAIL, address=address, language=language, subject=subject, text=text,
        key=f"code.{ticket[:40]}", headers=AUTOMATIC, secret=True,
    )  # fmt: skip
    put(letter, now)


def money(cents: int) -> str:
    """As Latvians write it: 1 234,56 €, with spaces that do not break."""
    whole = f"{cents // 100:,}".replace(",", "\u00a0")
    return f"{whole},{cents % 100:02}\u00a0€"


def link(request: Request) -> str:
    return f"{settings.CONFIG.public_url}/portal/requests/{request.pk}/"


def _send(
    request: Request,
    kind: str,
    what: str,
    now: datetime,
    *,
    headers: dict[str, str] | None = None,
    **known: str,
) -> None:
    address = request.contact.email if request.contact else request.asker_email
    if not address or (request.contact and request.contact.retired_at):
        return
    fields = {"number": str(request), "title": request.title, "link": link(request), **known}
    subject, text = _say(kind, request.language, fields)
    letter = Letter(
        channel=Channel.EMAIL,
        address=address,
        language=request.language,
        subject=f"{subject} {tokens.in_subject(request.pk)}",
        text=text,
        key=tokens.key(request.pk, what),
        thread=tokens.key(request.pk, "opened"),
        headers={**(headers or {}), **_reply_to(request)},
        about=f"request:{request.pk}",
    )
    put(letter, now)


def _reply_to(request: Request) -> dict[str, str]:
    box = settings.CONFIG.mailbox
    if not box.address:
        return {}
    return {"Reply-To": tokens.in_address(box.address, request.pk) if box.tagged else box.address}


def _say(kind: str, language: str, fields: dict[str, str]) -> tuple[str, str]:
    """Subject and text; a line of which nothing is known is left out."""
    subject, text = cast(Texts, _texts())[kind][language if language in ("lv", "ru") else "en"]
    lines = [Template(line).safe_substitute(dict.fromkeys(_FIELDS, "") | fields) for line in text.split("\n")]
    bare = ["$" in line and not new.strip() for line, new in zip(text.split("\n"), lines, strict=True)]
    kept = "\n".join(line for line, empty in zip(lines, bare, strict=True) if not empty)
    return Template(subject).safe_substitute(fields), kept + "\n"


_FIELDS = ("number", "title", "name", "link", "text", "until", "label", "price")


def _word(request: Request, name: str) -> str:
    return str(cast(dict[str, dict[str, str]], _texts()["words"])[request.language][name])


def _line(request: Request, word: str, when: datetime | date | None) -> str:
    if when is None:
        return ""
    if isinstance(when, datetime):
        zone = request.site.time_zone if request.site else settings.CONFIG.time_zone
        return f"{_word(request, word)} {when.astimezone(ZoneInfo(zone)):%d.%m.%Y %H:%M}"
    return f"{_word(request, word)} {when:%d.%m.%Y}"
