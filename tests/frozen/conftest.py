"""The frozen agent, built once for all tests of this folder (a quarter of a minute where the machine is free)."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import missing

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program."""
    if not shutil.which("objcopy"):
        missing("objcopy (binutils)")
    out = tmp_path_factory.mktemp("frozen")
    done = subprocess.run(
        [ROOT / "packaging/freeze", out], capture_output=True, text=True, check=False, timeout=500
    )
    assert done.returncode == 0, done.stderr
    return out / "plomba-agent" / "plomba-agent"
