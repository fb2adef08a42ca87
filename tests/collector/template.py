"""Empty databases that have all migrations, made once for all tests of a machine: making one takes seconds of CPU,
copying it none. `put` for collectors on SQLite that a test starts, whose `init` then finds nothing left to do; `bare`
without what `init` fills in; `cluster` for PostgreSQL. How `init` does it itself is tried in tests/collector/cli."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from collector.core import clock

if TYPE_CHECKING:
    from tests.conftest import Postgresql

ROOT = Path(__file__).resolve().parents[2]
NAME = "collector.sqlite3"
DATABASE = "migrated"
"""In the cluster."""
KEPT_S = 7 * 86_400


def put(home: Path) -> None:
    """Into the home folder of a collector on SQLite that was not initialised yet."""
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_initialised(), home / NAME)


def _initialised() -> Path:
    return _once("initialised.sqlite3", _initialise)


def bare() -> Path:
    return _once("bare.sqlite3", _migrate)


def cluster(server: "type[Postgresql]", binaries: Path) -> Path:
    """The folder of a PostgreSQL server that is not running, with a migrated database in it."""

    def make(folder: Path) -> Path:
        running = server(binaries)
        try:
            (folder / "collector.toml").write_text(f'database = "{running.create(DATABASE)}"\n')
            _run(folder, "django", "migrate", "--verbosity", "0")
        finally:
            running.stop(keep=folder / "data")
        return folder / "data"

    return _once(f"cluster-{binaries.parent.name}", make)


def _initialise(folder: Path) -> Path:
    shutil.copyfile(bare(), folder / NAME)
    _run(folder, "collector.cli", "init", "--no-manager")
    return folder / NAME


def _migrate(folder: Path) -> Path:
    _run(folder, "django", "migrate", "--verbosity", "0")
    return folder / NAME


def _run(home: Path, *module: str) -> None:
    given = {"PLOMBA_COLLECTOR_HOME": str(home), "DJANGO_SETTINGS_MODULE": "collector.settings"}
    done = subprocess.run(
        [sys.executable, "-m", *module],
        cwd=ROOT,
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _once(name: str, make: Callable[[Path], Path]) -> Path:
    """What `make` leaves, of just this code of the collector. `make` is given a folder for itself."""
    made = Path(tempfile.gettempdir()) / f"plomba-template-{_digest()}-{name}"
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _forget_old()
            with tempfile.TemporaryDirectory() as folder:
                part = made.with_suffix(".part")
                shutil.move(make(Path(folder)), part)
                part.rename(made)
    return made


def _forget_old() -> None:
    """Those of a week ago; each change of the collector makes new ones."""
    for path in Path(tempfile.gettempdir()).glob("plomba-template-*"):
        if path.stat().st_mtime > clock.now().timestamp() - KEPT_S:
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _digest() -> str:
    """Of the migrations, and of all that they and `init` read: anew each time, since people work on it while tests
    run."""
    found = hashlib.sha256(sys.version.encode())
    for folder in sorted((ROOT / "collector").iterdir()):
        if folder.is_dir():
            _add(found, folder)
    return found.hexdigest()[:20]


def _add(found: "hashlib._Hash", folder: Path) -> None:
    for file in sorted(folder.rglob("*")):
        if file.suffix in {".py", ".toml", ".md"} and file.is_file():
            found.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
