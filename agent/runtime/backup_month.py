"""What the resident agent knows of its backups beside running them: which of them wait for the next month's traffic,
and what of them goes along with reports. Starts nothing."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files

from agent.backup.demand import demanded
from agent.backup.progress import Going, progress_file, read_going
from agent.backup.traffic import Ledger, Use
from agent.clock import Clock
from agent.config import Backup, Config
from agent.spool import Json, Spool
from agent.uplink.report import Beside
from protocols.errors import ConfigError
from protocols.regime.sets import Regime, SetClass, filled, read
from protocols.wire import v1

FRESH = timedelta(minutes=1)
"""What has not been written for so long is of a backup that was killed."""
POSTPONED = "backup.postponed"
_TOLD = "backup_postponed."
_MB = 1_000_000
Tell = Callable[[v1.Fact, dict[str, Json]], None]


@cache
def regime(name: str) -> Regime:
    """ConfigError where none of that name is shipped."""
    shipped = files("protocols.regime") / "regimes" / f"{name}.toml"
    if not shipped.is_file():
        raise ConfigError("agent.toml", "agent.regime", f"{name!r} is not shipped", "lv")
    return read(shipped.read_text(encoding="utf-8"), f"{name}.toml")


def classes_of(config: Config, backup: Backup) -> tuple[SetClass, ...]:
    """ConfigError where a named one is not known."""
    known = regime(config.agent.regime)
    known.named(backup.classes)
    return filled(known, backup.engine, backup.classes)


def is_demanded(
    config: Config, backup: Backup, good: datetime | None, z_at: datetime | None, now: datetime
) -> bool:
    """Whether the law wants this backup now."""
    return demanded(classes_of(config, backup), [z_at] if z_at else None, good, now) is not None


def use_of(config: Config, now: datetime) -> Use | None:
    """None where nothing is limited."""
    limit = config.budget.backup_monthly_mb
    return Ledger(config.agent.state_dir).use(now, limit * _MB) if limit else None


def sends(backup: Backup) -> bool:
    """Does its repository lie behind a line?"""
    return backup.repository == "collector" or "://" in backup.repository


class Month:
    """Decides which backup waits, and tells so once a month for each."""

    def __init__(self, config: Config, spool: Spool, tell: Tell) -> None:
        self._config, self._spool, self._tell = config, spool, tell

    def holds(self, backup: Backup, good: datetime | None, z_at: datetime | None, now: datetime) -> bool:
        use = use_of(self._config, now.astimezone(UTC))
        if use is None or not use.near or not sends(backup):
            return False
        if is_demanded(self._config, backup, good, z_at, now):
            return False
        if self._spool.read_state(_TOLD + backup.name) != use.month:
            self._tell(postponed(backup.name, use, now.astimezone(UTC)), {_TOLD + backup.name: use.month})
        return True


def postponed(name: str, use: Use, at: datetime) -> v1.Fact:
    detail: v1.Detail = {"month": use.month, "used_bytes": use.used, "limit_bytes": use.limit}
    subject = v1.Subject(kind=v1.SubjectKind.BACKUP, id=name)
    return v1.Fact(seq=1, at=at, subject=subject, name=POSTPONED, detail=detail)


def going(config: Config, now: datetime, names: Iterable[str] | None = None) -> dict[str, Going]:
    """How far the backups are that run just now."""
    wanted = names if names is not None else [one.name for one in config.backups]
    found = {name: read_going(progress_file(config.agent.state_dir, name)) for name in wanted}
    return {name: one for name, one in found.items() if one and abs(now - one.at) < FRESH}


class Companion:
    """Asked by the sender for each report. Only what is news goes along."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self._config, self._clock = config, clock
        self._ran = True  # a run of this agent that was killed left the collector with an old word
        self._told: v1.BackupTraffic | None = None

    def __call__(self) -> Beside:
        if not self._config.backups:
            return Beside()
        now = self._clock.now()
        running = tuple(_under_way(name, one) for name, one in going(self._config, now).items())
        under_way = running if running or self._ran else None
        self._ran = bool(running)
        return Beside(under_way, self._traffic(now))

    def _traffic(self, now: datetime) -> v1.BackupTraffic | None:
        use = use_of(self._config, now)
        told = v1.BackupTraffic(month=use.month, used=use.used, limit=use.limit) if use else None
        if told == self._told:
            return None
        self._told = told
        return told


def _under_way(name: str, one: Going) -> v1.UnderWay:
    at = one.reading
    return v1.UnderWay(
        source=name, stage=at.stage, done=max(0, at.done), total=max(0, at.total),
        bytes_s=max(0.0, at.bytes_s), left_s=at.left_s, at=one.at,
    )  # fmt: skip
