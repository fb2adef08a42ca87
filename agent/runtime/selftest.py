"""Whether this agent can do its work on this computer: what it stands on is tried, one thing at a time. It opens no
device and asks no collector."""

import hashlib
import os
import sys
import tempfile
import zoneinfo
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from agent.clock import Clock
from agent.config import Config, load
from agent.spool import FILE, Spool
from agent.uplink import identity
from protocols.errors import PlombaError

_BUILT = datetime(2026, 11, 1, tzinfo=UTC)
_BACK_S = 86400.0


@dataclass(frozen=True, slots=True)
class Check:
    """`ok` is None where there is nothing to check yet; `detail` says what was found, or what to do."""

    name: str
    ok: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class SelfTest:
    """`registries`: what each lists, in its order."""

    checks: tuple[Check, ...]
    registries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return all(check.ok is not False for check in self.checks)


def look(config_file: Path, clock: Clock) -> SelfTest:
    """Everything that can be tried is tried, whatever failed before it."""
    registries = registered()
    checks = [Check(f"registry {name}", bool(names), ", ".join(names)) for name, names in registries.items()]
    try:
        config = load(config_file)
    except PlombaError as e:
        checks.append(Check("configuration", False, str(e)))
        missing = [Check(name, None, "needs the configuration") for name in ("state folder", "spool", "key")]
        return SelfTest((*checks, *missing, *_everywhere(clock)), registries)
    devices = f"{len(config.devices)} devices, {len(config.backups)} backups"
    checks.append(Check("configuration", True, f"{config_file}: {devices}"))
    return SelfTest((*checks, *_places(config, clock), *_everywhere(clock)), registries)


def _places(config: Config, clock: Clock) -> list[Check]:
    folder = config.agent.state_dir
    was_there = folder.exists()
    checks = [
        _tried("state folder", lambda: _writable(folder)),
        _tried("spool", lambda: _spool(folder, clock)),
        _key(folder),
        _tried("clock and files", lambda: _not_back(folder, clock)),
    ]
    if not was_there:
        with suppress(OSError):
            folder.rmdir()
    return checks


def _everywhere(clock: Clock) -> list[Check]:
    return [
        _tried("profiles", _profiles),
        _tried("ports", _ports),
        _tried("libraries", _libraries),
        _tried("clock", lambda: _sane(clock)),
    ]


def _tried(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except Exception as e:  # noqa: BLE001 - whatever goes wrong is what a self-test is to find
        return Check(name, False, f"{type(e).__name__}: {e}")


def registered() -> dict[str, tuple[str, ...]]:
    """Of every registry that is written by hand, the names in it."""
    from agent.backup.engines import ENGINES, engine  # noqa: PLC0415 - the resident agent needs none of these
    from agent.backup.repository.registry import REPOSITORIES  # noqa: PLC0415
    from agent.jobs.registry import WORKS  # noqa: PLC0415
    from protocols.device.registry import FAMILIES  # noqa: PLC0415

    return {
        "families": tuple(FAMILIES),
        "engines": tuple(engine(name).name for name in ENGINES),
        "repositories": tuple(REPOSITORIES),
        "jobs": tuple(job.value for job in WORKS),
        "probes": _probes(),
    }


def _probes() -> tuple[str, ...]:
    """Of this kind of computer, with everything named that a configuration may name."""
    from agent.config.model import Host  # noqa: PLC0415 - see registered
    from agent.system.registry import Around, probes  # noqa: PLC0415

    host = Host(services=("a",), pos_process="a", pos_programs=(Path("a"),))
    around = Around(Path(), lambda: _BUILT, lambda: None)
    return tuple(probe.name for probe in probes(host, around))


def _writable(folder: Path) -> str:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix="selftest-") as trial:
        trial.write(b"written\n")
        trial.flush()
        os.fsync(trial.fileno())
    return str(folder)


def _spool(folder: Path, clock: Clock) -> str:
    """The one that is there, else one on trial."""
    if (folder / FILE).exists():
        with Spool(folder / FILE, clock) as spool:
            return f"{spool.pending().messages} messages wait"
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix="selftest-") as trial,
        Spool(Path(trial) / FILE, clock),
    ):
        return "none yet; one could be made"


def _key(folder: Path) -> Check:
    if not (folder / identity.IDENTITY_FILE).exists():
        return Check("key", None, "this till is not enrolled yet: plomba-agent enrol")
    return _tried("key", lambda: f"terminal {identity.load(folder).terminal}")


def _not_back(folder: Path, clock: Clock) -> str:
    """A clock that stands before what was written earlier was set back."""
    newest = max((path.stat().st_mtime for path in folder.glob("*.db")), default=0.0)
    if newest - clock.now().timestamp() > _BACK_S:
        raise ValueError("the clock stands before the day on which the queue was last written")
    return "the clock does not stand before what was written"


def _profiles() -> str:
    from agent.devices import profile_store  # noqa: PLC0415 - see registered

    models = {family: len(profiles.known) for family, profiles in profile_store.load().items()}
    return f"{sum(models.values())} models of {sum(map(bool, models.values()))} families"


def _ports() -> str:
    from agent.ports import discovery  # noqa: PLC0415 - see registered

    found = [sighting.name for sighting in discovery.look()]
    return f"{len(found)} seen" + (f": {', '.join(found[:8])}" if found else "")


def _libraries() -> str:
    """Each does its own work once: a frozen agent may lack a part that is loaded late."""
    import ssl  # noqa: PLC0415 - see registered

    import blake3  # noqa: PLC0415
    import psutil  # noqa: PLC0415
    import zstandard  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    text = hashlib.sha256(b"plomba").digest()
    key = Ed25519PrivateKey.generate()
    key.public_key().verify(key.sign(text), text)
    if zstandard.decompress(zstandard.compress(text)) != text or len(blake3.blake3(text).digest()) != 32:
        raise ValueError("compression or hashing does not give back what it should")
    psutil.Process().memory_info()
    zone = zoneinfo.ZoneInfo("Europe/Riga")
    return f"Python {sys.version.split()[0]}, {ssl.OPENSSL_VERSION}, {zone.key}"


def _sane(clock: Clock) -> str:
    """Later than this program was written, and not so late that certificates would long be over."""
    now, before_s = clock.now(), clock.monotonic()
    if not _BUILT <= now <= _BUILT.replace(year=_BUILT.year + 30):
        raise ValueError(f"{now.isoformat()} cannot be: set the clock of this computer")
    if clock.monotonic() < before_s:
        raise ValueError("the steady clock goes back")
    return now.isoformat(timespec="seconds")
