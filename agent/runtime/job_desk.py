"""Fetches the jobs of operators for the jobs room, and lends it what it may ask of the running agent. The room is
loaded only where the till has a company root, or when something waits for it."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from agent.clock import Clock
from agent.config import Config
from agent.masking.secret import mask
from agent.runtime.running_till import RunningTill
from agent.spool import Spool
from agent.uplink.client import Client
from protocols.wire import v1

if TYPE_CHECKING:
    from agent.jobs.runner import Runner

NAME = "jobs"
"""Of what waits, in a receipt."""
MEMORY = "jobs"
"""Where agent.jobs.memory keeps what it knows."""
STOP_S = 4.0


def agent_command() -> tuple[str, ...]:
    """What starts this program as a child."""
    if getattr(sys, "frozen", False):
        return (sys.executable,)
    return sys.executable, "-c", "import sys; from agent.cli import main; sys.exit(main(sys.argv[1:]))"


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
        """Tells what the last run left, and begins to remember. Where there is neither to be done, the room is loaded
        by the first errand: it costs memory."""
        kept = self._spool.read_state(MEMORY)
        known = isinstance(kept, Mapping) and kept.get("running") is None
        if self._config.jobs.company_root and not known:
            self._room()

    def fetch(self, client: Client) -> None:
        """What is fetched cannot be cancelled any more, so nothing is when the agent is about to end."""
        if self._stopping:
            return
        answer = client.send("GET", v1.PATH_JOBS, b"", content_type="application/json")
        self._room().take(answer.body)

    @property
    def busy(self) -> bool:
        return self._runner is not None and self._runner.busy

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
