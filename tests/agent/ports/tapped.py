"""A printer on a pty, the real tap process before it, and a cash program's end."""

import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.ports import tap_client
from agent.ports import tap_wire as wire
from agent.ports.tap_client import TapClient
from agent.ports.tap_start import TapPlan
from agent.runtime.clock import SystemClock
from protocols.device.overhear import Heard, Overhearing
from protocols.device.registry import FAMILIES
from protocols.errors import PortGone
from tests.contract.families import CASES
from tests.emulators.runner import PtyLine

LONG_S = 10.0


def until(what: Callable[[], bool], within_s: float = LONG_S) -> None:
    pause = threading.Event()
    for _ in range(int(within_s / 0.002)):
        if what():
            return
        pause.wait(0.002)
    raise AssertionError("it did not come to be")


def read(number: int, size: int, within_s: float = LONG_S) -> bytes:
    """So many bytes, or fewer when the time is over."""
    data = b""
    while len(data) < size and select.select([number], [], [], within_s)[0]:
        data += os.read(number, size - len(data))
    return data


class Rig:
    """`machine` is the emulated device; `plug_in` it before the tap is started or after."""

    def __init__(self, folder: Path, family: str = "escpos") -> None:
        self.family = family
        self.machine = CASES[family].emulator()
        self.folder = folder
        self.plan = TapPlan(
            str(folder / "printer"), str(folder / "run" / "link"), folder / "state" / "tap.sock", 9600
        )
        self.line: PtyLine | None = None
        self.tap: subprocess.Popen[bytes] | None = None
        self.clients: list[TapClient] = []
        self.connections: list[socket.socket] = []
        self.heard: list[Heard] = []
        self.ends: list[int] = []

    def plug_in(self) -> None:
        self.line = PtyLine(self.machine, Path(self.plan.printer))
        self.line.start()

    def unplug(self) -> None:
        if self.line:
            self.line.stop()
            self.line = None

    def start(self, command: Sequence[str] = ()) -> None:
        self.tap = subprocess.Popen(command or self.plan.command(detach=False), stderr=subprocess.PIPE)
        until(self._ready)

    def _ready(self) -> bool:
        assert self.tap
        assert self.tap.poll() is None, self.tap.stderr and self.tap.stderr.read()
        try:
            said = tap_client.greeting(self.plan.control)
        except PortGone:
            return False
        return said.printer == wire.BACK or self.line is None

    def end(self) -> int:
        """The cash program opens its end."""
        number = os.open(self.plan.link, os.O_RDWR | os.O_NOCTTY)
        self.ends.append(number)
        return number

    def leave(self, number: int) -> None:
        self.ends.remove(number)
        os.close(number)

    def client(self, overhearing: Overhearing | None = None) -> TapClient:
        """The agent connects."""
        overhear = FAMILIES[self.family].overhear
        assert overhear
        client = TapClient(
            self.plan.control,
            overhearing or overhear(),
            lambda heard, _: self.heard.extend(heard),
            SystemClock(),
        )
        self.clients.append(client)
        return client

    def connection(self) -> socket.socket:
        """A bare one to the tap."""
        end = tap_client.connect(self.plan.control)
        self.connections.append(end)
        return end

    def stop(self) -> int:
        assert self.tap
        self.tap.terminate()
        return self._wait()

    def kill(self) -> None:
        assert self.tap
        self.tap.kill()
        self._wait()

    def _wait(self) -> int:
        assert self.tap
        assert self.tap.stderr
        code = self.tap.wait(LONG_S)
        self.tap.stderr.close()
        self.tap = None
        return code

    def close(self) -> None:
        for client in (*self.clients, *self.connections):
            client.close()
        for number in list(self.ends):
            self.leave(number)
        if self.tap:
            self.stop()
        self.unplug()


PYTHON = sys.executable
