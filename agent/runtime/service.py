"""The resident agent: wires the rooms together, starts them, and stops them cleanly. It decides nothing
itself."""

import logging
from importlib.metadata import version
from pathlib import Path
from threading import Event, Thread

from agent.clock import Clock
from agent.config import Config
from agent.runtime import story
from agent.runtime.backups import Backups
from agent.runtime.host_watch import HostWatch
from agent.runtime.notify import Notify
from agent.runtime.outgoing import Outgoing
from agent.runtime.rhythm import Rhythm
from agent.spool import FILE, Spool, SpoolError
from agent.system import boot
from agent.system.registry import probes
from agent.uplink.client import Client
from agent.uplink.connection import Connection, trust_only
from agent.uplink.identity import Identity
from agent.uplink.sender import Sender

FLUSH_S = 60.0
TICK_S = 5.0
_LAST_WORDS_S = 10.0

log = logging.getLogger(__name__)


class Service:
    """`run` blocks until `stop` is set. Everything that must survive is in the spool, so any end is a good
    one; a clean one is only quieter at the next start."""

    def __init__(
        self, config: Config, config_file: Path, identity: Identity, clock: Clock, stop: Event
    ) -> None:
        self._config = config
        self._clock = clock
        self._stop = stop
        self._boot = boot.read()
        self._spool = Spool(config.agent.state_dir / FILE, clock, owner=True)
        self._client = _client(identity, clock)
        self._sender = Sender(
            self._spool, self._client, identity.terminal, clock, report_s=config.collector.report_s
        )
        self._thread = Thread(target=self._sender.run, name="sender", daemon=True)
        self._outgoing = Outgoing(self._spool, self._sender.wake)
        self._backups = Backups(config.backups, config_file, self._spool, clock, self._sender.wake)
        self._rhythm = Rhythm(clock, threads=2)
        self._notify = Notify()

    def run(self) -> int:
        """0 after a clean stop; 1 when the agent must be started anew to go on."""
        ended = story.begin(self._spool, self._config, self._boot, version("plomba"), self._clock.now())
        log.info("the last run ended: %s", ended.value)
        self._plan()
        self._thread.start()
        self._rhythm.start()
        self._notify.ready()
        while not self._clock.wait(self._stop, self._pause_s()):
            self._tick()
            if not self._thread.is_alive():
                log.critical("the sender has ended; the agent stops, to be started anew")
                break
        return self._end()

    def _plan(self) -> None:
        host = self._config.host
        found = probes(host, self._config.agent.state_dir, self._offset)
        watch = HostWatch(found, self._outgoing, lambda _: None, self._clock)
        self._rhythm.every("host", watch.look, lambda: host.sample_s, first_s=1.0)
        self._rhythm.every("flush", self._outgoing.flush, lambda: FLUSH_S, first_s=5.0)

    def _tick(self) -> None:
        try:
            self._backups.tick()
        except (SpoolError, OSError):
            log.exception("a backup could not be started; the next try is in a moment")
        self._rhythm.check_clock()
        self._notify.alive()

    def _pause_s(self) -> float:
        return min(TICK_S, (self._notify.watchdog_s or TICK_S * 2) / 2)

    def _end(self) -> int:
        self._notify.stopping()
        self._rhythm.stop()
        self._backups.stop()
        failed = not self._thread.is_alive()
        self._sender.stop()
        self._thread.join(_LAST_WORDS_S)
        if not failed:
            self._outgoing.flush()
            story.end(self._spool, self._boot, self._clock.now(), "stopped")
        if not failed and not self._thread.is_alive() and not self._sender.failing:
            self._sender.turn()
        return 1 if failed else 0

    def _offset(self) -> tuple[float, float] | None:
        measured = self._client.offset
        return (measured.seconds, measured.uncertain_s) if measured else None


def _client(identity: Identity, clock: Clock) -> Client:
    context = trust_only(identity.ca_file.read_text("ascii"))
    return Client(Connection(identity.collector, context), identity.key, identity.terminal, clock)
