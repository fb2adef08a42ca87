"""What a tap adds to one exchange of the cash program: three bytes to an emulated printer and one back, over a pty
directly, through the tap in its own process, through the shortest forwarder that can be written in Python, and
through socat where it is installed; in turns in the same run.
python -m tests.benchmarks.tap [ROUNDS] Medians; ends with 1 where the bar is missed."""

import os
import select
import shutil
import subprocess
import sys
import threading
import tty
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter_ns

from agent.ports import tap_client, tap_wire
from agent.ports.tap_start import TapPlan
from protocols.errors import PortGone
from tests.benchmarks.figure import Figure
from tests.emulators.escpos import EscPos

ADDED_US = 40.0
ROUNDS, BATCH, WARM = 4000, 50, 200
ASK, WELL = b"\x10\x04\x01", b"\x12"


class Printer(EscPos):
    """Answers each question at once: what is measured is the way, not the device."""

    def receive(self, data: bytes) -> bytes:
        return WELL


def printer_process(link: Path, stack: ExitStack) -> None:
    """In a process of its own, so that it does not share our interpreter."""
    apart(PRINTER.format(link=str(link)), stack)


PRINTER = """
from pathlib import Path
from tests.benchmarks.tap import Printer
from tests.emulators.runner import PtyLine
PtyLine(Printer(), Path({link!r})).start()
"""


def apart(code: str, stack: ExitStack) -> None:
    """Run it in a process that stays until its standard input is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"import sys\n{code}\nprint(flush=True)\nsys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    process.stdout.readline()
    stack.callback(process.communicate)


def opened(path: Path, stack: ExitStack) -> int:
    number = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(number)
    stack.callback(os.close, number)
    return number


def wait_for(what: Callable[[], bool], name: str) -> None:
    pause = threading.Event()
    for _ in range(2000):
        if what():
            return
        pause.wait(0.005)
    raise RuntimeError(f"{name} does not start")


def tapped(folder: Path, stack: ExitStack) -> int:
    """A tap with an agent that listens, as it is in use."""
    printer_process(folder / "tapped", stack)
    plan = TapPlan(str(folder / "tapped"), str(folder / "link"), folder / "tap.sock", 115200)
    process = subprocess.Popen(plan.command(detach=False), stderr=subprocess.DEVNULL)
    stack.callback(process.wait, 10)
    stack.callback(process.terminate)
    wait_for(lambda: ready(plan.control), "the tap")
    apart(LISTEN.format(control=str(plan.control)), stack)
    return opened(folder / "link", stack)


LISTEN = """
import threading
from pathlib import Path
from agent.ports import tap_client, tap_wire
end = tap_client.connect(Path({control!r}))
end.send(tap_wire.request(tap_wire.Plain(tap_wire.LISTEN)))
def listen():
    while end.recv(65536):
        pass
threading.Thread(target=listen, daemon=True).start()
"""


def ready(control: Path) -> bool:
    try:
        return tap_client.greeting(control).printer == tap_wire.BACK
    except PortGone:
        return False


BARE = """
import os, select, tty
from pathlib import Path
host, slave = os.openpty()
tty.setraw(slave)
Path({link!r}).symlink_to(os.ttyname(slave))
device = os.open({printer!r}, os.O_RDWR | os.O_NOCTTY)
tty.setraw(device)
other = dict([(host, device), (device, host)])
epoll = select.epoll()
for number in other:
    epoll.register(number, select.EPOLLIN)
def forward():
    while True:
        for number, _ in epoll.poll():
            os.write(other[number], os.read(number, 4096))
print(flush=True)
forward()
"""
"""Nothing but reading and writing: what any tap in this language costs."""


def through_bare(folder: Path, stack: ExitStack) -> int:
    printer_process(folder / "bare-printer", stack)
    link = folder / "bare-link"
    code = BARE.format(link=str(link), printer=str(folder / "bare-printer"))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    stack.callback(process.communicate)
    stack.callback(process.terminate)
    assert process.stdout
    process.stdout.readline()
    return opened(link, stack)


def through_socat(folder: Path, stack: ExitStack) -> int | None:
    program = shutil.which("socat")
    if not program:
        return None
    printer_process(folder / "socat-printer", stack)
    link = folder / "socat-link"
    process = subprocess.Popen(
        [program, f"PTY,link={link},rawer", f"OPEN:{folder / 'socat-printer'},rawer"],
        stderr=subprocess.DEVNULL,
    )
    stack.callback(process.wait, 10)
    stack.callback(process.terminate)
    wait_for(link.exists, "socat")
    return opened(link, stack)


def exchange(number: int) -> float:
    """Microseconds."""
    began = perf_counter_ns()
    os.write(number, ASK)
    if not select.select([number], [], [], 5.0)[0] or os.read(number, 8) != WELL:
        raise RuntimeError("no answer")
    return (perf_counter_ns() - began) / 1000


def measure(rounds: int) -> dict[str, list[float]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        printer_process(folder / "direct", stack)
        ways = {"direct": opened(folder / "direct", stack), "tap": tapped(folder, stack)}
        ways["bare"] = through_bare(folder, stack)
        socat = through_socat(folder, stack)
        if socat is not None:
            ways["socat"] = socat
        found: dict[str, list[float]] = {name: [] for name in ways}
        for number in ways.values():
            for _ in range(WARM):
                exchange(number)
        for _ in range(rounds // BATCH):
            for name, number in ways.items():
                found[name] += [exchange(number) for _ in range(BATCH)]
        return found


def main() -> int:
    found = measure(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
    middle = {name: median(values) for name, values in found.items()}
    last = {name: quantiles(values, n=100)[98] for name, values in found.items()}
    more = {f"{name}_median_us": round(value, 1) for name, value in middle.items()}
    more |= {f"{name}_p99_us": round(value, 1) for name, value in last.items()}
    more |= {
        f"ratio_to_{name}": round(middle["tap"] / value, 2) for name, value in middle.items() if name != "tap"
    }
    added = Figure("tap", "added to an exchange", middle["tap"] - middle["direct"], "us", ADDED_US)
    return 0 if added.tell(**more) else 1


if __name__ == "__main__":
    sys.exit(main())
