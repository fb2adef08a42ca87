"""Fetches the jobs of operators for the jobs room, and lends it what it may ask of the running agent. The room is
loaded only where the till has a company root, or when something waits for it."""

import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING

from agent.clock import Clock
from agent.config import Config
from agent.runtime.device_watch import DeviceWatch
from agent.runtime.masking import mask
from agent.spool import Spool
from agent.uplink.client import Client
from protocols.wire import v1

if TYPE_CHECKING:
    from agent.jobs.runner import Runner
    from agent.jobs.work import Seen

NAME = "jobs"
"""Of what waits, in a receipt."""
LOOK_S, LOOK_AGAIN_S, ASK_AGAIN = 30.0, 0.1, 10
STOP_S = 4.0

log = logging.getLogger(__name__)


def agent_command() -> tuple[str, ...]:
    """What starts this program as a child."""
    if getattr(sys, "frozen", False):
        return (sys.executable,)
    return sys.executable, "-c", "import sys; from agent.cli import main; sys.exit(main(sys.argv[1:]))"


class RunningTill:
    """The Till of agent.jobs. `soon`: have this device polled after so many seconds."""

    def __init__(
        self,
        watches: Mapping[str, DeviceWatch],
        clock: Clock,
        soon: Callable[[str, float], None],
        begin_anew: Callable[[], None],
    ) -> None:
        self._watches = watches
        self._clock = clock
        self._soon = soon
        self.begin_anew = begin_anew

    def devices(self) -> tuple[str, ...]:
        return tuple(self._watches)

    def seen(self, device: str) -> "Seen | None":
        from agent.jobs.work import Seen  # noqa: PLC0415 - see above

        watch = self._watches[device]
        if watch.looked is None:
            return None
        last = watch.looked[1]
        return Seen(device, watch.family, last.at, last.contact, last.reason, last.state)

    def look(self, device: str, stop: Event) -> "Seen | None":
        """What was read by a look that began after this call."""
        watch, asked_s = self._watches[device], self._clock.monotonic()
        tries = 0
        while watch.looked is None or watch.looked[0] < asked_s:
            if tries % ASK_AGAIN == 0:  # a look that ran just now has planned the next one over the wish
                self._soon(device, 0.0)
            tries += 1
            if self._clock.wait(stop, LOOK_AGAIN_S) or self._clock.monotonic() - asked_s >= LOOK_S:
                return None
        return self.seen(device)


class JobDesk:
    """`begin` before the first errand. `fetch` is the errand."""

    def __init__(
        self,
        config: Config,
        config_file: Path,
        spool: Spool,
        clock: Clock,
        till: RunningTill,
        *,
        terminal: str,
        offset_s: Callable[[], float | None],
        told: Callable[[], None],
    ) -> None:
        self._config = config
        self._config_file = config_file
        self._spool = spool
        self._clock = clock
        self._till = till
        self._terminal = terminal
        self._offset_s = offset_s
        self._told = told
        self._lock = Lock()
        self._runner: Runner | None = None
        self._stopping = False

    def begin(self) -> None:
        """Tells what the last run left, and begins to remember."""
        if self._config.jobs.company_root:
            self._room()

    def fetch(self, client: Client) -> None:
        """What is fetched cannot be cancelled any more, so nothing is when the agent is about to end."""
        if self._stopping:
            return
        answer = client.send("GET", v1.PATH_JOBS, b"", content_type="application/json")
        self._room().take(answer.body)

    def stop(self, within_s: float = STOP_S) -> None:
        self._stopping = True
        if self._runner is not None:
            self._runner.stop(within_s)

    def _room(self) -> "Runner":
        with self._lock:
            if self._runner is None:
                from agent.jobs.runner import Runner  # noqa: PLC0415 - see above

                self._runner = Runner(
                    self._config,
                    self._config_file,
                    self._spool,
                    self._clock,
                    self._till,
                    terminal=self._terminal,
                    agent=agent_command(),
                    offset_s=self._offset_s,
                    told=self._told,
                    mask=mask,
                )
            return self._runner
