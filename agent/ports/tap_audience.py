"""Those who listen to a tap: connections to its control socket, what is copied to them, and what is kept for
one that comes back. Nobody is waited for. Standard library only."""

import contextlib
import os
import select
import socket
import sys
from collections import deque
from collections.abc import Callable

from agent.ports import tap_wire as wire

assert sys.platform == "linux"  # noqa: S101 - tells the type checker; only the tap imports this

BACKLOG_BYTES = 256 * 1024
"""A listener that is so far behind is sent away; it may come back and ask for what was kept."""
KEPT_BYTES = 64 * 1024
BATCH_BYTES = 8 * 1024
_LARGEST_REQUEST = 512
_CONNECTIONS = 8
_MAKING = ".new"
"""Ends the name of a control socket that nobody is let in by yet."""

Hear = Callable[[int, wire.Request], None]


def bind(path: str) -> socket.socket:
    """A control socket that only this account may use: who sees its name is let in, for it gets that name once
    it listens. OSError where it cannot be made; the one who calls knows that no other tap runs."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    folder = os.open(os.path.dirname(path) or ".", os.O_PATH | os.O_DIRECTORY)  # noqa: PTH120
    making = path + _MAKING
    with contextlib.suppress(FileNotFoundError):
        os.unlink(making)  # noqa: PTH108
    before = os.umask(0o177)
    try:  # by way of the folder, for the name of a socket has 107 bytes at most
        server.bind(f"/proc/self/fd/{folder}/{os.path.basename(making)}")  # noqa: PTH119
    finally:
        os.umask(before)
        os.close(folder)
    server.listen(_CONNECTIONS)
    os.replace(making, path)  # noqa: PTH105
    return server


class _Connection:
    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self.listens = False
        self.waiting: deque[bytes] = deque()
        self.waiting_bytes = 0


class Audience:
    """`hear` gets what a connection asks; `left` is called when one has gone. Numbers are file numbers,
    watched by the loop's `epoll`; the loop calls `ready` for those that `knows` names."""

    def __init__(
        self, server: socket.socket, epoll: select.epoll, hear: Hear, left: Callable[[int], None]
    ) -> None:
        self._server = server
        self._epoll = epoll
        self._hear = hear
        self._left = left
        self._all: dict[int, _Connection] = {}
        self._batch: list[tuple[int, int, int, bytes]] = []
        self.batch_bytes = 0
        self._kept: deque[tuple[int, bytes]] = deque()
        self._kept_bytes = 0
        self.mark = wire.NO_MARK
        epoll.register(server.fileno(), select.EPOLLIN)

    def knows(self, number: int) -> bool:
        return number in self._all or number == self._server.fileno()

    def copy(self, kind: int, offset: int, at_ns: int, data: bytes = b"") -> None:
        """Told to the listeners at the next `flush`, and put into words then: the cash program waits now."""
        self._batch.append((kind, offset, at_ns, data))
        self.batch_bytes += len(data) + wire.RECORD_BYTES

    def flush(self) -> None:
        if not self._batch:
            return
        batch, self._batch, self.batch_bytes = self._batch, [], 0
        records = [wire.record(*one) for one in batch]
        for (kind, offset, _, data), record in zip(batch, records, strict=True):
            self._keep(offset + len(data) if kind == wire.HOST else 0, record)
        packet = b"".join(records)
        for number, connection in list(self._all.items()):
            if connection.listens:
                self.tell(number, packet)

    def tell(self, number: int, packet: bytes) -> None:
        """To one. A connection that has gone is passed over; one that is too slow is closed."""
        connection = self._all.get(number)
        if connection is None:
            return
        connection.waiting.append(packet)
        connection.waiting_bytes += len(packet)
        self._push(number, connection)

    def ready(self, number: int, event: int) -> None:
        if number == self._server.fileno():
            self._accept()
            return
        connection = self._all[number]
        if event & select.EPOLLOUT:
            self._push(number, connection)
        if event & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
            self._read(number, connection)

    def listen(self, number: int, greeting: bytes) -> None:
        """From now on: the greeting, what was kept since the mark, then everything."""
        self.flush()
        self.tell(number, greeting)
        if self.mark != wire.NO_MARK:
            for _, record in self._kept:
                self.tell(number, record)
        if number in self._all:
            self._all[number].listens = True

    def set_mark(self, host: int) -> None:
        self.flush()
        while self._kept and self._kept[0][0] <= host:
            self._kept_bytes -= len(self._kept.popleft()[1])
        self.mark = host

    def close(self) -> None:
        self.flush()
        for number in list(self._all):
            self._drop(number)
        self._server.close()

    def _keep(self, end: int, record: bytes) -> None:
        if self.mark == wire.NO_MARK:
            return
        self._kept.append((end, record))
        self._kept_bytes += len(record)
        if self._kept_bytes > KEPT_BYTES:
            self.forget()

    def forget(self) -> None:
        """What comes from here on does not go on from the mark."""
        self.flush()
        self._kept.clear()
        self._kept_bytes = 0
        self.mark = wire.NO_MARK

    def _accept(self) -> None:
        try:
            end, _ = self._server.accept()
        except OSError:
            return
        if len(self._all) >= _CONNECTIONS:
            end.close()
            return
        end.setblocking(False)
        self._all[end.fileno()] = _Connection(end)
        self._epoll.register(end.fileno(), select.EPOLLIN)

    def _push(self, number: int, connection: _Connection) -> None:
        try:
            while connection.waiting:
                connection.end.send(connection.waiting[0], socket.MSG_NOSIGNAL)
                connection.waiting_bytes -= len(connection.waiting.popleft())
        except BlockingIOError:
            if connection.waiting_bytes > BACKLOG_BYTES:
                self._drop(number)
            else:
                self._epoll.modify(number, select.EPOLLIN | select.EPOLLOUT)
            return
        except OSError:
            self._drop(number)
            return
        self._epoll.modify(number, select.EPOLLIN)

    def _read(self, number: int, connection: _Connection) -> None:
        try:
            packet = connection.end.recv(_LARGEST_REQUEST)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        try:
            asked = wire.read_request(packet)
        except ValueError:
            self._drop(number)  # closed, or speaks another language
            return
        self._hear(number, asked)

    def _drop(self, number: int) -> None:
        connection = self._all.pop(number, None)
        if connection:
            self._epoll.unregister(number)
            connection.end.close()
            self._left(number)
