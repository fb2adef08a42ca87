"""A serial port on a real pty, with a real second process as the cash program."""

import os
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.ports import exists, holder, open_port, tap_tty
from agent.ports.holder import held
from protocols.device.family import Serial
from protocols.errors import PortDenied, PortError, PortGone, PortHeld

LINE = Serial(bauds=(9600,))


@dataclass
class Pty:
    master: int
    path: str

    def hang_up(self) -> None:
        if self.master >= 0:
            os.close(self.master)
            self.master = -1


@pytest.fixture
def pty() -> Iterator[Pty]:
    master, slave = os.openpty()
    tty.setraw(slave)
    made = Pty(master, os.ttyname(slave))
    os.close(slave)
    yield made
    made.hang_up()


OPEN = "import os, sys; f = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)"
WAYS = {
    "plain": OPEN,
    "flock": OPEN + "; import fcntl; fcntl.flock(f, fcntl.LOCK_EX)",
    "exclusive": OPEN + "; import fcntl, termios; fcntl.ioctl(f, termios.TIOCEXCL)",
}


@contextmanager
def cash_program(path: str, way: str) -> Iterator[None]:
    code = WAYS[way] + "; print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"open\n"
        yield
        process.communicate()


def test_bytes_go_both_ways(pty: Pty) -> None:
    with open_port(pty.path, LINE) as port:
        port.write(b"\x10\x04\x01")
        assert os.read(pty.master, 10) == b"\x10\x04\x01"
        os.write(pty.master, b"\x16")
        assert port.read(1.0) == b"\x16"


def test_read_returns_as_soon_as_anything_is_there(pty: Pty) -> None:
    with open_port(pty.path, LINE) as port:
        timer = threading.Timer(0.05, os.write, (pty.master, b"ab"))
        timer.start()
        began = time.perf_counter()
        assert port.read(5.0)[:1] == b"a"
        assert time.perf_counter() - began < 2.0
        timer.join()


def test_read_gives_nothing_after_its_time(pty: Pty) -> None:
    with open_port(pty.path, LINE) as port:
        began = time.perf_counter()
        assert port.read(0.05) == b""
        assert 0.04 < time.perf_counter() - began < 2.0


def test_what_came_before_is_not_taken_for_an_answer(pty: Pty) -> None:
    os.write(pty.master, b"old")
    with open_port(pty.path, LINE) as port:
        assert port.read(0.02) == b""


@pytest.mark.parametrize("way", WAYS)
def test_a_port_of_the_cash_program_is_held_and_left_as_it_is(pty: Pty, way: str) -> None:
    with cash_program(pty.path, way):
        before = _settings(pty)
        with pytest.raises(PortHeld):
            open_port(pty.path, Serial(bauds=(115200,), parity="E"))
        assert _settings(pty) == before
    if (
        way == "exclusive"
    ):  # a pty keeps the flag for as long as its master end is open; a serial port does not
        assert not held(pty.path)
    else:  # the control: the same port without the cash program
        open_port(pty.path, LINE).close()


@pytest.mark.parametrize("way", ["flock", "exclusive"])
def test_what_the_list_of_open_files_does_not_show_is_seen_by_opening(
    pty: Pty, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.ports.serial_port.held", lambda path: False)
    with cash_program(pty.path, way), pytest.raises(PortHeld):
        open_port(pty.path, LINE)


def test_without_looking_a_plain_open_would_be_shared(pty: Pty, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above: it is the look at the open files that finds this cash program."""
    monkeypatch.setattr("agent.ports.serial_port.held", lambda path: False)
    with cash_program(pty.path, "plain"), open_port(pty.path, LINE) as port:
        port.write(b"x")


def test_a_link_to_the_port_is_the_same_port(pty: Pty, tmp_path: Path) -> None:
    link = tmp_path / "by-id"
    link.symlink_to(pty.path)
    assert not held(str(link))
    with cash_program(str(link), "plain"):
        assert held(str(link))
        assert held(pty.path)


def test_the_same_port_is_never_open_twice(pty: Pty) -> None:
    with open_port(pty.path, LINE), pytest.raises(PortHeld):
        open_port(pty.path, LINE)


def test_a_cash_program_that_comes_in_between_can_open_and_is_noticed(pty: Pty) -> None:
    with open_port(pty.path, LINE) as port:
        assert not port.contended()
        with cash_program(pty.path, "plain"):
            assert port.contended()


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ports for which the open files of all processes were looked through, in order."""
    done: list[str] = []

    def counted(real: str, wanted: os.stat_result) -> bool:
        done.append(real)
        return look(real, wanted)

    look = holder._listed
    monkeypatch.setattr(holder, "_listed", counted)
    return done


def test_open_files_are_looked_through_only_after_somebody_opened_the_port(
    pty: Pty, looks: list[str]
) -> None:
    for _ in range(7):
        with open_port(pty.path, LINE) as port:
            assert not port.contended()
    assert looks == [pty.path], "our own opening does not count"
    with cash_program(pty.path, "plain"):
        for _ in range(3):
            with pytest.raises(PortHeld):
                open_port(pty.path, LINE)
    assert len(looks) == 4, "while it is held every poll looks"
    open_port(pty.path, LINE).close()
    open_port(pty.path, LINE).close()
    assert len(looks) == 5


def test_what_is_relied_on_is_looked_at_again_after_some_polls(pty: Pty, looks: list[str]) -> None:
    for _ in range(2 * holder._RELIED + 10):
        open_port(pty.path, LINE).close()
    assert len(looks) == 3


def test_where_the_system_gives_no_watch_every_poll_looks(
    pty: Pty, looks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holder, "_bell", lambda real: None)
    for _ in range(3):
        open_port(pty.path, LINE).close()
    assert len(looks) == 3


def test_a_new_port_under_an_old_name_is_looked_at_anew(looks: list[str], tmp_path: Path) -> None:
    file = tmp_path / "port"
    for _ in range(2):
        file.write_bytes(b"")
        assert not held(str(file))
        file.rename(tmp_path / "old")
    assert len(looks) == 2


def test_the_bells_of_ports_that_are_gone_are_given_back(tmp_path: Path) -> None:
    """A system gives an account 128 of them, and every name of a port takes one."""
    for number in range(20):
        file = tmp_path / f"port{number}"
        file.write_bytes(b"")
        assert not held(str(file))
        file.unlink()
    assert sum(name.startswith(str(tmp_path)) for name in holder._looks) == 1


def test_a_port_that_is_not_there() -> None:
    with pytest.raises(PortGone, match="does not exist"):
        open_port("/dev/ttyUSB-none", LINE)


def test_a_file_that_is_no_port(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    with pytest.raises(PortGone, match="cannot be opened"):
        open_port(str(file), LINE)


def test_an_address_of_no_known_kind() -> None:
    with pytest.raises(PortGone) as caught:
        open_port("ttyUSB0", LINE)
    assert caught.value.code == "port.address"


def test_a_port_that_vanishes_while_it_is_open(pty: Pty) -> None:
    with open_port(pty.path, LINE) as port:
        pty.hang_up()
        with pytest.raises(PortGone):
            port.read(0.05)
        with pytest.raises(PortGone):
            port.write(b"x")


@pytest.mark.parametrize("speed", [9600, 115200, 12345])
def test_every_speed_can_be_set(pty: Pty, speed: int) -> None:
    with open_port(pty.path, Serial(bauds=(speed,))):
        assert tap_tty.settings(tap_tty.raw_settings(pty.master)).speed == speed


def test_a_line_that_takes_no_bytes(pty: Pty) -> None:
    with open_port(pty.path, LINE) as port, pytest.raises(PortGone) as caught:
        port.write(bytes(1 << 20))
    assert caught.value.code == "port.stuck"


def test_an_open_port_that_failed_to_open_is_closed(pty: Pty, tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    (tmp_path / "file").write_bytes(b"")
    for _ in range(3):
        with pytest.raises(PortGone):
            open_port(str(tmp_path / "file"), LINE)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1, (
        "one bell for each file that was looked at"
    )


DENIED = """
import os, sys
from agent.ports import open_port
from protocols.device.family import Serial
from protocols.errors import PortDenied
if os.geteuid() == 0:
    os.setuid(65534)
try:
    open_port(sys.argv[1], Serial(bauds=(9600,)))
except PortDenied as e:
    print(e.code)
"""


def test_an_account_without_rights(pty: Pty) -> None:
    Path(pty.path).chmod(0)
    done = subprocess.run(
        [sys.executable, "-c", DENIED, pty.path], stdout=subprocess.PIPE, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == PortDenied.code


def test_every_port_error_has_a_code_of_its_own() -> None:
    codes = {error.code for error in (PortGone, PortHeld, PortDenied, PortError)}
    assert len(codes) == 4


def test_existence_is_seen_without_opening(pty: Pty) -> None:
    with cash_program(pty.path, "exclusive"):
        assert exists(pty.path) is True
    assert exists("/dev/ttyUSB-none") is False
    assert exists("socket://127.0.0.1:9100") is None


def _settings(pty: Pty) -> object:
    import termios  # noqa: PLC0415 - not on Windows

    return termios.tcgetattr(pty.master)
