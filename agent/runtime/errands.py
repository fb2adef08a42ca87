"""What the sender's thread does after a receipt that says that something waits at the collector: fetch it and hand
it to its room."""

import logging
from collections.abc import Callable, Mapping, Sequence

from agent.uplink.client import Client, Waits
from protocols.errors import PlombaError, ReportRefused
from protocols.wire import v1

Errand = Callable[[Client], None]
"""Fetches what waits with the signed client, and acts on it quickly: reports wait meanwhile. A PlombaError is
logged; while the collector says that it waits, it is tried again after the next receipt."""

log = logging.getLogger(__name__)


class Errands:
    """`errands`: the name in a receipt, or the code of a refusal -> what to do."""

    def __init__(self, client: Client, errands: Mapping[str, Errand]) -> None:
        self._client = client
        self._errands = errands

    def heard(self, receipt: v1.Receipt) -> None:
        self._run(receipt.waiting)

    def refused(self, refusal: ReportRefused) -> None:
        """A report was refused; it is kept and goes again."""
        waiting = refusal.waiting if isinstance(refusal, Waits) else ()
        self._run((*waiting, *(code for code in (refusal.code,) if code in self._errands)))

    def _run(self, names: Sequence[str]) -> None:
        for name in names:
            errand = self._errands.get(name)
            if errand is None:
                log.info("%r waits at the collector, which this agent does not know", name)
                continue
            try:
                errand(self._client)
            except PlombaError as e:
                log.warning("%s waits at the collector and could not be had: %s (%s)", name, e, e.code)
            except OSError as e:
                log.warning("%s waits at the collector, and the disk refuses: %s", name, e)
