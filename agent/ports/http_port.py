"""One printer at a neighbour program over plain HTTP: nothing but GET, below the path of that printer."""

import re
import socket
from http.client import HTTPException
from threading import Event, Timer

from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from agent.config.address import HttpAddress
from agent.ports.port import Closing
from protocols.errors import PortError, UsageError

CONNECT_S = 1.0
BODY_BYTES = 8192
"""No state of a printer is half as long."""
_BELOW = re.compile(rb"\.|[a-z]{1,32}")
_REFUSALS = {
    404: ("port.neighbour_unknown", "knows no such printer, or has not found it since it was started"),
    405: ("port.neighbour_not_ready", "is still looking for its printers"),
}


class HttpPort(Closing):
    """A neighbour that is not there, is slow or says no is no fault of the printer: PortError, never PortGone.
    `write` takes the last part of the path, or "." for the printer itself."""

    def __init__(self, address: HttpAddress) -> None:
        self._address = address
        self._name = f"the program at {address.host}:{address.port}"
        self._connection = HTTPConnection(address.host, address.port, timeout=CONNECT_S)
        self._asked = False
        self._connect()

    def write(self, data: bytes) -> None:
        if not _BELOW.fullmatch(data):
            raise UsageError(f"{data!r} is no part of a path")
        below = "" if data == b"." else "/" + data.decode("ascii")
        if self._connection.is_closed:  # it closes after each answer, if it likes
            self._connect()
        try:
            self._connection.request(
                "GET",
                self._address.path + below,
                headers={"Accept": "application/json"},
                preload_content=False,
            )
        except (OSError, HTTPError, HTTPException) as e:
            raise self._lost(e) from e
        self._asked = True

    def read(self, wait_s: float) -> bytes:
        """The whole body of the answer, once. It is there within `wait_s`, however slowly it comes, or never."""
        line = self._connection.sock
        if not self._asked or line is None:
            return b""
        self._asked = False
        line.settimeout(max(wait_s, 0.001))
        late = Event()
        timer = Timer(wait_s, _cut, [line, late])
        timer.daemon = True
        timer.start()
        try:
            with self._connection.getresponse() as answer:
                body = answer.read(BODY_BYTES + 1, decode_content=False)
        except (OSError, HTTPError, HTTPException) as e:
            raise self._lost(e) from e
        finally:
            timer.cancel()
        if late.is_set():  # without a length a broken-off body looks whole
            raise self._lost(TimeoutError())
        self._check(answer.status, body)
        return bytes(body)

    def _check(self, status: int, body: bytes) -> None:
        if status in _REFUSALS:
            code, words = _REFUSALS[status]
            raise PortError(f"{self._name} {words}", code=code, retriable=True)
        if status != 200:
            raise PortError(f"{self._name} answers with {status}", code="port.neighbour_refuses")
        if len(body) > BODY_BYTES:
            raise PortError(f"{self._name} says too much to be ErpNet.FP", code="port.neighbour_strange")

    def _connect(self) -> None:
        try:
            self._connection.timeout = CONNECT_S
            self._connection.connect()
        except (OSError, HTTPError) as e:
            text = f"{self._name} is not running, or cannot be reached: nothing is known of the printer"
            raise PortError(text, code="port.neighbour_away", retriable=True) from e

    def _lost(self, error: Exception) -> PortError:
        self.close()
        why = f"gave no answer ({type(error).__name__})"
        return PortError(f"{self._name} {why}", code="port.neighbour_silent", retriable=True)

    def contended(self) -> bool:
        return False  # it serves many

    def close(self) -> None:
        self._connection.close()


def _cut(line: socket.socket, late: Event) -> None:
    late.set()
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it was over already
