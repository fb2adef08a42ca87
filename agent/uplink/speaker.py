"""Between the sender and the client: says who speaks with the first reports of a run, and tells of a refusal to
those whose affair it is. It keeps nothing and hides nothing."""

from collections.abc import Callable

from agent.uplink.client import Client
from protocols.errors import ReportRefused
from protocols.wire import v1

_HOSTNAME = 100
"""Letters; the envelope of a report has little room."""


class Speaker:
    """For the sender's thread. `refused` is called before the refusal is raised on."""

    def __init__(self, client: Client, run: v1.Run, refused: Callable[[ReportRefused], None]) -> None:
        self._client = client
        self._introduction = b'{"run":' + _short(run).model_dump_json().encode() + b","
        self._introduced = False
        self._refused = refused

    def report(self, body: bytes) -> v1.Receipt:
        """See agent.uplink.client.Client.report."""
        try:
            receipt = self._client.report(body if self._introduced else self._introduction + body[1:])
        except ReportRefused as e:
            self._refused(e)
            raise
        self._introduced = True
        return receipt


def _short(run: v1.Run) -> v1.Run:
    return run.model_copy(update={"hostname": run.hostname[:_HOSTNAME]})
