"""An empty database that has all migrations, made once for all tests of a machine: each collector that a test starts
begins with a copy, and `init` finds nothing left to do. How `init` does it itself is tried in tests/collector/cli."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "collector.sqlite3"


def put(home: Path) -> None:
    """Into the home folder of a collector on SQLite that was not initialised yet."""
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_template(), home / NAME)


@cache
def _template() -> Path:
    """Of just these migrations, and of what they read."""
    made = Path(tempfile.gettempdir()) / f"plomba-template-{_digest()[:20]}.sqlite3"
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            with tempfile.TemporaryDirectory() as folder:
                program = [sys.executable, "-m", "collector.cli", "--home", folder, "init", "--no-manager"]
                subprocess.run(program, cwd=ROOT, check=True, capture_output=True)
                part = made.with_suffix(".part")
                shutil.copyfile(Path(folder) / NAME, part)
                part.rename(made)
    return made


def _digest() -> str:
    found = hashlib.sha256(sys.version.encode())
    for folder in sorted((ROOT / "collector").iterdir()):
        if folder.is_dir():
            _add(found, folder)
    return found.hexdigest()


def _add(found: "hashlib._Hash", folder: Path) -> None:
    for file in sorted(folder.rglob("*")):
        if file.suffix in {".py", ".toml", ".md"} and file.is_file():
            found.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
