"""Tells systemd that the service is ready, alive or stopping (sd_notify(3)). Does nothing where nobody
asked."""

import os
import socket
import sys
from collections.abc import Mapping


class Notify:
    """`watchdog_s` is how often systemd wants a sign of life; None where it does not."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        usec = environment.get("WATCHDOG_USEC", "")
        mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_s = int(usec) / 1e6 if self._address and usec.isdigit() and mine else None

    def ready(self) -> None:
        self._send(b"READY=1")

    def alive(self) -> None:
        self._send(b"WATCHDOG=1")

    def stopping(self) -> None:
        self._send(b"STOPPING=1")

    def _send(self, text: bytes) -> None:
        if sys.platform == "win32" or not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as s:
            s.connect(self._address)
            s.sendall(text)
