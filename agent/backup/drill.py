"""The proof: restore a snapshot into a scratch folder, let the engine check it, and compare every fact. The
copy is thrown away again."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from agent.backup.catalogue import Found
from agent.backup.engines import Engine, Facts, engine
from agent.backup.key import RecoverySecret
from agent.backup.repository import Repository
from agent.backup.restore import restore
from agent.backup.run import Progress
from agent.clock import Clock
from protocols.errors import IntegrityError


@dataclass(frozen=True, slots=True)
class DrillResult:
    """A failed drill is a result, not an exception: it has to be reported. `error` is "" where all is
    well."""

    snapshot: str
    source: str
    ok: bool
    started_at: datetime
    duration_s: float
    restored_bytes: int
    facts: Facts
    code: str = ""
    error: str = ""


def drill(
    found: Found,
    repository: Repository,
    secret: RecoverySecret,
    scratch: Path,
    *,
    clock: Clock,
    progress: Progress,
) -> DrillResult:
    """`scratch` needs room for the whole restored source. Errors of the repository that may pass, and a wrong
    recovery key, are raised: they prove nothing about the snapshot."""
    started_at, begun = clock.now(), clock.monotonic()
    facts: Facts = {}
    code = error = ""
    scratch.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=scratch, prefix="drill-"))
    try:
        restored = restore(found, repository, secret, folder / "restored", progress=progress)
        facts = verify(engine(found.header.engine), restored.path, restored.body.facts, folder / "check")
    except IntegrityError as e:
        code, error = e.code, str(e)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return DrillResult(
        snapshot=found.digest,
        source=found.header.source,
        ok=not error,
        started_at=started_at,
        duration_s=clock.monotonic() - begun,
        restored_bytes=found.header.source_bytes if not error else 0,
        facts=facts,
        code=code,
        error=error,
    )


def verify(by: Engine, restored: Path, recorded: Facts, scratch: Path) -> Facts:
    """The facts of the restored copy. IntegrityError names the ones that differ from those recorded at the
    backup."""
    scratch.mkdir(exist_ok=True)
    facts = by.verify(restored, scratch)
    differing = sorted(_differing(recorded, facts))
    if differing:
        listed = ", ".join(f"{name}: {recorded.get(name)} -> {facts.get(name)}" for name in differing[:5])
        raise IntegrityError(
            f"the restored copy has other contents than were counted: {listed}", code="backup.facts"
        )
    return facts


def _differing(recorded: Mapping[str, object], found: Mapping[str, object]) -> set[str]:
    missing = object()
    return {
        name
        for name in recorded.keys() | found.keys()
        if recorded.get(name, missing) != found.get(name, missing)
    }
