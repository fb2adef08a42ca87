"""The tap: a small process that owns the printer's serial port and gives the cash program a pty. It runs with or
without an agent. Standard library only, Linux only.

python -m agent.ports.tap_process printer=/dev/ttyUSB0 link=/run/plomba/receipt control=/.../receipt.sock
    speed=9600 parity=N
With detach=yes it goes on by itself, and the command ends when it is ready."""

import fcntl
import gc
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence

assert sys.platform == "linux"  # noqa: S101 - tells the type checker; only a process of its own imports this

from agent.ports.tap_loop import Ends, Tap, log  # noqa: E402
from agent.ports.tap_tty import PARITY  # noqa: E402

HELD = 75
"""Exit code: another tap runs."""


def main(arguments: Sequence[str]) -> int:
    """0 after a clean stop, or when the detached tap is ready; HELD where another tap has the control socket,
    2 for wrong arguments."""
    given = dict(argument.partition("=")[::2] for argument in arguments)
    detach = given.pop("detach", "") == "yes"
    wrong = not given.get("speed", "").isdigit() or given.get("parity") not in PARITY
    if wrong or given.keys() != {"printer", "link", "control", "speed", "parity"}:
        log("wants printer=PATH link=PATH control=PATH speed=BAUD parity=N|E|O")
        return 2
    ready, told = os.pipe2(os.O_CLOEXEC)
    if detach and os.fork():
        os.close(told)
        return (os.read(ready, 1) or b"\1")[0]
    if detach:
        os.setsid()
    return _run(given, told)


def _run(given: Mapping[str, str], told: int) -> int:
    control = given["control"]
    os.makedirs(os.path.dirname(control) or ".", mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
    lock = os.open(f"{control}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        log("another tap runs already")
        os.write(told, bytes([HELD]))
        return HELD
    ends = Ends(given["printer"], given["link"], int(given["speed"]), given["parity"])
    tap = Tap(ends, control, time.monotonic_ns)
    wake, waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(waker)

    def stop(_number: int, _frame: object) -> None:
        tap.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    gc.freeze()
    tap.run(wake, lambda: os.write(told, b"\0"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
