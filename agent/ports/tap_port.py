"""A device behind a tap as a port: each question is put in between whole commands of the cash program, or not
at all."""

from agent.ports.port import Closing
from agent.ports.tap_client import TapClient
from protocols.errors import Rejected


class TapPort(Closing):
    """`write` raises PortHeld where the cash program is at work, and Rejected for a question that may not be
    put in between the commands of others. `read` comes back early when nothing more can come."""

    def __init__(self, client: TapClient) -> None:
        self._client = client

    def write(self, data: bytes) -> None:
        shape = self._client.shape(data)
        if shape is None:
            raise Rejected("is not asked while the cash program has the line", code="port.tap_not_asked")
        self._client.put_in(data, shape)

    def read(self, wait_s: float) -> bytes:
        return self._client.answer(wait_s)

    def contended(self) -> bool:
        return False

    def close(self) -> None:
        self._client.let_go()
