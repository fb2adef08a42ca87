"""The tap as the cash program sees it: a port like any other."""

import fcntl
import os
import select
import struct
import subprocess
import termios
import threading
import tty
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import serial
from escpos.printer import Dummy, Serial
from PIL import Image

from agent.ports import tap_client, tap_start
from agent.ports import tap_wire as wire
from agent.ports.holder import held
from protocols.errors import PortGone, PortHeld
from tests.agent.ports.tapped import LONG_S, PYTHON, Rig, read, until
from tests.emulators.escpos import EscPos
from tests.emulators.machine import Machine

ASK, WELL = b"\x10\x04\x01", b"\x12"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.close()


@pytest.fixture
def tapped(rig: Rig) -> Rig:
    rig.plug_in()
    rig.start()
    return rig


class Recorder(Machine):
    """Answers nothing and keeps every byte."""

    family, models, faults_known = "recorder", ("any",), ()

    def __init__(self) -> None:
        super().__init__()
        self.bytes = bytearray()

    def answer(self, data: bytes) -> bytes:
        self.bytes += data
        return b""


class Answering(EscPos):
    """Keeps every byte too."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = bytearray()

    def answer(self, data: bytes) -> bytes:
        self.bytes += data
        return super().answer(data)


def test_bytes_go_both_ways(tapped: Rig) -> None:
    pos = tapped.end()
    os.write(pos, ASK)
    assert read(pos, 1) == WELL


def test_a_receipt_of_python_escpos_arrives_unchanged(rig: Rig) -> None:
    """The same calls on a printer without a tap say which bytes it must be."""
    machine = rig.machine = Answering()
    rig.plug_in()
    rig.start()
    wanted, picture = Dummy(profile="TM-T88V"), Image.effect_noise((384, 200), 90)
    with serial.serial_for_url(rig.plan.link, baudrate=115200, timeout=0.05) as port:
        printer = Serial(profile="TM-T88V")
        printer._device = port
        for made in (wanted, printer):
            made.hw("INIT")
            made.set(align="center", bold=True, double_height=True, double_width=True)
            made.textln("Plomba")
            made.image(picture)
            made.barcode("4006381333931", "EAN13", 64, 2, "", "")
            made.qr("plomba", native=True)
            made.cashdraw(2)
            made.cut()
        assert printer.is_online()
        assert printer.paper_status() == 2
        machine.set_faults({"paper_near_end": True})
        assert printer.paper_status() == 1
        machine.set_faults({"cover_open": True})
        assert not printer.is_online()
        printer._device = None
    until(lambda: machine.bytes.startswith(wanted.output))
    assert bytes(machine.bytes) == wanted.output + b"\x10\x04\x01" + b"\x10\x04\x04" * 2 + b"\x10\x04\x01"
    assert {"kick": "ESC p"} in machine.jobs


def test_a_hundred_kilobytes_go_through_whole_however_slowly_they_are_taken(rig: Rig) -> None:
    """What the printer does not take waits with the cash program: nothing is lost, and the tap does not
    grow."""
    master, slave = os.openpty()
    tty.setraw(slave)
    Path(rig.plan.printer).symlink_to(os.ttyname(slave))
    os.close(slave)
    rig.start()
    pos = rig.end()
    sent = os.urandom(100_000)
    writer = threading.Thread(target=_write_all, args=(pos, sent))
    writer.start()
    until(lambda: tap_client.greeting(rig.plan.control).printer == wire.BACK)
    assert rig.tap
    held_back = _rss_kib(rig.tap.pid)
    assert writer.is_alive(), "the cash program waits, as at a printer that takes nothing"
    got = b""
    while len(got) < len(sent) and select.select([master], [], [], LONG_S)[0]:
        got += os.read(master, 700)
    writer.join(LONG_S)
    assert got == sent
    assert _rss_kib(rig.tap.pid) - held_back < 1024
    os.close(master)


def test_a_hundred_kilobytes_come_back_whole(rig: Rig) -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    Path(rig.plan.printer).symlink_to(os.ttyname(slave))
    os.close(slave)
    rig.start()
    until(lambda: tap_client.greeting(rig.plan.control).printer == wire.BACK)
    pos = rig.end()
    sent = os.urandom(100_000)
    writer = threading.Thread(target=_write_all, args=(master, sent))
    writer.start()
    assert read(pos, len(sent)) == sent
    writer.join(LONG_S)
    os.close(master)


def test_the_cash_program_may_come_and_go(tapped: Rig) -> None:
    for _ in range(3):
        pos = tapped.end()
        os.write(pos, ASK)
        assert read(pos, 1) == WELL
        tapped.leave(pos)


def test_what_it_writes_before_it_leaves_still_arrives(rig: Rig) -> None:
    rig.machine = machine = Recorder()
    rig.plug_in()
    rig.start()
    for number in range(5):
        pos = rig.end()
        os.write(pos, b"%d" % number * 500)
        rig.leave(pos)
        until(lambda n=number: len(machine.bytes) == 500 * (n + 1))  # type: ignore[misc]
    assert machine.bytes == b"".join(b"%d" % n * 500 for n in range(5))


def test_what_the_device_says_to_nobody_is_not_kept_for_the_next(tapped: Rig) -> None:
    assert tapped.line
    tapped.line.put(b"\x18\x00\x0f\x00")
    until(lambda: tap_client.greeting(tapped.plan.control).device == 4)
    pos = tapped.end()
    os.write(pos, ASK)
    assert read(pos, 2, 0.2) == WELL


def test_an_idle_tap_does_nothing(tapped: Rig) -> None:
    """Not even while its end is closed, which the system reports without end."""
    assert tapped.tap
    pos = tapped.end()
    os.write(pos, ASK)
    read(pos, 1)
    tapped.leave(pos)
    before_s = _cpu_s(tapped.tap.pid)
    threading.Event().wait(1.0)
    assert _cpu_s(tapped.tap.pid) - before_s < 0.1


@pytest.mark.parametrize("speed", [9600, 115200, 250000])
def test_the_speed_that_the_cash_program_sets_is_that_of_the_line(tapped: Rig, speed: int) -> None:
    with serial.Serial(tapped.plan.link, baudrate=speed, stopbits=2, rtscts=True, timeout=LONG_S) as pos:
        pos.write(ASK)
        assert pos.read(1) == WELL
        assert tapped.line
        assert _speed(tapped.line.master) == speed
        cflag = termios.tcgetattr(tapped.line.master)[2]
        assert cflag & termios.CSTOPB
        assert cflag & termios.CRTSCTS


def test_a_speed_is_copied_even_when_nothing_is_sent(tapped: Rig) -> None:
    with serial.Serial(tapped.plan.link, baudrate=57600):
        assert tapped.line
        until(lambda: tapped.line is not None and _speed(tapped.line.master) == 57600)


def test_parity_is_that_of_the_configuration(rig: Rig) -> None:
    """A pty keeps no parity; of the odd one it keeps a trace, by which the line to the printer is seen
    here."""
    rig.plan = replace(rig.plan, parity="O")
    rig.plug_in()
    rig.start()
    with serial.Serial(rig.plan.link, baudrate=19200, parity="E", timeout=LONG_S) as pos:
        pos.write(ASK)
        assert pos.read(1) == WELL
    assert rig.line
    assert termios.tcgetattr(rig.line.master)[2] & termios.PARODD


def test_an_end_that_is_left_in_exclusive_mode_can_be_opened_again(tapped: Rig) -> None:
    pos = tapped.end()
    fcntl.ioctl(pos, termios.TIOCEXCL)
    os.write(pos, ASK)
    assert read(pos, 1) == WELL
    tapped.leave(pos)
    done = subprocess.run(
        [PYTHON, "-c", AS_NOBODY, tapped.plan.link], stdout=subprocess.PIPE, timeout=LONG_S, check=True
    )
    assert done.stdout == WELL


AS_NOBODY = """
import os, sys, time
os.chmod(sys.argv[1], 0o666)
path = os.path.realpath(sys.argv[1])
os.setuid(65534)
for _ in range(100):
    try:
        f = os.open(path, os.O_RDWR | os.O_NOCTTY)
        break
    except OSError:
        time.sleep(0.02)
os.write(f, b"\\x10\\x04\\x01")
os.write(1, os.read(f, 1))
"""


def test_an_unplugged_printer_is_silent_and_comes_back(tapped: Rig) -> None:
    pos = tapped.end()
    os.write(pos, ASK)
    assert read(pos, 1) == WELL
    tapped.unplug()
    until(lambda: tap_client.greeting(tapped.plan.control).printer == wire.GONE)
    os.write(pos, b"\x1bp\x00\x19\xfa")
    until(lambda: tap_client.greeting(tapped.plan.control).discarded == 5)
    assert read(pos, 1, 0.05) == b""
    tapped.machine = EscPos()
    tapped.plug_in()
    until(lambda: tap_client.greeting(tapped.plan.control).printer == wire.BACK)
    os.write(pos, ASK)
    assert read(pos, 1) == WELL
    assert tapped.machine.forbidden == [], "a kick that was sent to no printer must not open the drawer later"


def test_a_tap_may_be_there_before_the_printer(rig: Rig) -> None:
    rig.start()
    pos = rig.end()
    rig.plug_in()
    until(lambda: tap_client.greeting(rig.plan.control).printer == wire.BACK)
    os.write(pos, ASK)
    assert read(pos, 1) == WELL


def test_the_printers_own_port_is_the_taps_alone(tapped: Rig) -> None:
    assert held(tapped.plan.printer)


def test_the_link_is_made_again_when_somebody_removes_it(tapped: Rig) -> None:
    link = Path(tapped.plan.link)
    pts = link.readlink()
    link.unlink()
    until(link.is_symlink)
    assert link.readlink() == pts


def test_nothing_but_a_link_is_ever_replaced(rig: Rig) -> None:
    link = Path(rig.plan.link)
    link.parent.mkdir()
    link.write_text("a file of somebody's")
    rig.plug_in()
    rig.start()
    threading.Event().wait(0.1)
    assert link.read_text() == "a file of somebody's"


def test_a_clean_stop_leads_around_the_tap(tapped: Rig) -> None:
    """The cash program opens its port again and prints, without a tap and without being set up anew."""
    assert tapped.stop() == 0
    assert Path(tapped.plan.link).readlink() == Path(tapped.plan.printer)
    pos = tapped.end()
    tty.setraw(pos)
    os.write(pos, ASK)
    assert read(pos, 1) == WELL


def test_what_was_written_before_a_stop_is_printed(rig: Rig) -> None:
    rig.machine = machine = Recorder()
    rig.plug_in()
    rig.start()
    pos = rig.end()
    sent = os.urandom(40_000)
    writer = threading.Thread(target=_write_all, args=(pos, sent))
    writer.start()
    writer.join(LONG_S)
    assert rig.stop() == 0
    until(lambda: len(machine.bytes) >= len(sent))
    assert machine.bytes == sent


def test_only_this_account_may_ask_the_tap(tapped: Rig) -> None:
    assert tapped.plan.control.stat().st_mode & 0o777 == 0o600


def test_the_end_is_open_to_whoever_may_open_the_printer(rig: Rig) -> None:
    rig.plug_in()
    Path(rig.plan.printer).chmod(0o660)
    rig.start()
    assert Path(rig.plan.link).stat().st_mode & 0o777 == 0o660


def test_two_taps_are_one_too_many(tapped: Rig) -> None:
    second = subprocess.run(
        tapped.plan.command(detach=True), stderr=subprocess.PIPE, timeout=LONG_S, check=False
    )
    assert second.returncode == 75
    pos = tapped.end()
    os.write(pos, ASK)
    assert read(pos, 1) == WELL


@pytest.mark.parametrize(
    "arguments", [[], ["printer=x"], ["printer=x", "link=x", "control=x", "speed=fast", "parity=N"]]
)
def test_wrong_arguments(arguments: list[str], rig: Rig) -> None:
    command = rig.plan.command(detach=False)[:3]
    done = subprocess.run([*command, *arguments], stderr=subprocess.PIPE, timeout=LONG_S, check=False)
    assert done.returncode == 2


def test_the_agent_starts_a_tap_that_is_no_child_of_it(rig: Rig) -> None:
    rig.plug_in()
    tap_start.ensure(rig.plan)
    said = tap_client.greeting(rig.plan.control)
    tap_start.ensure(rig.plan)
    assert tap_client.greeting(rig.plan.control).pid == said.pid, "one is enough"
    stat = Path(f"/proc/{said.pid}/stat").read_text().rpartition(")")[2].split()
    assert int(stat[1]) != os.getpid()
    assert int(stat[3]) == said.pid, "a session of its own"
    pos = rig.end()
    os.write(pos, ASK)
    assert read(pos, 1) == WELL
    tap_client.stop(rig.plan.control)
    until(lambda: not Path(f"/proc/{said.pid}").exists())
    with pytest.raises(PortGone):
        tap_client.greeting(rig.plan.control)


def test_a_tap_waits_for_a_printer_whose_own_port_is_in_use(rig: Rig) -> None:
    """As when the cash program went around the tap for a while."""
    rig.plug_in()
    direct = subprocess.Popen(["sh", "-c", f"exec 3<>{rig.plan.printer}; read x"], stdin=subprocess.PIPE)
    until(lambda: held(rig.plan.printer))
    rig.tap = subprocess.Popen(rig.plan.command(detach=False), stderr=subprocess.PIPE)
    until(rig.plan.control.exists)
    until(lambda: tap_client.greeting(rig.plan.control).printer == wire.HELD)
    direct.communicate()
    until(lambda: tap_client.greeting(rig.plan.control).printer == wire.BACK)
    pos = rig.end()
    os.write(pos, ASK)
    assert read(pos, 1) == WELL


def test_a_port_that_the_cash_program_still_has_is_left_to_it(rig: Rig) -> None:
    rig.plug_in()
    with subprocess.Popen(
        ["sh", "-c", f"exec 3<>{rig.plan.printer}; echo; read x"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        with pytest.raises(PortHeld, match="let it open"):
            tap_start.ensure(rig.plan)
        process.communicate()


def test_the_tap_is_small(tapped: Rig) -> None:
    """None of the agent's packages is in it."""
    assert tapped.tap
    maps = Path(f"/proc/{tapped.tap.pid}/maps").read_text()
    assert "pydantic" not in maps
    assert _rss_kib(tapped.tap.pid) < 25_000


def _write_all(number: int, data: bytes) -> None:
    while data:
        data = data[os.write(number, data) :]


def _rss_kib(pid: int) -> int:
    return int(Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0])


def _cpu_s(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def _speed(number: int) -> int:
    """Of a line, as a number (Linux TCGETS2)."""
    return int(struct.unpack_from("<I", fcntl.ioctl(number, 0x802C542A, bytes(44)), 40)[0])
