"""A computer with pretended devices (umockdev), for programs that look at the real one."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import missing

ROOT = Path(__file__).parents[3]
FOLDER = Path(__file__).parent / "udev"
EVERYTHING = tuple(sorted(path.stem for path in FOLDER.glob("*.umockdev")))

PUT_BEHIND = 'ln -sfn "$1" "$UMOCKDEV_DIR$2"; shift 2; exec "$@"'
"""For `sh -c`: behind a pretended port stands a pty, and what is written to the port arrives there. (Nothing
comes back: umockdev refuses to say how many bytes wait to be read.)"""


def run(
    command: Sequence[str], devices: Sequence[str] = EVERYTHING, behind: tuple[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The program with these devices. `behind`: a pty and the port that it stands behind. Skips where umockdev
    is not installed."""
    if not shutil.which("umockdev-run"):
        missing("umockdev")
    given = [part for name in devices for part in ("-d", str(FOLDER / f"{name}.umockdev"))]
    wrapped = ["sh", "-c", PUT_BEHIND, "sh", *behind, *command] if behind else list(command)
    return subprocess.run(
        ["umockdev-run", *given, "--", *wrapped],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ROOT,
    )


@pytest.fixture
def _needs_umockdev() -> None:
    if not shutil.which("umockdev-run"):
        missing("umockdev")
