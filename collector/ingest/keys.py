"""Whose key is it, and who speaks with it? Reads what the door must know of a terminal and keeps it for a few
seconds: a retired terminal is refused, and a new key counts, after KEEP_S at the latest in every process."""

import asyncio
import base64
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from collector.core import clock
from collector.core.kept import on_kept_connection
from collector.ingest.problem import Refused
from collector.inventory.models import Terminal

KEEP_S = 2.0
MOST = 50_000
_COLUMNS = ("public_key", "retired_at", "waits_since", "session", "quarantined_at", "chosen_session")


@dataclass(frozen=True, slots=True)
class Known:
    """`session` is the one that speaks with the key. Of a quarantined terminal only `chosen` may change the key,
    and nothing else is taken."""

    key: Ed25519PublicKey
    session: str
    quarantined: bool
    chosen: str


@dataclass(frozen=True, slots=True)
class _Entry:
    """`known` is None for a terminal that is refused with `code`."""

    known: Known | None
    code: str
    until_s: float


class Keys:
    """For one event loop. Look-ups share one thread, so that made-up names cannot fill the pool."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._thread = ThreadPoolExecutor(1, "keys")

    async def known(self, terminal_id: str) -> Known:
        entry = self._entries.get(terminal_id)
        if entry is None or entry.until_s <= clock.monotonic():
            entry = await asyncio.get_running_loop().run_in_executor(self._thread, _load, terminal_id)
            if len(self._entries) >= MOST:
                self._entries.clear()
            self._entries[terminal_id] = entry
        if entry.known is None:
            raise Refused(entry.code, terminal="" if entry.code == "terminal.unknown" else terminal_id)
        return entry.known

    def forget(self, terminal_id: str) -> None:
        self._entries.pop(terminal_id, None)

    def close(self) -> None:
        self._thread.shutdown()


def public_key(text: str) -> Ed25519PublicKey:
    """From base64url without padding."""
    return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(text + "="))


def _load(terminal_id: str) -> _Entry:
    until_s = clock.monotonic() + KEEP_S
    if len(terminal_id) > 40 or "\0" in terminal_id:
        return _Entry(None, "terminal.unknown", until_s)
    row = on_kept_connection(Terminal.objects.filter(pk=terminal_id).values_list(*_COLUMNS).order_by().first)
    if row is None:
        return _Entry(None, "terminal.unknown", until_s)
    key, retired_at, waits_since, session, quarantined_at, chosen = row
    if retired_at is not None:
        return _Entry(None, "terminal.retired", until_s)
    if waits_since is not None:
        return _Entry(None, "terminal.waiting", until_s)
    return _Entry(Known(public_key(key), session, quarantined_at is not None, chosen), "", until_s)
