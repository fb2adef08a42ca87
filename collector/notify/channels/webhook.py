"""A signed POST to a program of somebody else. docs/how-to/notifications.md tells how it is checked there."""

import hashlib
import hmac
import json

from django.conf import settings

from collector.core import clock
from collector.core.config import Config
from collector.notify.channels import http
from collector.notify.channels.channel import Sealed, Target


def deliver(message: Sealed, target: Target) -> str:
    """Answered with any 2xx, the message has arrived. Each try carries the same `Idempotency-Key` and a new time
    and signature."""
    config: Config = settings.CONFIG
    body = document(message)
    at = int(clock.now().timestamp())
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": message.key,
        "Plomba-Timestamp": str(at),
        "Plomba-Signature": f"v1={signature(target.keys.get('secret', ''), at, body)}",
    }
    return http.judged(http.post(target.address, body, headers, config.notify.timeout_s), "the web hook")


def document(message: Sealed) -> bytes:
    told = {
        "key": message.key,
        "language": message.language,
        "subject": message.subject,
        "text": message.text,
        "made_at": message.made_at.isoformat(),
        **message.facts,
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def signature(secret: str, at: int, body: bytes) -> str:
    """HMAC-SHA256 in hex over the time in seconds, a dot, and the body: a receiver that refuses times more than five
    minutes off needs to remember keys no longer than that."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
