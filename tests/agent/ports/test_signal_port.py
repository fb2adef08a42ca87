"""The modem lines of a serial port. A pty has none: what it does is real, the lines themselves are played by a
stand-in for pyserial."""

import os
import tty
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from agent.config import Device
from agent.devices import profile_store
from agent.devices.poller import Poller
from agent.devices.prober import probe
from agent.ports import open_port, signal_port
from protocols.device.family import Serial
from protocols.device.registry import FAMILIES
from protocols.errors import PortDenied, PortError, PortGone, PortHeld, UsageError
from protocols.wire.v1 import Contact
from tests.agent.devices.bench import SkewedClock

LINE = Serial(bauds=(9600,))
FAMILY, PROFILES = FAMILIES["signal_drawer"], profile_store.load()["signal_drawer"]


@pytest.fixture
def pty() -> Iterator[tuple[int, str]]:
    master, slave = os.openpty()
    tty.setraw(slave)
    path = os.ttyname(slave)
    os.close(slave)
    yield master, path
    os.close(master)


def test_a_port_without_modem_lines_is_refused_and_nothing_is_written(pty: tuple[int, str]) -> None:
    master, path = pty
    with pytest.raises(PortError, match="has no modem lines") as caught:
        open_port(f"signals:{path}", LINE)
    assert caught.value.code == "port.no_signals"
    os.set_blocking(master, False)
    with pytest.raises((BlockingIOError, OSError)):
        os.read(master, 10)


def test_it_is_closed_again_after_the_refusal(pty: tuple[int, str]) -> None:
    """Else the second opening would find it locked."""
    for _ in range(2):
        with pytest.raises(PortError, match="has no modem lines"):
            open_port(f"signals:{pty[1]}", LINE)


def test_a_port_that_is_not_there() -> None:
    with pytest.raises(PortGone, match="does not exist"):
        open_port("signals:/dev/ttyUSB-none", LINE)


class Stand:
    """What pyserial's class shows of itself, in the order in which it is used."""

    done: ClassVar[list[tuple[str, Any]]] = []
    fails: ClassVar[dict[str, Exception]] = {}
    up: ClassVar[set[str]] = set()

    def __init__(self, *args: object, **settings: object) -> None:
        object.__setattr__(self, "settings", settings)
        assert not args  # a name given here would open the port before DTR and RTS are down

    def __setattr__(self, name: str, value: object) -> None:
        self.done.append((name, value))

    def __getattr__(self, name: str) -> object:
        if name in self.fails:
            raise self.fails[name]
        if name == "in_waiting":
            return 0
        return name in self.up

    def open(self) -> None:
        self.done.append(("open", None))
        if "open" in self.fails:
            raise self.fails["open"]

    def close(self) -> None:
        self.done.append(("close", None))


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> type[Stand]:
    Stand.done, Stand.fails, Stand.up = [], {}, set()
    monkeypatch.setattr(signal_port.serial, "Serial", Stand)
    return Stand


@pytest.mark.parametrize(
    ("up", "byte"),
    [(set(), 0), ({"cts"}, 0x10), ({"dsr"}, 0x20), ({"ri"}, 0x40), ({"cd"}, 0x80), ({"cts", "ri"}, 0x50)],
)
def test_each_line_has_its_place_in_the_byte(stand: type[Stand], up: set[str], byte: int) -> None:
    with open_port("signals:COM3", LINE) as port:
        stand.up |= up
        assert port.read(0.5) == bytes([byte])


def test_dtr_and_rts_are_down_before_the_port_is_opened(stand: type[Stand]) -> None:
    with open_port("signals:/dev/ttyS0", LINE):
        names = [name for name, _ in stand.done]
    assert names[2:] == ["port", "open"]
    assert {("dtr", False), ("rts", False)} == set(stand.done[:2])


def test_no_flow_control_moves_a_line(stand: type[Stand]) -> None:
    with open_port("signals:/dev/ttyS0", LINE) as port:
        settings = port._port.settings  # type: ignore[attr-defined]
    assert settings["exclusive"] is True
    assert [settings[name] for name in ("rtscts", "dsrdtr", "xonxoff")] == [False] * 3


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x07"])
def test_writing_is_a_bug_of_ours(stand: type[Stand], data: bytes) -> None:
    with open_port("signals:/dev/ttyS0", LINE) as port, pytest.raises(UsageError):
        port.write(data)
    assert "write" not in {name for name, _ in stand.done}


def test_a_port_that_vanished_is_gone_though_windows_reads_its_lines_as_down(stand: type[Stand]) -> None:
    with open_port("signals:COM3", LINE) as port:
        assert port.read(0) == b"\x00"
        stand.fails["in_waiting"] = OSError("ClearCommError failed (OSError(22, 'x', None, 22))")
        with pytest.raises(PortGone, match="vanished"):
            port.read(0)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(13, "x"), PortDenied),
        (OSError(16, "x"), PortHeld),
        (OSError("could not open port 'COM3': PermissionError(13, 'x', None, 5)"), PortHeld),
    ],
)
def test_what_hinders_opening_is_told_apart(
    stand: type[Stand], error: Exception, kind: type[PortError]
) -> None:
    stand.fails["open"] = error
    with pytest.raises(kind):
        open_port("signals:COM3", LINE)


def test_a_port_that_another_program_has_is_not_even_opened(
    stand: type[Stand], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal_port, "held", lambda path: True)
    with pytest.raises(PortHeld):
        open_port("signals:/dev/ttyS0", LINE)
    assert stand.done == []


# From the configuration to the state


@pytest.mark.parametrize(("when", "up_is_open"), [("high", True), ("low", False)])
def test_the_drawer_is_read_by_the_line_and_level_that_the_configuration_names(
    stand: type[Stand], when: Any, up_is_open: bool
) -> None:
    device = Device(
        id="drawer", family="signal_drawer", port="signals:COM3", model="RI", drawer_open_when=when
    )
    watch = Poller(device, FAMILY, PROFILES, SkewedClock())
    for up in (False, True, False):
        stand.up = {"ri"} if up else {"cts", "dsr", "cd"}
        reading = [watch.poll() for _ in range(3)][-1]
        assert (reading.contact, reading.state.drawer_open) == (Contact.OK, up is up_is_open)


def test_without_a_model_the_drawer_is_unknown(stand: type[Stand]) -> None:
    stand.up = {"cts", "ri"}
    device = Device(id="drawer", family="signal_drawer", port="signals:COM3", drawer_open_when="high")
    reading = [Poller(device, FAMILY, PROFILES, SkewedClock()).poll() for _ in range(3)][-1]
    assert (reading.contact, reading.state.drawer_open) == (Contact.OK, None)


def test_by_hand_the_lines_are_looked_at_and_no_other_family_asks(stand: type[Stand]) -> None:
    finding = probe("signals:COM3", list(FAMILIES.values()), profile_store.load(), SkewedClock())
    assert finding.family == "signal_drawer"
    assert "write" not in {name for name, _ in stand.done}
