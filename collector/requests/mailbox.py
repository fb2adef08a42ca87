"""Fetches mail by IMAP. Reads by UID and flags nothing, so that people may read the same mailbox; a mail counts as
fetched only after what became of it is stored."""

import imaplib
import logging
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.conf import settings

from collector.core import clock
from collector.core.config import Mailbox as Settings
from collector.requests import receiving
from collector.requests.models import Mailbox

AT_ONCE = 50
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")
log = logging.getLogger(__name__)


class MailboxFailed(Exception):
    """The server refused or went away; the text says what it said. It is tried again."""


def fetch(now: datetime) -> int:
    """Take in what has come since the last time; how many. A mailbox that does not answer is noted where people see
    it, and tried again."""
    config: Settings = settings.CONFIG.mailbox
    if not config.host:
        return 0
    name = f"{config.user}@{config.host}/{config.folder}"
    box, _made = Mailbox.objects.get_or_create(name=name)
    try:
        count = _fetched(config, box)
    except (MailboxFailed, OSError, imaplib.IMAP4.error) as e:
        log.warning("mailbox %s: %s", name, e)
        box.error, box.failing_since = str(e)[:400], box.failing_since or now
        box.save()
        return 0
    box.error, box.failing_since, box.read_at = "", None, now
    box.save()
    return count


def _fetched(config: Settings, box: Mailbox) -> int:
    with _signed_in(config) as server:
        validity = _opened(server, config.folder)
        if (
            validity != box.uid_validity
        ):  # the UIDs of before mean nothing any more; doubles are seen by their bytes
            box.uid_validity, box.last_uid = validity, 0
        new = _new(server, box.last_uid)
        for uid in new:
            _take(server, uid, config.most_mb << 20)
            box.last_uid = uid
            box.save()
    return len(new)


@contextmanager
def _signed_in(config: Settings) -> Iterator[imaplib.IMAP4]:
    server = _connected(config)
    try:
        password = settings.CONFIG.path(config.password_file).read_text("utf-8").strip()
        server.authenticate("PLAIN", lambda _: f"\0{config.user}\0{password}".encode())
        yield server
    finally:
        try:
            server.logout()
        except (OSError, imaplib.IMAP4.error):
            log.debug("the mail server was gone before the end")


def _connected(config: Settings) -> imaplib.IMAP4:
    trust = ssl.create_default_context(
        cafile=str(settings.CONFIG.path(config.ca_file)) if config.ca_file else None
    )
    if config.security == "tls":
        return imaplib.IMAP4_SSL(config.host, config.port, ssl_context=trust, timeout=config.timeout_s)
    server = imaplib.IMAP4(config.host, config.port, timeout=config.timeout_s)
    if config.security == "starttls":
        server.starttls(trust)
    return server


def _opened(server: imaplib.IMAP4, folder: str) -> int:
    """Its UIDVALIDITY; opened for reading only."""
    _said(server.select(f'"{folder}"', readonly=True), f"opening the folder {folder}")
    _kind, told = server.response("UIDVALIDITY")
    return int(told[0] or 0) if told else 0


def _new(server: imaplib.IMAP4, after: int) -> list[int]:
    """UIDs above `after`, oldest first. "n:*" always names the last mail, also where it is older (RFC 3501)."""
    found = _said(server.uid("SEARCH", f"UID {after + 1}:*"), "searching")
    uids = sorted(int(part) for part in (found[0] or b"").split())
    return [uid for uid in uids if uid > after][:AT_ONCE]


def _take(server: imaplib.IMAP4, uid: int, most_bytes: int) -> None:
    told = _said(server.uid("FETCH", str(uid), "(RFC822.SIZE)"), "asking for a size")
    size = _SIZE.search(b" ".join(part if isinstance(part, bytes) else part[0] for part in told if part))
    if size is None:
        return  # deleted meanwhile
    size_bytes = int(size[1])
    if size_bytes > most_bytes:
        if head := _part(server, uid, "BODY.PEEK[HEADER]"):
            receiving.too_large(head, size_bytes, clock.now())
    elif content := _part(server, uid, "BODY.PEEK[]"):
        receiving.receive(content, clock.now())


def _part(server: imaplib.IMAP4, uid: int, part: str) -> bytes:
    told = _said(server.uid("FETCH", str(uid), f"({part})"), "fetching a mail")
    return next((one[1] for one in told if isinstance(one, tuple)), b"")


def _said(answer: tuple[str, list[Any]], doing: str) -> list[Any]:
    status, data = answer
    if status != "OK":
        raise MailboxFailed(f"{doing}: {data!r}"[:300])
    return data
