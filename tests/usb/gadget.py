"""The device's end inside the guest: a printer made with the kernel's gadget driver and looped back by dummy_hcd,
and a HID drawer made with uhid."""

import os
import select
import struct
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.emulators.escpos import EscPos
from tests.emulators.posiflex_hid import PosiflexHid

_GADGETS = Path("/sys/kernel/config/usb_gadget")
ID = "MFG:EPSON;CMD:ESC/POS;MDL:TM-T20II;CLS:PRINTER;"


class PrinterGadget:
    """On the bus while the context is open."""

    def __init__(self, serial: str = "S1") -> None:
        self.machine = EscPos()
        self._folder = _GADGETS / f"printer-{serial}"
        self._serial = serial
        self._stop, self._stopper = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        folder = self._folder
        folder.mkdir()
        for name, text in {"idVendor": "0x04b8", "idProduct": "0x0e15"}.items():
            (folder / name).write_text(text)
        strings = folder / "strings" / "0x409"
        strings.mkdir()
        for name, text in {
            "manufacturer": "EPSON",
            "product": "TM-T20II",
            "serialnumber": self._serial,
        }.items():
            (strings / name).write_text(text)
        function = folder / "functions" / "printer.0"
        function.mkdir()
        (function / "pnp_string").write_text(ID)
        config = folder / "configs" / "c.1"
        config.mkdir()
        (config / "printer.0").symlink_to(function)
        (folder / "UDC").write_text(next(Path("/sys/class/udc").iterdir()).name)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.write(self._stopper, b"x")
        self._thread.join(30)
        self.unplug()
        folder = self._folder
        (folder / "configs" / "c.1" / "printer.0").unlink()
        for name in ("configs/c.1", "functions/printer.0", "strings/0x409", "."):
            (folder / name).rmdir() if name != "." else folder.rmdir()
        os.close(self._stop)
        os.close(self._stopper)

    def unplug(self) -> None:
        try:
            (self._folder / "UDC").write_text("\n")
        except OSError:
            return  # it is out already

    def _open(self) -> int | None:
        """The file refuses until the host has configured the device. None when told to stop."""
        while not select.select([self._stop], [], [], 0.05)[0]:
            try:
                return os.open("/dev/g_printer0", os.O_RDWR)
            except OSError:
                continue
        return None

    def _run(self) -> None:
        file = self._open()
        if file is None:
            return
        try:
            while True:
                ready, _, _ = select.select([file, self._stop], [], [])
                if self._stop in ready:
                    return
                try:
                    answer = self.machine.receive(os.read(file, 4096))
                    if answer:
                        os.write(file, answer)
                except OSError:
                    return  # pulled
        finally:
            os.close(file)


_UHID = "/dev/uhid"
_CREATE2, _DESTROY, _OUTPUT, _INPUT2 = 11, 1, 6, 12  # linux/uhid.h
_EVENT_BYTES = 4380
_DATA_BYTES, _REPORT_BYTES = 4096, 120
_DESCRIPTOR = bytes.fromhex(
    "06a0ff 0901 a101"  # vendor page FFA0, a collection
    "0902 1500 26ff00 7508 9578 8102"  # 120 bytes to the host
    "0903 1500 26ff00 7508 9578 9102"  # 120 bytes from it
    "c0"
)


class HidDrawer:
    """A Posiflex drawer on the HID core of the kernel; there is a hidraw file for it while the context is
    open."""

    def __init__(self, product: int = 0x0207) -> None:
        self.machine = PosiflexHid()
        self._product = product
        self._stop, self._stopper = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._file = os.open(_UHID, os.O_RDWR)
        create = struct.pack(
            "<I128s64s64sHHIIII", _CREATE2, b"Posiflex CR", b"uhid", b"D7", len(_DESCRIPTOR), 3, 0x0D3A,
            self._product, 0, 0,
        )  # fmt: skip
        os.write(self._file, create + _DESCRIPTOR.ljust(_DATA_BYTES, b"\0"))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.write(self._stopper, b"x")
        self._thread.join(30)
        os.close(self._file)
        os.close(self._stop)
        os.close(self._stopper)

    def _run(self) -> None:
        while True:
            ready, _, _ = select.select([self._file, self._stop], [], [])
            if self._stop in ready:
                return
            event = os.read(self._file, _EVENT_BYTES)
            if struct.unpack_from("<I", event)[0] != _OUTPUT:
                continue
            (size,) = struct.unpack_from("<H", event, 4 + _DATA_BYTES)
            sent = event[4 : 4 + size]
            answer = self.machine.receive(
                sent[-_REPORT_BYTES:]
            )  # the number of the report may stand before it
            if answer:
                data = struct.pack("<IH", _INPUT2, len(answer)) + answer.ljust(_DATA_BYTES, b"\0")
                os.write(self._file, data)
