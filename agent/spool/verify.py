"""Proves what lies in the spool, without a network: the numbers have no hole, each message is the one that its link
stands for, and the collector's receipt was signed for this very chain."""

import base64
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from agent.spool import ordered
from agent.spool.lane import Counters
from protocols.wire import chain


@dataclass(frozen=True, slots=True)
class Proof:
    """`problems` is empty where all holds. The collector proved that it has everything of `epoch` up to
    `complete_to` (0: it has proved nothing yet); `first` to `last` are here."""

    epoch: int
    first: int
    last: int
    complete_to: int
    signer: str
    receipt_at: str
    problems: tuple[str, ...]


def verify(db: sqlite3.Connection, terminal: str, receipt: Mapping[str, object]) -> Proof:
    """`receipt`: as the sender wrote it down."""
    now = ordered.load(db)
    first, last, problems = _walk(db, now)
    problems += _receipt_problems(db, now, terminal, receipt)
    proven = 0 if problems or not receipt.get("signature") else int(str(receipt["complete_to"]))
    return Proof(
        epoch=now.epoch,
        first=first,
        last=last,
        complete_to=proven,
        signer=str(receipt.get("signer") or ""),
        receipt_at=str(receipt.get("server_time") or ""),
        problems=tuple(problems),
    )


def _walk(db: sqlite3.Connection, now: Counters) -> tuple[int, int, list[str]]:
    first = last = 0
    link = chain.start(now.epoch)
    for seq, body, stored in db.execute("SELECT seq, body, chain FROM ordered ORDER BY seq"):
        if not first:
            first, last = seq, seq - 1
        if seq != last + 1:
            return first, last, [f"message {last + 1} is missing"]
        # What came before the first message here was let go of after its receipt; its link is all that is left.
        known = chain.link(link, chain.canonical(json.loads(body))) if seq > first or seq == 1 else stored
        if known != stored:
            return first, last, [f"message {seq} is not the one that was stored"]
        link, last = stored, seq
    if last and (last != now.last_seq or link != now.chain):
        return first, last, ["the last message is not the one that the spool remembers"]
    if not first and now.last_seq > now.complete_to:
        return first, last, ["messages that wait are missing"]
    return first, last, []


def _receipt_problems(
    db: sqlite3.Connection, now: Counters, terminal: str, receipt: Mapping[str, object]
) -> list[str]:
    if not receipt.get("signature") or receipt.get("epoch") != now.epoch:
        return []
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - 8 MiB that signing does not need
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - 8 MiB that signing does not need

    complete_to, link = int(str(receipt["complete_to"])), str(receipt["chain"])
    told = chain.receipt_bytes(
        terminal, now.epoch, complete_to, link, datetime.fromisoformat(str(receipt["server_time"]))
    )
    try:
        key = Ed25519PublicKey.from_public_bytes(_raw(str(receipt["signer"])))
        key.verify(_raw(str(receipt["signature"])), told)
    except (InvalidSignature, ValueError):
        return ["the receipt's signature does not hold"]
    own = ordered.link_at(db, now, complete_to)
    return ["the receipt is for other messages than these"] if own and own.hex() != link else []


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
