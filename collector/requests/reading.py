"""A mail's bytes -> what they say. Pure. Never fails over what a mail holds: what cannot be read is told as such."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage, MIMEPart
from email.utils import getaddresses, parseaddr
from html.parser import HTMLParser

from collector.requests.files import File

TEXT = 20_000
SUBJECT = 500
_REPLY = re.compile(r"^\s*((re|fwd?|atb|pārs|на|отв|ha)(\[\d+\])?:\s*)+", re.IGNORECASE)
_TOKEN = re.compile(r"\s*\[P-\d+[ -][a-z2-7]{10}\]", re.IGNORECASE)
_QUOTED = re.compile(r"^(>|\s*-{2,}.*(original|sākotnēj|исходн).*-{2,}\s*$)", re.IGNORECASE)
_WROTE = re.compile(r"^.{0,200}\b(wrote|rakstīja|raksta|пишет|писал|написал)\b.{0,80}:\s*$", re.IGNORECASE)
_GIVEN_UP = (RecursionError, ArithmeticError, AssertionError)
"""What the library has been seen to raise over nonsense, beside what it says it raises."""
_MACHINES = ("bulk", "junk", "list", "auto_reply")


class Unreadable(Exception):
    """The bytes are not a mail that can be understood. `no_sender`, or what the library said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """`references`: every Message-ID that it answers; `receivers`: every address that it went to. `machine`: why it
    counts as written by a machine, "" where a person wrote it. `bounce`: a report that something could not be
    delivered."""

    message_id: str
    sender: str
    sender_name: str
    subject: str
    text: str
    references: str
    receivers: tuple[str, ...]
    files: tuple[File, ...] = ()
    machine: str = ""
    bounce: bool = False
    told_of: str = ""

    @property
    def title(self) -> str:
        """The subject without "Re:" and our own word."""
        return _REPLY.sub("", _TOKEN.sub("", self.subject)).strip()


def read(content: bytes) -> Read:
    """Unreadable where there is no sender, or where the library gives up."""
    try:
        return _read(message_from_bytes(content, policy=policy.default))
    except (MessageError, ValueError, LookupError, TypeError, AttributeError, *_GIVEN_UP) as e:
        raise Unreadable(f"{type(e).__name__}: {e}"[:200]) from e


def _read(mail: EmailMessage) -> Read:
    name, sender = parseaddr(_plain(mail.get("From")))
    if "@" not in sender:
        raise Unreadable("no_sender")
    return Read(
        message_id=_plain(mail.get("Message-ID"))[:500],
        sender=sender.casefold()[:320],
        sender_name=name[:200],
        subject=_plain(mail.get("Subject"))[:SUBJECT],
        text=written(_text_of(mail))[:TEXT],
        references=" ".join(_plain(mail.get(part)) for part in ("In-Reply-To", "References")),
        receivers=_receivers(mail),
        files=tuple(_files(mail)),
        machine=_machine(mail),
        bounce=mail.get_content_type() == "multipart/report" or _plain(mail.get("Return-Path")) == "<>",
        told_of=_told_of(mail) if mail.get_content_type() == "multipart/report" else "",
    )


def _plain(value: object) -> str:
    """A header as one line without signs that no database keeps."""
    return " ".join(_clean(str(value or "")).split())


def _clean(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8", "replace")


def _receivers(mail: EmailMessage) -> tuple[str, ...]:
    names = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To")
    given = [_plain(value) for name in names for value in mail.get_all(name, [])]
    return tuple(address.casefold() for _name, address in getaddresses(given) if address)


def _machine(mail: EmailMessage) -> str:
    """RFC 3834 first, then what older programs say."""
    submitted = _plain(mail.get("Auto-Submitted")).casefold()
    if submitted and not submitted.startswith("no"):
        return "auto_submitted"
    if _plain(mail.get("Precedence")).casefold() in _MACHINES:
        return "precedence"
    if mail.get("List-Id") or mail.get("List-Unsubscribe"):
        return "list"
    if mail.get("X-Autoreply") or mail.get("X-Autorespond") or mail.get("X-Auto-Response-Suppress"):
        return "auto_reply"
    return "bounce" if _plain(mail.get("Return-Path")) == "<>" else ""


def _text_of(mail: EmailMessage) -> str:
    body = mail.get_body(preferencelist=("plain", "html"))
    if body is None:
        return ""
    text = _decoded(body)
    return _without_tags(text) if body.get_content_type() == "text/html" else text


def _decoded(part: MIMEPart) -> str:
    """In its own encoding; what that does not know is shown as a question mark, not lost with the rest."""
    raw = part.get_payload(decode=True)
    content = raw if isinstance(raw, bytes) else b""
    charset = part.get_content_charset() or "utf-8"
    try:
        return _clean(content.decode(charset, "replace"))
    except LookupError:
        return _clean(content.decode("utf-8", "replace"))


def _files(mail: EmailMessage) -> Iterator[File]:
    for part in mail.iter_attachments():
        if part.is_multipart():
            inner = part.get_payload()
            whole = inner[0] if isinstance(inner, list) and inner else None
            content = whole.as_bytes() if isinstance(whole, EmailMessage) else b""
        else:
            raw = part.get_payload(decode=True)
            content = raw if isinstance(raw, bytes) else b""
        if content:
            yield File(_plain(part.get_filename()) or f"{part.get_content_subtype()}.bin", content)


def _told_of(mail: EmailMessage) -> str:
    """The Message-ID of the mail that a bounce is about."""
    found = [
        _plain(inner.get("Message-ID"))
        for part in mail.walk()
        if part.get_content_type() in ("message/rfc822", "text/rfc822-headers")
        for inner in _inside(part)
    ]
    return " ".join(found)


def _inside(part: EmailMessage) -> Iterator[EmailMessage]:
    payload = part.get_payload()
    if isinstance(payload, list):
        yield from (one for one in payload if isinstance(one, EmailMessage))
    elif isinstance(payload, str):
        yield message_from_bytes(payload.encode("utf-8", "replace"), policy=policy.default)


def written(text: str) -> str:
    """What the sender wrote, without the quoted mail beneath it. Where everything is quoted, all of it."""
    lines = text.replace("\r\n", "\n").split("\n")
    end = next((i for i, line in enumerate(lines) if _begins_quote(lines, i, line)), len(lines))
    own = "\n".join(lines[:end]).strip()
    return own or text.strip()


def _begins_quote(lines: list[str], at: int, line: str) -> bool:
    rest = [one for one in lines[at + 1 :] if one.strip()]
    if _WROTE.match(line):
        return True
    if line.startswith(">"):
        return all(one.startswith(">") for one in rest)
    return bool(_QUOTED.match(line))


class _Tagless(HTMLParser):
    _BREAKS = frozenset({"br", "p", "div", "tr", "li", "h1", "h2", "h3", "blockquote"})
    _HIDDEN = frozenset({"style", "script", "head", "title"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - inherited
        self._hidden += tag in self._HIDDEN
        if tag in self._BREAKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in self._HIDDEN and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def _without_tags(html: str) -> str:
    reader = _Tagless()
    reader.feed(html)
    reader.close()
    return re.sub(r"\n\s*\n\s*\n+", "\n\n", "".join(reader.parts)).strip()
