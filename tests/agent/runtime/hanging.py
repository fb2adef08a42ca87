"""The real agent with one thing that hangs: python -m tests.agent.runtime.hanging WHAT LIMIT_S CONFIG. WHAT is
`device` (reading it never comes back, as in a driver of the system that hangs), `spool` (the same, with the lock of the
queue held), or `backup` (its process heeds no signal; it calls at the socket that TRIAL_SOCKET names). LIMIT_S: the
watchdog's limit for a job."""

import sys
import threading
from pathlib import Path

from agent.cli import main
from agent.devices.poller import Poller
from agent.devices.reading import Reading
from agent.runtime import host_watch, watched_rhythm
from agent.runtime.backups import Backups


def hang() -> None:
    threading.Event().wait()


def hang_in_a_device() -> None:
    def poll(_self: Poller) -> Reading:
        hang()
        raise AssertionError

    Poller.poll = poll  # type: ignore[method-assign]


def hang_with_the_lock_of_the_queue() -> None:
    def look(watch: host_watch.HostWatch) -> None:
        spool = watch._outgoing._spool
        with spool._lock:
            hang()

    host_watch.HostWatch.look = look  # type: ignore[method-assign]


DEAF = """
import os, signal, socket
signal.signal(signal.SIGTERM, signal.SIG_IGN)
with socket.socket(socket.AF_UNIX) as caller:
    caller.connect(os.environ["TRIAL_SOCKET"])
    while True:
        signal.pause()
"""


def back_up_without_end() -> None:
    Backups.__init__.__kwdefaults__["start"] = lambda _name, _file: [sys.executable, "-c", DEAF]


WHAT = {
    "device": hang_in_a_device,
    "spool": hang_with_the_lock_of_the_queue,
    "backup": back_up_without_end,
}

if __name__ == "__main__":
    what, limit_s, config = sys.argv[1:]
    assert Path(config).exists()
    watched_rhythm.JOB_LIMIT_S = float(limit_s)
    WHAT[what]()
    sys.exit(main(["run", "--config", config]))
