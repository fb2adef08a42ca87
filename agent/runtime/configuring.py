"""By which configuration this run goes: the till's own file with what the collector wishes laid over it. Fetches a new
wish, tries it, keeps it once the agent has stayed up with it, and tells the collector what became of it."""

import logging
from dataclasses import replace
from pathlib import Path
from threading import Lock

from pydantic import ValidationError

from agent.clock import Clock
from agent.config import Config, kept, trial
from agent.config.kept import Kept
from agent.config.reader import checked, tables_in
from agent.config.trial import Standing
from agent.runtime.outgoing import Outgoing
from agent.spool import Json, Spool, SpoolError
from agent.uplink.client import Client
from protocols.errors import CollectorUnreachable, ConfigError, PlombaError
from protocols.wire import v1
from protocols.wire.desired import BYTES

STATE = "configuration"
"""In the spool, beside the messages: what the collector was told last."""
TRIAL_S = 10.0
"""Who has stayed up for so long with a new version has started with it."""
PAUSE_S = 60.0
"""After an answer that held nothing new, or a version that was taken, the collector is not asked again for so long: it
cannot make the agent begin anew all the time."""
TELL_AGAIN_S = 600.0

log = logging.getLogger(__name__)


class NotKept(PlombaError):
    code = "config.not_kept"
    retriable = True


class Configuring:
    """One for the life of the process. `begin`, `attach`, `tick` and `end` are for the thread that runs the agent,
    `fetch` for the sender's."""

    def __init__(self, file: Path, state_dir: Path, terminal: str, clock: Clock) -> None:
        self._file = file
        self._state_dir = state_dir
        self._terminal = terminal
        self._clock = clock
        self._lock = Lock()
        self._local: dict[str, object] | None = None
        self._standing = Standing(Kept())
        self._spool: Spool | None = None
        self._outgoing: Outgoing | None = None
        self._since_s = self._told_s = clock.monotonic()
        self._next_s = self._since_s

    @property
    def anew(self) -> bool:
        """The run should end at a good moment, and another begin."""
        return self._standing.anew

    def begin(self) -> Config:
        """What this run goes by. ConfigError where the till's own file is wrong at the first run; later the one that
        was read before goes on."""
        local = self._read_local()
        found = self._mine(kept.read(self._state_dir))
        standing = trial.begin(found, local)
        try:
            if standing.kept != found:
                kept.write(self._state_dir, standing.kept)
        except OSError as e:  # what cannot be counted is not tried
            log.warning("the configuration of the collector is not tried: %s", e)
            standing = trial.begin(Kept(good=found.good), local)
        self._standing = standing
        self._spool = self._outgoing = None
        return standing.laid.config if standing.laid else checked(str(self._file), local)

    def attach(self, spool: Spool, outgoing: Outgoing) -> None:
        """The agent is up: tell what holds, where that has changed."""
        with self._lock:
            self._spool, self._outgoing = spool, outgoing
            self._since_s = self._told_s = self._clock.monotonic()
            self._tell()

    def fetch(self, client: Client) -> None:
        """PlombaError where that did not work; it is tried again after another receipt."""
        if self._standing.kept.trial or self._clock.monotonic() < self._next_s:
            return
        wished = self._wished(client)
        try:
            local = self._read_local()
        except ConfigError:
            self._next_s = self._clock.monotonic() + PAUSE_S
            raise
        with self._lock:
            self._go_on(trial.judge(self._standing, wished, local))

    def tick(self) -> None:
        """Every few seconds while the agent runs."""
        with self._lock:
            if self._standing.kept.trial is None or self.anew:
                return
            if self._clock.monotonic() - self._since_s >= TRIAL_S:
                try:
                    self._go_on(trial.stayed_up(self._standing))
                    self._next_s = self._clock.monotonic() + PAUSE_S
                except NotKept as e:
                    log.warning("%s", e)

    def end(self) -> None:
        with self._lock:
            try:
                self._keep(trial.ended(self._standing.kept))
            except NotKept as e:
                log.warning("%s", e)

    def _read_local(self) -> dict[str, object]:
        try:
            local = tables_in(self._file)
            own = checked(str(self._file), local)
            if own.agent.state_dir != self._state_dir:
                problem = "another folder counts when the service is started anew"
                raise ConfigError(str(self._file), "agent.state_dir", problem)
        except ConfigError as e:
            if self._local is None:
                raise
            log.warning("%s; the agent goes on with what stood there before", e)
            return self._local
        self._local = local
        return local

    def _mine(self, found: Kept) -> Kept:
        """What was wished for another terminal is not for this one."""
        known = found.known()
        return found if known is None or known.terminal == self._terminal else Kept()

    def _wished(self, client: Client) -> v1.Desired:
        body = client.send("GET", v1.PATH_CONFIGURATION, b"", content_type="application/json").body
        try:
            wished = v1.Desired.model_validate_json(body[: BYTES * 2 + 1], extra="ignore")
        except ValidationError as e:
            raise CollectorUnreachable("the answer is not the collector's", code="uplink.answer") from e
        if wished.terminal != self._terminal:
            raise CollectorUnreachable("the answer is not for this terminal", code="uplink.answer")
        return wished

    def _go_on(self, new: Standing) -> None:
        before, known = self._standing, self._standing.kept.known()
        self._keep(new.kept)
        self._standing = new
        if known is not None and known == new.kept.known() and new.kept.trial == before.kept.trial:
            self._next_s = self._clock.monotonic() + PAUSE_S
        self._tell()

    def _keep(self, new: Kept) -> None:
        if new == self._standing.kept:
            return
        try:
            kept.write(self._state_dir, new)
        except OSError as e:
            raise NotKept(f"the configuration cannot be kept: {e}") from e
        self._standing = replace(self._standing, kept=new)

    def _tell(self) -> None:
        """Nothing twice, but for a collector that has forgotten it and asks; a file that was lost is noticed by what
        was told."""
        message = trial.report(self._standing, self._clock.now())
        if message is None or self._spool is None or self._outgoing is None:
            return
        said: Json = message.model_dump(mode="json", exclude={"seq", "at"})
        try:
            before = self._spool.read_state(STATE)
            fresh = said != before and (before is not None or message.digest)
            if fresh or (before is not None and self._clock.monotonic() - self._told_s >= TELL_AGAIN_S):
                self._outgoing.tell([message], {STATE: said})
                self._told_s = self._clock.monotonic()
        except SpoolError as e:
            log.warning("what became of the configuration could not be told: %s", e)
