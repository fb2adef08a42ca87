"""What a channel is: one function that hands one message over, once. Retry, pace and "already sent" live in the
loop that calls it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from protocols.errors import PlombaError


class DeliveryError(PlombaError):
    """`retriable`: the same message may arrive later. `bad_address`: the other side says that the address is nobody's,
    now and later. `retry_after_s`: what it asked for. `doubtful`: it may have arrived nevertheless."""

    code = "notify.delivery"

    def __init__(
        self,
        message: str,
        *,
        code: str,
        retriable: bool,
        bad_address: bool = False,
        doubtful: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, code=code, retriable=retriable)
        self.bad_address = bad_address
        self.doubtful = doubtful
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What is handed over. `key` tells one message from another for ever, and every try of it carries the same one.
    `facts`: the same for machines, of a web hook and a push message."""

    key: str
    language: str
    subject: str
    text: str
    made_at: datetime
    html: str = ""
    thread: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """`keys`: what the address needs beside itself (a browser's keys, a web hook's secret)."""

    address: str
    keys: Mapping[str, str] = field(default_factory=dict)


class Deliver(Protocol):
    def __call__(self, message: Sealed, target: Target) -> str:
        """What the other side said when it took the message (a queue number, a status): it has it for good then.
        DeliveryError in every other case. Ends within the configured time and is safe in several threads."""
