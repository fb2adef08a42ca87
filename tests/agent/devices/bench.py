"""A till with emulated devices on ptys, and a clock that can be put forward."""

import os
import random
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

from agent.config import Device
from agent.devices import profile_store
from agent.devices.poller import Poller
from agent.ports.serial_port import SerialPort
from protocols.device.registry import FAMILIES
from tests.contract.families import CASES
from tests.emulators.machine import Machine
from tests.emulators.runner import PtyLine

if sys.platform != "win32":  # where no till of ptys can be, and only the clock is of use
    import tty


@dataclass
class SkewedClock:
    """Real time, put forward by hand. `wall_s` moves the wall clock alone."""

    skew_s: float = 0.0
    wall_s: float = 0.0

    def forward(self, seconds: float) -> None:
        self.skew_s += seconds

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.skew_s + self.wall_s)  # noqa: TID251 - a clock

    def monotonic(self) -> float:
        return time.monotonic() + self.skew_s  # noqa: TID251 - a clock

    def wait(self, event: Event, timeout_s: float) -> bool:
        return event.wait(timeout_s)


@dataclass
class Till:
    """`line`: None while the device is unplugged."""

    folder: Path
    family: str
    clock: SkewedClock = field(default_factory=SkewedClock)
    line: PtyLine | None = None
    jitter: Callable[[float, float], float] = random.uniform

    def __post_init__(self) -> None:
        self.machine = CASES[self.family].emulator()
        self.port = str(self.folder / "port")

    def plug_in(self, machine: Machine | None = None) -> None:
        self.machine = machine or self.machine
        self.line = PtyLine(self.machine, Path(self.port))
        self.line.start()

    def unplug(self) -> None:
        if self.line:
            self.line.stop()
            self.line = None

    def device(self, **keys: Any) -> Device:
        return Device(id="d", family=self.family, port=self.port, **keys)

    def poller(self, **keys: Any) -> Poller:
        profiles = profile_store.load()[self.family]
        device = self.device(**{"poll_s": 2.0, **keys})
        return Poller(device, FAMILIES[self.family], profiles, self.clock, jitter=self.jitter)


class HurriedPort(SerialPort):
    """A real port on which waiting takes a part of its time."""

    part = 1 / 50

    def read(self, wait_s: float) -> bytes:
        return super().read(wait_s * self.part)


class QuickPort(HurriedPort):
    """Quick, yet slow enough for a device that answers."""

    part = 1 / 6


class RawPty:
    """A device that is a function from bytes to bytes."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self.received = bytearray()
        self._answer = answer
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            data = os.read(self.master, 4096)
            if data.endswith(b"\0stop"):  # it may stand behind a question that was not read yet
                return
            self.received += data
            answer = self._answer(data)
            if answer:
                os.write(self.master, answer)

    def close(self) -> None:
        os.write(self._slave, b"\0stop")
        self._thread.join(30)
        os.close(self._slave)
        os.close(self.master)
