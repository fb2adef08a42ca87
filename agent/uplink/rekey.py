"""A new key for this terminal, without a visit: made here, proven to the collector, and adopted once the collector
has taken it. Both keys are kept until that is certain, so that the program may end anywhere."""

import logging
from pathlib import Path

from agent.uplink import identity
from agent.uplink.client import Client
from protocols.errors import ReportRefused
from protocols.wire import rekey as wire
from protocols.wire import v1

INVALID = "signature.invalid"

log = logging.getLogger(__name__)


class Rekeying:
    """`known` is the identity as it was loaded; `session` is the one in the reports of this run."""

    def __init__(self, state_dir: Path, known: identity.Identity, session: str) -> None:
        self._state_dir = state_dir
        self._known = known
        self._session = session

    def wanted(self, client: Client) -> None:
        """The collector wishes a new key. CollectorUnreachable, ReportRefused: nothing has changed, or what has is
        found out next time."""
        key = identity.next_key(self._state_dir, self._known) or identity.make_next_key(self._state_dir)
        self._change(client, key)

    def doubted(self, client: Client) -> None:
        """The collector does not know our key. Where it was asked to take another and the answer was lost, that is
        the one."""
        key = identity.next_key(self._state_dir, self._known)
        if key is not None:
            self._change(client, key)

    def _change(self, client: Client, key: "identity.Key") -> None:
        public_key, proof = wire.prove(key, self._known.terminal)
        request = v1.Rekey(public_key=public_key, proof=proof, session=self._session)
        try:
            client.rekey(request)
        except ReportRefused as e:
            if e.code != INVALID:
                raise
            self._ask_with(client, key, request)
        self._known = identity.adopt(self._state_dir, self._known, key)
        client.use_key(key)
        log.info("this terminal has a new key, at the collector's wish")

    def _ask_with(self, client: Client, key: "identity.Key", request: v1.Rekey) -> None:
        """Does the collector have the new key already?"""
        before = client.use_key(key)
        try:
            client.rekey(request)
        except BaseException:
            client.use_key(before)
            raise
