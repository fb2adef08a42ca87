"""kill -9 of a process that puts: what `put` returned for is there. A killed process cannot show whether the
disk had it, for the system still writes what it was given; that `synchronous` is FULL is asserted
elsewhere."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent.runtime.clock import SystemClock
from agent.spool import Spool

KILLS = 20


def said_until_killed(path: Path, first: int, after: int, *more: str) -> list[int]:
    """The numbers that the writer said before it was killed, which is after so many of them were read."""
    command = [sys.executable, "-m", "tests.agent.spool.writer", str(path), str(first), *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(after)]
        process.kill()
        lines += process.stdout.read().splitlines()
    return [int(line) for line in lines if line.strip()]


def kept(path: Path) -> list[int]:
    with Spool(path, SystemClock()) as spool:
        rows = spool.next_batch(1_000_000, 1 << 40).rows
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        return [json.loads(row.body)["detail"]["number"] for row in rows]


def test_no_kill_loses_what_put_returned_for(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    said: list[int] = []
    for kill in range(KILLS):
        first = kept(path)[-1] + 1 if path.exists() else 0
        said += said_until_killed(path, first, 1 + kill * 3 % 17)
    numbers = kept(path)
    assert set(said) <= set(numbers)
    assert numbers == sorted(set(numbers))
    assert len(said) > KILLS


def test_the_same_test_sees_the_loss_of_a_writer_that_speaks_too_early(tmp_path: Path) -> None:
    for kill in range(3 * KILLS):
        path = tmp_path / f"spool{kill}.db"
        said = said_until_killed(path, 0, 1 + kill % 5, "--early")
        if not set(said) <= set(kept(path)):
            return
    pytest.fail("a writer that acknowledges before the commit lost nothing: the test above could not fail")
