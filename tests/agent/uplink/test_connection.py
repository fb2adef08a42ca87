"""The line to the collector: kept, dropped when the other side is gone, and never half an answer."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from agent.uplink.connection import ANSWER_BYTES, Connection, trust_only
from protocols.errors import CollectorUnreachable
from tests.agent.uplink.authority import Authority

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Twice: a\r\n\r\nok"
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
CUT_CHUNK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhalf"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (ANSWER_BYTES + 1) + b"x" * (ANSWER_BYTES + 1)
STRANGE = b"SSH-2.0-OpenSSH_9.2\r\n"


class Server:
    """Answers each request of a connection with the next of `answers`; an empty one, or one that is not whole,
    hangs up."""

    def __init__(self, authority: Authority, folder: Path) -> None:
        self.trust = trust_only(authority.pem.decode())
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(authority.server_chain(folder, ("127.0.0.1",)))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listening.getsockname()[1]}"
        self.answers: list[bytes] = []
        self.connections = 0
        self.hung_up = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        with suppress(OSError):  # Windows needs no such thing, and refuses it
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(30)

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                plain, _ = self._listening.accept()
                plain.settimeout(30)
                self.connections += 1
                with suppress(OSError), self._context.wrap_socket(plain, server_side=True) as line:
                    self._serve(line)
                plain.close()
                self.hung_up.set()

    def _serve(self, line: ssl.SSLSocket) -> None:
        while b"\r\n\r\n" in line.recv(65536):
            answer = self.answers.pop(0)
            line.sendall(answer)
            if answer not in (WHOLE, CHUNKED):
                return
            if not self.answers:
                return


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(Authority(), tmp_path)
    yield made
    made.close()


@pytest.fixture
def connection(server: Server) -> Iterator[Connection]:
    made = Connection(server.url, server.trust, connect_s=30, read_s=30)
    yield made
    made.close()


def ask(connection: Connection) -> bytes:
    return connection.request("GET", "/", b"", {}).body


def test_one_line_carries_several_requests(server: Server, connection: Connection) -> None:
    server.answers = [WHOLE, CHUNKED, WHOLE]
    assert [ask(connection) for _ in range(3)] == [b"ok"] * 3
    assert server.connections == 1


def test_a_line_that_the_other_side_has_closed_is_opened_anew(server: Server, connection: Connection) -> None:
    server.answers = [WHOLE]
    assert ask(connection) == b"ok"
    assert server.hung_up.wait(30)
    server.answers = [WHOLE]
    assert ask(connection) == b"ok"
    assert server.connections == 2


@pytest.mark.parametrize("bad", [CUT, CUT_CHUNK, STRANGE, b""])
def test_half_an_answer_is_none_and_the_next_request_starts_anew(
    server: Server, connection: Connection, bad: bytes
) -> None:
    server.answers = [bad, WHOLE]
    with pytest.raises(CollectorUnreachable) as caught:
        ask(connection)
    assert caught.value.code == "uplink.unreachable"
    assert ask(connection) == b"ok"
    assert server.connections == 2


def test_an_answer_that_is_too_long(server: Server, connection: Connection) -> None:
    server.answers = [LONG, WHOLE]
    with pytest.raises(CollectorUnreachable) as caught:
        ask(connection)
    assert caught.value.code == "uplink.answer"
    assert ask(connection) == b"ok"


def test_headers_have_lower_case_names(server: Server, connection: Connection) -> None:
    server.answers = [WHOLE]
    assert connection.request("GET", "/", b"", {}).headers["x-twice"] == "a"


def test_another_authority_is_not_trusted(server: Server) -> None:
    stranger = Connection(server.url, trust_only(Authority().pem.decode()), connect_s=30, read_s=30)
    with pytest.raises(CollectorUnreachable) as caught:
        ask(stranger)
    assert caught.value.code == "uplink.certificate"
    assert server.answers == []
