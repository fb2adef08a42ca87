"""What an administrator does on the folder of the service is done as the service's account."""

import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import missing

PROGRAM = """
import os, sys
from pathlib import Path
from agent.cli.account import as_owner_of
folder = Path(sys.argv[1])
as_owner_of(folder)
(folder / "file").write_text("x")
print(os.getuid(), os.getgid(), len(os.getgroups()))
"""


@pytest.fixture
def nobody() -> pwd.struct_passwd:
    if os.geteuid():
        missing("the right to change accounts (root)")
    return pwd.getpwnam("nobody")


def writes(folder: Path) -> tuple[str, int]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.split()[0], (folder / "file").stat().st_uid


@pytest.fixture
def reachable() -> Iterator[Path]:
    """For every account, unlike pytest's own folders."""
    with tempfile.TemporaryDirectory(prefix="plomba-account-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_root_becomes_the_account_of_the_service(reachable: Path, nobody: pwd.struct_passwd) -> None:
    own = reachable / "state"
    own.mkdir(mode=0o700)
    os.chown(own, nobody.pw_uid, nobody.pw_gid)
    assert writes(own) == (str(nobody.pw_uid), nobody.pw_uid)


def test_on_its_own_folder_root_stays_root(reachable: Path, nobody: pwd.struct_passwd) -> None:
    assert nobody.pw_uid
    assert writes(reachable) == ("0", 0)
