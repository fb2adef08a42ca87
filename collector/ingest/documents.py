"""Documents that a terminal fetches or hands in with a signed request, by path and method. What they mean is
for the rooms that give them."""

from collections.abc import Callable
from datetime import datetime

from django.db import close_old_connections

from collector.core import clock
from collector.ingest.problem import PROBLEMS, Answer, Refused
from collector.inventory import desired_state
from collector.inventory.models import Terminal
from collector.inventory.neighbours import neighbours
from collector.jobs import counter
from collector.service import certified_list
from protocols.errors import PlombaError
from protocols.wire import v1
from protocols.wire.certified import PATH_CERTIFIED
from protocols.wire.relay import PATH_NEIGHBOURS

LIMIT = 64 << 10
"""Bytes of a document that is handed in."""

Handler = Callable[[Terminal, bytes, datetime], bytes]
"""The terminal, the body and the time -> the JSON document of the answer. A PlombaError whose code is one of
PROBLEMS refuses; any other is a bug."""

DOCUMENTS: dict[str, dict[str, Handler]] = {
    v1.PATH_CONFIGURATION: {"GET": desired_state.document},
    PATH_NEIGHBOURS: {"GET": neighbours},
    v1.PATH_JOBS: {"GET": counter.fetch},
    PATH_CERTIFIED: {"GET": certified_list.document},
}


def answer(terminal_id: str, handler: Handler, body: bytes) -> Answer:
    """In a thread that may wait for the database."""
    close_old_connections()
    try:
        return Answer(200, handler(Terminal.objects.get(pk=terminal_id), body, clock.now()))
    except PlombaError as e:
        if e.code not in PROBLEMS:
            raise
        raise Refused(e.code, str(e), terminal=terminal_id) from e
    finally:
        close_old_connections()
