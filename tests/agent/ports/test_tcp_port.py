"""A printer on the network, on loopback."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from agent.ports import open_port
from protocols.device.family import Serial
from protocols.errors import PortGone, PortHeld

LINE = Serial(bauds=(9600,))


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as made:
        made.settimeout(5)
        yield made


def address(server: socket.socket) -> str:
    return f"socket://127.0.0.1:{server.getsockname()[1]}"


def test_bytes_go_both_ways(server: socket.socket) -> None:
    with open_port(address(server), LINE) as port:
        peer, _ = server.accept()
        with peer:
            port.write(b"\x10\x04\x01")
            assert peer.recv(10) == b"\x10\x04\x01"
            peer.sendall(b"\x16")
            assert port.read(5.0) == b"\x16"
            assert port.read(0.01) == b""
            assert not port.contended()


def test_a_refused_connection_is_a_port_in_use(server: socket.socket) -> None:
    where = address(server)
    server.close()
    with pytest.raises(PortHeld):
        open_port(where, LINE)


def test_a_printer_that_is_not_reached_is_gone(
    server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full queue of connections swallows the next one, as a printer without power does."""
    monkeypatch.setattr("agent.ports.tcp_port.CONNECT_S", 0.1)
    with ExitStack() as waiting, pytest.raises(PortGone, match="cannot be reached"):
        _connect_until_refused(address(server), waiting)


def _connect_until_refused(where: str, waiting: ExitStack) -> None:
    for _ in range(20):
        waiting.enter_context(open_port(where, LINE))


def test_a_name_that_nobody_knows_is_gone() -> None:
    with pytest.raises(PortGone):
        open_port("socket://printer.invalid:9100", LINE)


def test_a_connection_that_the_printer_closes_is_gone(server: socket.socket) -> None:
    with open_port(address(server), LINE) as port:
        server.accept()[0].close()
        with pytest.raises(PortGone, match="closed"):
            port.read(5.0)
