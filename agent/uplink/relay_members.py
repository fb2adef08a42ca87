"""The terminals of this site, as the collector last told them: who may go through a relay here, and whose word about a
way is heard."""

import logging
from collections.abc import Callable

from pydantic import ValidationError

from agent.clock import Clock
from agent.spool import Json
from agent.uplink.client import Client
from protocols.errors import CollectorUnreachable, ReportRefused
from protocols.wire.relay import PATH_NEIGHBOURS, Keys, Neighbours, public_keys

EVERY_S = 3600.0
STRANGER_S = 300.0
"""Where a stranger was met who may be a new member, the list is fetched anew after so long at the earliest."""
STATE = "relay.neighbours"
"""Key of the spool's state: the list must outlive a start without a line."""

log = logging.getLogger(__name__)


class Members:
    """`keep` stores the list under STATE. For the sender's thread; `keys` is replaced whole, and may be read by any."""

    def __init__(self, clock: Clock, kept: Json, keep: Callable[[Json], None]) -> None:
        self._clock = clock
        self._keep = keep
        self._fetched_s: float | None = None
        self._kept = kept
        self.keys: Keys = {}
        self.names: dict[str, str] = {}
        if kept is not None:
            self._take(Neighbours.model_validate(kept, extra="ignore"))

    def is_due(self, *, stranger: bool) -> bool:
        age_s = EVERY_S if self._fetched_s is None else self._clock.monotonic() - self._fetched_s
        return age_s >= (STRANGER_S if stranger else EVERY_S)

    def fetch(self, client: Client) -> None:
        """The list that we have stays where no new one is to be had."""
        self._fetched_s = self._clock.monotonic()
        try:
            answer = client.send("GET", PATH_NEIGHBOURS, b"", content_type="application/json")
            found = Neighbours.model_validate_json(answer.body, extra="ignore")
            self._take(found)
        except (CollectorUnreachable, ReportRefused) as e:
            log.warning("the neighbours of this till are not to be had: %s (%s)", e, e.code)
            return
        except (ValidationError, ValueError) as e:
            log.warning("the neighbours of this till cannot be read: %s", e)
            return
        told = found.model_dump(mode="json")
        if told != self._kept:
            self._kept = told
            self._keep(told)

    def _take(self, found: Neighbours) -> None:
        self.keys = public_keys(found)
        self.names = {n.terminal: n.name for n in found.neighbours}
