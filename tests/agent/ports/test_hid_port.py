"""A HID device behind a stand-in for hidapi's module, which is the border; the device behind that is the
emulator."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.clock import Clock
from agent.config import Device
from agent.devices import profile_store
from agent.devices.poller import Poller
from agent.devices.prober import probe
from agent.ports import hid_port, open_port
from protocols.device.family import Serial
from protocols.device.registry import FAMILIES
from protocols.errors import PortDenied, PortError, PortGone, PortHeld
from protocols.wire.v1 import Contact
from tests.agent.devices.bench import SkewedClock
from tests.emulators.posiflex_hid import PosiflexHid

LINE = Serial(bauds=(9600,))
STATUS = b"\x07\x08" + bytes(118)


class Opened:
    """hidapi's device: the number of the report goes before what is written, and is not among what is read."""

    def __init__(self, library: "Library") -> None:
        self.library = library
        self.coming: list[list[int]] = []

    def open_path(self, path: bytes) -> None:
        self.library.opened.append(path)
        if self.library.refuses:
            raise OSError("open failed")

    def write(self, data: bytes) -> int:
        if self.library.unplugged:
            return -1
        assert data[0] == 0
        answer = self.library.machine.receive(data[1:])
        self.coming += [list(answer)] if answer else []
        return len(data)

    def read(self, max_length: int, timeout_ms: int = 0) -> list[int]:
        assert timeout_ms > 0  # hidapi waits for ever when it is 0
        if self.library.unplugged:
            raise OSError("read error")
        return self.coming.pop(0)[:max_length] if self.coming else []

    def close(self) -> None:
        self.library.closed += 1


class Library:
    def __init__(self, folder: Path) -> None:
        self.machine = PosiflexHid()
        self.node = folder / "hidraw0"
        self.node.write_bytes(b"")
        self.serials = [""]
        self.opened: list[bytes] = []
        self.closed = 0
        self.refuses = self.unplugged = False

    def enumerate(self, vid: int, pid: int) -> list[dict[str, object]]:
        if (vid, pid) != (0x0D3A, 0x0207):
            return []
        return [
            {"path": os.fsencode(self.node) + (b"" if at == 0 else b"-%d" % at), "serial_number": serial}
            for at, serial in enumerate(self.serials)
        ]

    def device(self) -> Opened:
        return Opened(self)


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    made = Library(tmp_path)
    monkeypatch.setattr(hid_port, "hidapi", lambda: made)
    return made


def test_a_report_goes_out_and_one_comes_back(library: Library) -> None:
    with open_port("hid:0d3a:0207", LINE) as port:
        assert port.read(0.01) == b""
        port.write(STATUS)
        assert port.read(0.5)[:1] == b"\x71"
        assert not port.contended()
    assert library.closed == 1


def test_a_device_that_is_not_there_is_gone(library: Library) -> None:
    with pytest.raises(PortGone, match="0d3a:0201 does not exist"):
        open_port("hid:0d3a:0201", LINE)


def test_the_serial_number_chooses(library: Library) -> None:
    library.serials = ["A", "B"]
    with open_port("hid:0d3a:0207:B", LINE):
        assert library.opened[-1].endswith(b"-1")
    with pytest.raises(PortGone, match="with the serial number C"):
        open_port("hid:0d3a:0207:C", LINE)


def test_of_two_that_fit_none_is_guessed(library: Library) -> None:
    library.serials = ["A", "B"]
    with pytest.raises(PortError, match=r"there are 2 devices.*A, B") as caught:
        open_port("hid:0d3a:0207", LINE)
    assert caught.value.code == "port.ambiguous"
    assert library.opened == []


def test_two_collections_of_one_device_are_one(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = library.enumerate(0x0D3A, 0x0207)
    monkeypatch.setattr(library, "enumerate", lambda vid, pid: listed * 2)
    open_port("hid:0d3a:0207", LINE).close()


def test_a_device_that_another_program_has_open_is_not_opened(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hid_port, "held", lambda path: path == str(library.node))
    with pytest.raises(PortHeld):
        open_port("hid:0d3a:0207", LINE)
    assert library.opened == []


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (lambda library, patch: patch.setattr(hid_port.os, "open", refusing(13)), PortDenied),
        (lambda library, patch: patch.setattr(hid_port.os, "open", refusing(16)), PortHeld),
        (lambda library, patch: library.node.unlink(), PortGone),
        (lambda library, patch: None, PortGone),
        (lambda library, patch: patch.setattr(hid_port.sys, "platform", "win32"), PortHeld),
    ],
)
def test_why_it_cannot_be_opened_is_told_apart(
    library: Library,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Library, pytest.MonkeyPatch], None],
    kind: type[PortError],
) -> None:
    library.refuses = True
    with monkeypatch.context() as patch:
        spoil(library, patch)
        with pytest.raises(kind) as caught:
            open_port("hid:0d3a:0207", LINE)
    assert type(caught.value) is kind


def refusing(number: int) -> Callable[..., int]:
    def refuse(*_: object) -> int:
        raise OSError(number, "refused")

    return refuse


def test_a_device_that_is_pulled_out_is_gone(library: Library) -> None:
    with open_port("hid:0d3a:0207", LINE) as port:
        library.unplugged = True
        with pytest.raises(PortGone, match="vanished"):
            port.write(STATUS)
        with pytest.raises(PortGone, match="vanished"):
            port.read(0.1)


def test_without_hidapi_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("hidraw", "hid"):
        monkeypatch.setitem(hid_port.sys.modules, name, None)
    with pytest.raises(PortError) as caught:
        open_port("hid:0d3a:0207", LINE)
    assert caught.value.code == "port.unsupported"


def test_hidapi_is_not_loaded_before_it_is_needed() -> None:
    code = "import sys, agent.ports.registry; print(sorted({'hid', 'hidraw'} & set(sys.modules)))"
    assert output(code) == "[]"


def output(code: str) -> str:
    import subprocess  # noqa: PLC0415
    import sys  # noqa: PLC0415

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


# From the configuration to the state


def poller(clock: Clock) -> Poller:
    device = Device(id="drawer", family="posiflex_hid", port="hid:0d3a:0207")
    return Poller(device, FAMILIES["posiflex_hid"], profile_store.load()["posiflex_hid"], clock)


def test_the_drawer_is_known_without_a_polarity(library: Library) -> None:
    watch = poller(SkewedClock())
    for is_open in (False, True, False):
        library.machine.set_faults({"drawer_open": is_open})
        readings = [watch.poll() for _ in range(3)]
        assert readings[-1].contact is Contact.OK
        assert readings[-1].state.drawer_open is is_open
    assert library.machine.forbidden == []


def test_a_drawer_that_was_pulled_out_is_unknown(library: Library) -> None:
    watch = poller(SkewedClock())
    watch.poll()
    library.unplugged = True
    reading = watch.poll()
    assert (reading.contact, reading.state.drawer_open) == (Contact.MISSING, None)


def test_the_product_id_gives_the_number(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.machine = PosiflexHid(number=2)
    listed = library.enumerate(0x0D3A, 0x0207)
    monkeypatch.setattr(library, "enumerate", lambda vid, pid: listed if pid == 0x0202 else [])
    finding = probe("hid:0d3a:0202", list(FAMILIES.values()), profile_store.load(), SkewedClock())
    assert (finding.family, finding.state.drawer_open) == ("posiflex_hid", False)


def test_no_other_hid_device_is_ever_written_to(library: Library) -> None:
    """A keyboard, or the drawer in its boot loader."""
    for port in ("hid:046d:c31c", "hid:0d3a:0c23"):
        with pytest.raises(PortError) as caught:
            probe(port, list(FAMILIES.values()), profile_store.load(), SkewedClock())
        assert caught.value.code == "port.no_family"
        with pytest.raises(ValueError, match="is not read from"):
            Device(id="x", family="posiflex_hid", port=port)
    assert library.opened == []
