"""Two agents never share one state folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from agent.runtime.alone import AlreadyRunning, alone

HOLD = """
import sys
from pathlib import Path
from agent.runtime.alone import alone
with alone(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_one_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout
        assert first.stdout.readline().strip() == b"held"
        with pytest.raises(AlreadyRunning, match="already"), alone(tmp_path):
            pass
        first.kill()
    with alone(tmp_path):
        pass


def test_two_folders_are_two_agents(tmp_path: Path) -> None:
    with alone(tmp_path / "a"), alone(tmp_path / "b"):
        pass
