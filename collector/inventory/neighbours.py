"""Who stands in the same shop: the terminals that may carry each other's reports, with the keys by which they know
each other."""

from datetime import datetime

from collector.inventory.models import Terminal
from protocols.wire.relay import NEIGHBOURS, Neighbour, Neighbours


def neighbours(terminal: Terminal, _body: bytes, _now: datetime) -> bytes:
    """The document that a terminal fetches. One that is retired, waits for approval or is in quarantine is in nobody's
    list, so no relay of its site carries it."""
    found = Terminal.objects.filter(
        site=terminal.site_id, retired_at=None, waits_since=None, quarantined_at=None
    ).order_by("enrolled_at", "pk")[:NEIGHBOURS]
    listed = tuple(
        Neighbour(terminal=other.pk, name=other.name, public_key=other.public_key) for other in found
    )
    return Neighbours(neighbours=listed).model_dump_json().encode()
