"""A TCP line between two that keeps a copy of all that goes over it, and may change or cut it."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

Change = Callable[[bytes], bytes]
"""What one read of the first side's bytes becomes on the other."""


class Wire:
    """Listens on `port` of loopback (0: any free one) and connects to `to`. Use as a context manager."""

    def __init__(self, to: int, *, port: int = 0, change: Change | None = None) -> None:
        self.heard = bytearray()
        self.connections = 0
        self._to = to
        self._change = change
        self._door = socket.create_server(("127.0.0.1", port))
        self.port = int(self._door.getsockname()[1])
        self._closing = False
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._closing = True
        socket.create_connection(("127.0.0.1", self.port), 30).close()  # wakes the one that accepts
        self._threads[0].join(30)
        self._door.close()
        self.cut()
        for line in self._open:  # which wakes a reader on Windows
            line.close()
        for thread in self._threads:
            thread.join(30)

    def cut(self) -> None:
        """What is connected now."""
        for line in self._open:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            near, _ = self._door.accept()
            if self._closing:
                near.close()
                return
            self.connections += 1
            far = socket.create_connection(("127.0.0.1", self._to))
            self._open += [near, far]
            for source, target, change in ((near, far, self._change), (far, near, None)):
                thread = threading.Thread(target=self._copy, args=(source, target, change), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _copy(self, source: socket.socket, target: socket.socket, change: Change | None) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self.heard += data
                target.sendall(change(data) if change else data)
        for line in (source, target):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
