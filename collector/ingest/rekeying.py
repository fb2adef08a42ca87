"""A terminal changes its key without a visit: the old key signs the request, the new one proves itself inside. The
switch is one transaction; asked again with the new key, the answer is the same."""

import json
from datetime import datetime

from django.db import close_old_connections, transaction
from pydantic import ValidationError

from collector.core import clock
from collector.ingest import clones
from collector.ingest.problem import Refused
from collector.ingest.waiting import WAITING
from collector.inventory import identity
from collector.inventory.models import Terminal
from protocols.wire import rekey as wire
from protocols.wire import v1

LIMIT = 4 << 10

WAITING[v1.REKEY] = lambda terminals: identity.rekey_waits(terminals, clock.now())


def rekey(terminal_id: str, body: bytes, now: datetime) -> v1.Rekeyed:
    """In a thread that may wait for the database. Refused with `rekey.*`, or with `terminal.quarantined` where
    another session was chosen."""
    request = _parse(body, terminal_id)
    if not wire.is_proven(terminal_id, request.public_key, request.proof):
        raise Refused("rekey.malformed", "the new key has not proven itself", terminal=terminal_id)
    close_old_connections()
    try:
        with transaction.atomic():
            terminal = Terminal.objects.select_for_update(of=("self",)).get(pk=terminal_id)
            if terminal.public_key != request.public_key:
                _switch(terminal, request, now)
            return v1.Rekeyed(public_key=request.public_key, server_time=now)
    finally:
        close_old_connections()


def _switch(terminal: Terminal, request: v1.Rekey, now: datetime) -> None:
    if terminal.quarantined_at is not None and (
        not terminal.chosen_session or request.session != terminal.chosen_session
    ):
        raise Refused("terminal.quarantined", terminal=terminal.id)
    if terminal.quarantined_at is None and not identity.rekey_waits([terminal.id], now):
        raise Refused("rekey.not_wanted", terminal=terminal.id)
    if identity.was_used(request.public_key):
        raise Refused("rekey.key_known", terminal=terminal.id)
    before, terminal.public_key = terminal.public_key, request.public_key
    terminal.key_since = terminal.last_seen_at = now
    terminal.rekey_wanted_at = None
    clones.settled(terminal, request.session, now)
    terminal.save(
        update_fields=[
            "public_key",
            "key_since",
            "rekey_wanted_at",
            "last_seen_at",
            "session",
            "quarantined_at",
            "chosen_session",
        ]
    )
    identity.note(terminal, "rekeyed", now, detail={"before": before, "now": request.public_key})


def _parse(body: bytes, terminal_id: str) -> v1.Rekey:
    try:
        document = json.loads(body.decode())
        return v1.Rekey.model_validate(document, extra="ignore")
    except ValidationError as e:
        said = e.errors(include_url=False, include_input=False)[0]["msg"]
        raise Refused("rekey.malformed", said, terminal=terminal_id) from e
    except (ValueError, RecursionError) as e:
        raise Refused("rekey.malformed", "not JSON in UTF-8", terminal=terminal_id) from e
