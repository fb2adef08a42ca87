"""A bus with one emulated USB printer, or more: a process of its own that is ended to unplug it, and pyusb's
USB/IP back end in the place of libusb."""

import json
import signal
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from usb.core import USBError
from usbip_backend.backend import USBIPBackend


class Backend(USBIPBackend):  # type: ignore[misc] # it has no types
    """With the names of a device, which the back end leaves out, and a claim that is refused while `taken`."""

    def __init__(self, port: int) -> None:
        super().__init__("127.0.0.1", port)
        self.taken = False
        self.claims = 0
        self.reads = 0

    def get_device_descriptor(self, dev: Any) -> SimpleNamespace:
        found: SimpleNamespace = super().get_device_descriptor(dev)
        raw = self._get_device_descriptor_raw(dev)
        found.iManufacturer, found.iProduct, found.iSerialNumber = raw[14:17]
        return found

    def claim_interface(self, dev_handle: Any, intf: int) -> None:
        if self.taken:
            raise USBError("Resource busy", -6, 16)
        self.claims += 1

    def release_interface(self, dev_handle: Any, intf: int) -> None:
        self.claims -= 1

    def bulk_read(self, dev_handle: Any, ep: int, intf: int, buff: Any, timeout: int) -> int:
        self.reads += 1
        count: int = super().bulk_read(dev_handle, ep, intf, buff, timeout)
        return count

    def close_all(self) -> None:
        for connection in self._conns.values():
            connection.close()
        self._conns.clear()


@dataclass
class Bus:
    """`library` stands for the function of that name in agent.ports.usb_library."""

    arguments: tuple[str, ...] = ("--serial", "X4TJ012345")
    backend: Backend | None = None
    controls: list[str] = field(default_factory=list)
    _process: subprocess.Popen[str] | None = None

    def library(self) -> Any:
        return self.backend or Empty()

    def plug_in(self, *arguments: str) -> None:
        self.arguments = arguments or self.arguments
        command = [sys.executable, "-m", "tests.emulators.usb_printer", *self.arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        ready = json.loads(self._process.stdout.readline())
        self.controls = ready["controls"]
        self.backend = Backend(ready["port"])

    def unplug(self) -> None:
        """The device goes; whoever has it open finds out by himself."""
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(30)
            assert self._process.stdout
            self._process.stdout.close()
            self._process = None

    def forget(self) -> None:
        """The system has noticed that it went."""
        if self.backend:
            self.backend.close_all()
        self.backend = None

    def call(self, path: str, body: object = None, number: int = 0) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(self.controls[number] + path, data, timeout=30) as answer:
            return json.load(answer)


class Empty:
    """A bus with nothing on it."""

    def enumerate_devices(self) -> list[object]:
        return []
