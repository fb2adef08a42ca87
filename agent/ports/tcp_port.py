"""A printer on the network. It serves one client at a time, so a connection is as exclusive as it can be."""

import select
import socket

from agent.ports.port import Closing
from protocols.errors import PortDenied, PortGone, PortHeld

CONNECT_S = 1.0
WRITE_S = 1.0
_PIECE = 1024


class TcpPort(Closing):
    """A refused connection is PortHeld: network printers refuse a second client while the first is served. A
    program that listens for nobody refuses as well; the two cannot be told apart from outside."""

    def __init__(self, host: str, port: int) -> None:
        self._name = f"{host}:{port}"
        try:
            self._socket = socket.create_connection((host, port), timeout=CONNECT_S)
        except ConnectionRefusedError as e:
            raise PortHeld(f"{self._name} refuses the connection: it serves another program") from e
        except PermissionError as e:
            raise PortDenied(f"the system does not let this account connect to {self._name}") from e
        except OSError as e:
            raise PortGone(f"{self._name} cannot be reached ({_words(e)})") from e
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(WRITE_S)

    def write(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as e:
            raise PortGone(f"{self._name} is gone ({_words(e)})") from e

    def read(self, wait_s: float) -> bytes:
        try:
            if not select.select([self._socket], [], [], max(wait_s, 0.0))[0]:
                return b""
            data = self._socket.recv(_PIECE)
        except OSError as e:
            raise PortGone(f"{self._name} is gone ({_words(e)})") from e
        if not data:
            raise PortGone(f"{self._name} closed the connection")
        return data

    def contended(self) -> bool:
        return False

    def close(self) -> None:
        self._socket.close()


def _words(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
