"""The resident agent: wires the rooms together, starts them, and stops them cleanly. It decides nothing
itself."""

import logging
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from importlib.metadata import version
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from agent.clock import Clock
from agent.config import Config, Device, address
from agent.devices import profile_store
from agent.devices.poller import Poller
from agent.health import RULES, HostClock, Rule, rules_for_device
from agent.runtime import story
from agent.runtime.backup_month import Companion, Month
from agent.runtime.backups import Backups
from agent.runtime.budget import Budget, Limits
from agent.runtime.certified_list import CertifiedList
from agent.runtime.configuring import Configuring
from agent.runtime.deadline import Deadline
from agent.runtime.device_watch import DRAWER, KNOWN, LONG, DeviceWatch
from agent.runtime.errands import Errand, Errands
from agent.runtime.host_watch import HostWatch
from agent.runtime.job_desk import NAME as JOBS
from agent.runtime.job_desk import JobDesk
from agent.runtime.judging import Judging
from agent.runtime.notify import Notify
from agent.runtime.outgoing import Outgoing
from agent.runtime.own_usage import Meter
from agent.runtime.queue_watch import QueueProbe
from agent.runtime.running_till import RunningTill
from agent.runtime.self_watch import EVERY_S, SelfWatch
from agent.runtime.status import DEVICE, last_good_at
from agent.runtime.trading import Trading, hours
from agent.runtime.update_watch import UpdateProbe
from agent.runtime.watchdog import RestingClock, Stuck, Watchdog
from agent.runtime.watched_rhythm import WatchedRhythm
from agent.runtime.z_report import ZReports
from agent.spool import FILE, Caps, Spool, SpoolError
from agent.system import boot
from agent.system.command import Commands
from agent.system.registry import Around, probes
from agent.uplink.client import Client
from agent.uplink.connection import Connection, trust_only
from agent.uplink.identity import Identity as Terminal
from agent.uplink.rekey import INVALID, Rekeying
from agent.uplink.sender import Sender
from agent.uplink.speaker import Speaker
from agent.uplink.traffic import STATE as TRAFFIC
from agent.uplink.traffic import Traffic
from protocols.device.profile import Profiles
from protocols.device.registry import FAMILIES
from protocols.status.model import Identity
from protocols.wire import v1

if TYPE_CHECKING:
    from agent.devices.tapped import TappedPoller
    from agent.runtime.site_relay import SiteRelay

FLUSH_S = 60.0
TIDY_S = 3600.0
TICK_S = 5.0
OWN = "own"
"""The lane of the short jobs beside the devices: the host, the agent itself, the figures that wait, the tidying of the
queue, and the mark that all is well."""
OWN_JOBS = 2
"""Lanes beside the devices: that one and the slow probes."""
SENDER_LIMIT_S = 900.0
"""A turn with the collector, and what it fetches after, takes no longer, even over a line that gives a byte now and
then."""
DAILY_S = 86400.0
_LAST_TURNS = 4
OFFSET_S = 3600.0
"""So long the till's clock is known to be right after the collector told the time."""
END_S, ANEW_S = 4.0, 40.0
"""So long may the end take: of the process, whom the service manager waits for, and of one run before the next."""
_TERMINAL = v1.Subject(kind=v1.SubjectKind.TERMINAL)

log = logging.getLogger(__name__)


class Service:
    """`run` blocks until `stop` is set. Everything that must survive is in the spool, so any end is a good
    one; a clean one is only quieter at the next start."""

    def __init__(
        self,
        config: Config,
        config_file: Path,
        identity: Terminal,
        clock: Clock,
        stop: Event,
        *,
        configuring: Configuring | None = None,
    ) -> None:
        """`configuring` is told of the run, and may ask for another one."""
        self._config = config
        self._configuring = configuring
        self._clock = clock
        self._stop = stop
        self._anew = Event()
        self._boot = boot.read()
        self._spool = Spool(config.agent.state_dir / FILE, clock, owner=True, limits=_caps(config))
        self._watchdog = Watchdog(clock)
        self._trading = Trading(hours(config.agent.open_from, config.agent.open_to))
        self._relay, self._connection = _ways(config, identity, self._spool, clock)
        self._client = Client(self._connection, identity.key, identity.terminal, clock)
        resting = RestingClock(clock, self._watchdog, "sender", SENDER_LIMIT_S)
        session = secrets.token_urlsafe(12)
        rekeying = Rekeying(config.agent.state_dir, identity, session)
        self._errands: dict[str, Errand] = {v1.REKEY: rekeying.wanted, INVALID: rekeying.doubted}
        if configuring:
            self._errands["configuration"] = configuring.fetch
        self._runner = Errands(self._client, self._errands)
        self._certified = CertifiedList(config.agent.state_dir, clock)
        self._sender = Sender(
            self._spool,
            Speaker(self._client, story.run_of(self._boot), self._runner.refused),
            identity.terminal,
            resting,
            report_s=config.collector.report_s,
            heard=self._heard,
            traffic=_traffic(config, self._spool),
            session=session,
            beside=Companion(config, clock),
        )
        self._thread = Thread(target=resting.run, args=(self._sender.run,), name="sender", daemon=True)
        self._outgoing = Outgoing(self._spool, self._sender.wake)
        self._z_reports = ZReports(self._spool, clock, lambda fact: self._outgoing.tell([fact]))
        self._backups = self._backing_up(config_file)
        self._rhythm = WatchedRhythm(clock, OWN_JOBS + len(config.devices), self._watchdog)
        self._tapped: dict[str, TappedPoller] = {}
        self._watches: dict[str, DeviceWatch] = {}
        self._jobs = self._job_desk(config_file, identity.terminal)
        self._commands, self._notify = Commands(), Notify()

    def run(self) -> int:
        """0 after a clean end; 1 when the process must be started anew to go on."""
        judging = self._judging(_TERMINAL, RULES)
        self._begin(judging)
        self._plan_host(judging, self._plan_own(judging))
        self._plan_devices()
        self._jobs.begin()
        if self._relay:
            self._relay.begin(self._outgoing.tell, self._sender.wake)
        self._thread.start()
        self._rhythm.start()
        self._notify.ready()
        if self._configuring:
            self._configuring.attach(self._spool, self._outgoing)
        while not self._clock.wait(self._stop, self._pause_s()):
            if stuck := self._watchdog.stuck():
                return self._give_up(stuck)
            self._tick()
            if not self._thread.is_alive():
                log.critical("the sender has ended; the agent stops, to be started anew")
                break
            if self.anew and not (self._backups.busy or self._jobs.busy):  # neither is cut off for that
                log.info("the agent begins anew")
                break
        return self._end()

    def _backing_up(self, config_file: Path) -> Backups:
        month = Month(self._config, self._spool, lambda fact, state: self._outgoing.tell([fact], state))
        plans, may, busy = self._config.backups, self._trading.may_run, self._trading.selling
        return Backups(
            plans, config_file, self._spool, self._clock, self._sender.wake,
            may=may, busy=busy, z_report=self._last_z_report, held=month.holds,
        )  # fmt: skip

    def _last_z_report(self) -> datetime | None:
        looked = (watch.looked for watch in list(self._watches.values()))
        self._z_reports.look(reading for _, reading in filter(None, looked))
        return self._z_reports.last

    @property
    def anew(self) -> bool:
        """Another run should begin, by the configuration that holds then."""
        return self._anew.is_set() or (self._configuring is not None and self._configuring.anew)

    def _job_desk(self, config_file: Path, terminal: str) -> JobDesk:
        def soon(device: str, after_s: float) -> None:
            self._rhythm.soon(f"device {device}", after_s)

        till = RunningTill(self._watches, self._clock, soon, self._anew.set, self._config.agent.profiles_dir)
        desk = JobDesk(
            self._config,
            config_file,
            self._spool,
            self._clock,
            till,
            terminal=terminal,
            offset_s=lambda: self._client.offset.seconds if self._client.offset else None,
            told=self._sender.wake,
        )
        self._errands[JOBS] = desk.fetch
        return desk

    def _begin(self, judging: Judging) -> None:
        now = self._clock.now()
        opening = story.begin(self._spool, self._config, self._boot, version("plomba"), now)
        log.info("the last run ended: %s", opening.ended.value)
        judging.hear(
            opening.observations, now, reason=opening.reason, beside=opening.messages, state=opening.state
        )
        if gap := story.figures_lost(self._spool, opening.ended, now):
            self._spool.tell_gap(gap)

    def _plan_own(self, judging: Judging) -> SelfWatch:
        budget = Budget(Limits(**self._config.budget.model_dump(exclude={"backup_monthly_mb"})))
        meter = Meter(self._clock, lambda: self._connection.sent_bytes, self._rhythm.late_s)
        watch = SelfWatch(
            meter.read, budget, judging, self._outgoing, self._clock, slow=self._rhythm.slow_down
        )
        self._rhythm.every("own use", watch.look, lambda: EVERY_S, EVERY_S, OWN)
        return watch

    def _plan_host(self, judging: Judging, own: SelfWatch) -> None:
        def heavy(every_s: float, waited_s: float) -> bool:
            """What looks once a day waits for a quiet minute as well."""
            now = self._clock.now().astimezone()
            since = now - timedelta(seconds=waited_s)
            return own.heavy and (every_s < DAILY_S or self._trading.may_run(now, since))

        host = self._config.host
        around = Around(
            self._config.agent.state_dir,
            self._clock.now,
            self._offset,
            recall=self._spool.read_state,
            collector=self._config.collector.url,
            hours=_opening(self._config),
            reaches_collector=self._reaches_collector,
            commands=self._commands,
        )
        watch = HostWatch(
            (*probes(host, around), QueueProbe(self._spool), UpdateProbe(version("plomba"))),
            judging,
            self._outgoing,
            self._clock,
            self._spool.read_state,
            heavy=heavy,
        )
        self._rhythm.every("host", watch.look, lambda: host.sample_s, 1.0, OWN)
        self._rhythm.every("slow probes", watch.look_slow, watch.slow_delay_s, first_s=5.0)
        self._rhythm.every("flush", self._flush, lambda: FLUSH_S, 5.0, OWN)
        self._rhythm.every("tidy", self._spool.tidy, lambda: TIDY_S, TIDY_S / 4, OWN)
        self._rhythm.once(
            "running well",
            lambda: judging.hear({story.UNCLEAN: False}, self._clock.now()),
            story.UNCLEAN_S,
            OWN,
        )

    def _flush(self) -> None:
        self._outgoing.later([], {story.FLUSHED: self._clock.now().isoformat()})
        self._outgoing.flush()

    def _plan_devices(self) -> None:
        families = {device.family for device in self._config.devices}
        profiles = profile_store.load(self._config.agent.profiles_dir, families)
        for device in self._config.devices:
            device_watch = self._watches[device.id] = self._watch(device, profiles[device.family])
            poll = self._and_receipts(device_watch)
            self._rhythm.every(_job(device), poll, device_watch.delay_s, first_s=0.1)

    def _and_receipts(self, watch: DeviceWatch) -> Callable[[], None]:
        """A look that also sees whether the till is selling."""

        def poll() -> None:
            watch.poll()
            if watch.looked and watch.looked[1].state.receipt_open:
                self._trading.receipt(self._clock.now().astimezone())

        return poll

    def _watch(self, device: Device, profiles: Profiles) -> DeviceWatch:
        known = self._spool.read_state(KNOWN + device.id)
        identity = Identity(**{k: str(v) for k, v in known.items()}) if isinstance(known, dict) else None
        poller = self._poller(device, profiles, identity)
        subject = v1.Subject(kind=v1.SubjectKind.DEVICE, id=device.id)
        judging = self._judging(subject, rules_for_device(device.drawer_open_too_long_s))
        watch = DeviceWatch(
            device,
            poller,
            judging,
            self._outgoing,
            self._clock,
            host=self._host_clock,
            soon=lambda after_s: self._rhythm.soon(_job(device), after_s),
            sees_kicks=device.id in self._tapped,
        )
        if device.id in self._tapped:
            self._tapped[device.id].listen(watch.kicked, lambda: self._rhythm.soon(_job(device), 0.0))
        watch.restore(
            {prefix + device.id: self._spool.read_state(prefix + device.id) for prefix in (LONG, DRAWER)}
        )
        return watch

    def _poller(self, device: Device, profiles: Profiles, known: Identity | None) -> Poller:
        family = FAMILIES[device.family].on(address.product(device.port))
        good_at = last_good_at(self._spool.read_state(DEVICE + device.id))
        if device.sharing == "poll":
            return Poller(device, family, profiles, self._clock, known=known, last_good_at=good_at)
        from agent.devices.tapped import TappedPoller  # noqa: PLC0415 - few tills have a tap

        state_dir = self._config.agent.state_dir
        tapped = self._tapped[device.id] = TappedPoller(
            device, family, profiles, self._clock, state_dir, known=known, last_good_at=good_at
        )
        return tapped

    def _judging(self, subject: v1.Subject, rules: Mapping[str, Rule]) -> Judging:
        return Judging(subject, rules, self._spool, self._outgoing, self._clock)

    def _tick(self) -> None:
        if self._configuring:
            self._configuring.tick()
        try:
            if not self.anew:
                self._backups.tick()
        except (SpoolError, OSError):
            log.exception("a backup could not be started; the next try is in a moment")
        self._rhythm.check_clock()
        self._notify.alive()

    def _pause_s(self) -> float:
        return min(TICK_S, (self._notify.watchdog_s or TICK_S * 2) / 2)

    def _give_up(self, stuck: Stuck) -> int:
        """Nothing can be waited for: what is stuck may hold what the end needs. The next run tells the rest."""
        log.critical(
            "%s has not come back for %.0f s (its limit is %.0f s): the agent ends, to be started anew. It was in:\n%s",
            stuck.name, stuck.busy_s, stuck.limit_s, stuck.where or "a thread that is gone",
        )  # fmt: skip
        self._notify.stopping()
        folder, now = self._config.agent.state_dir, self._clock.now()
        deadline = Deadline(self._clock, END_S)
        deadline.does("last words", lambda: story.leave(folder, stuck.name, stuck.busy_s, now), END_S / 2)
        self._backups.stop(deadline.left_s(1.0))
        return 1

    def _end(self) -> int:
        anew = self.anew and not self._stop.is_set()
        if not anew:
            self._notify.stopping()
        deadline = Deadline(self._clock, ANEW_S if anew else END_S)
        failed = not self._thread.is_alive()
        self._commands.stop()
        self._sender.stop()
        if self._relay:
            self._relay.stop()
        quiet = self._rhythm.stop(deadline.left_s(20.0 if anew else 1.2))
        for poller in self._tapped.values():  # the taps go on
            poller.close()
        self._backups.stop(deadline.left_s(0.7))
        self._jobs.stop(deadline.left_s(0.7))
        self._thread.join(deadline.left_s(10.0 if anew else 0.7))
        if failed:
            return 1
        said = deadline.does("last words", lambda: self._last_words("configuration" if anew else "stopped"))
        return self._made_room(quiet and said) if anew else 0

    def _last_words(self, reason: str) -> None:
        self._outgoing.flush()
        story.end(self._spool, self._boot, self._clock.now(), reason)
        if self._configuring:
            self._configuring.end()
        for _ in range(_LAST_TURNS):
            if self._thread.is_alive() or self._sender.failing or not self._spool.pending().messages:
                return
            self._sender.turn()

    def _made_room(self, quiet: bool) -> int:
        """Another run may begin in this process only where nothing of this one is left."""
        if self._configuring is None or not quiet or self._thread.is_alive():
            log.warning("the process ends, to be started anew")
            return 1
        self._client.close()
        self._spool.close()
        return 0

    def _heard(self, receipt: v1.Receipt) -> None:
        """In the sender's thread, after each receipt."""
        self._runner.heard(receipt)
        self._certified.heard(self._client)
        if self._relay:
            self._relay.heard(self._client)

    def _reaches_collector(self) -> bool:
        """By this till's own way."""
        around = self._relay is not None and self._relay.connection.goes_around
        return self._client.offset is not None and not self._sender.failing and not around

    def _host_clock(self) -> HostClock | None:
        """None where the collector has not told the time lately, or the till's clock was set since."""
        measured = self._client.offset
        if measured is None:
            return None
        age_s = (self._clock.now() - measured.measured_at).total_seconds()
        if not -measured.uncertain_s - 1 <= age_s <= OFFSET_S:
            return None
        return HostClock(measured.seconds, measured.uncertain_s, self._config.host.clock_drift_s)

    def _offset(self) -> tuple[float, float] | None:
        measured = self._client.offset
        return (measured.seconds, measured.uncertain_s) if measured else None


def _job(device: Device) -> str:
    return f"device {device.id}"


def _ways(
    config: Config, identity: Terminal, spool: Spool, clock: Clock
) -> "tuple[SiteRelay | None, Connection]":
    if not (config.relay.use or config.relay.serve):
        return None, Connection(identity.collector, trust_only(identity.ca_file.read_text("ascii")))
    from agent.runtime.site_relay import SiteRelay  # noqa: PLC0415 - costs nothing where nobody wants it

    relay = SiteRelay(config.relay, identity, spool, clock)
    return relay, relay.connection


def _opening(config: Config) -> tuple[time, time] | None:
    hours = config.agent.open_from, config.agent.open_to
    return (hours[0], hours[1]) if hours[0] is not None and hours[1] is not None else None


def _caps(config: Config) -> Caps:
    queue = config.queue
    return Caps(
        bytes=queue.max_mb << 20,
        loose_age=timedelta(days=queue.figures_days),
        keep=timedelta(days=queue.keep_days),
    )


def _traffic(config: Config, spool: Spool) -> Traffic | None:
    if config.collector.monthly_mb is None:
        return None
    traffic = Traffic(config.collector.monthly_mb * 1_000_000)
    traffic.restore(spool.read_state(TRAFFIC))
    return traffic
