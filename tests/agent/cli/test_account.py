"""What an administrator does on the folder of the service is done as the service's account."""

import os
import pwd
import subprocess
import sys
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


def test_root_becomes_the_account_of_the_service(tmp_path: Path, nobody: pwd.struct_passwd) -> None:
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)
    own = tmp_path / "state"
    own.mkdir(mode=0o700)
    os.chown(own, nobody.pw_uid, nobody.pw_gid)
    assert writes(own) == (str(nobody.pw_uid), nobody.pw_uid)


def test_on_its_own_folder_root_stays_root(tmp_path: Path, nobody: pwd.struct_passwd) -> None:
    assert nobody.pw_uid
    assert writes(tmp_path) == ("0", 0)
