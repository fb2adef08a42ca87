"""A power cut: the filesystem as the disk had it at one moment, without what was still on its way there. An
ext4 image is copied while the writer is stopped and mounted elsewhere; what `put` returned for must be in
the copy."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.agent.spool.test_kill import kept
from tests.conftest import missing

CUTS = int(os.environ.get("PLOMBA_CUTS", "4"))
PUTS = 40


@contextmanager
def mounted(image: Path, at: Path) -> Iterator[Path]:
    at.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop", image, at], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", at], check=True)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    if os.name != "posix" or os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        missing("a loop-mounted ext4 (root and e2fsprogs)")
    file = tmp_path / "disk.img"
    with file.open("wb") as f:
        f.truncate(24 << 20)
    subprocess.run(["mkfs.ext4", "-q", file], check=True)
    try:
        with mounted(file, tmp_path / "try"):
            pass
    except subprocess.CalledProcessError:
        missing("a loop-mounted ext4 (no loop device)")
    return file


def lost_at_a_cut(image: Path, folder: Path, *more: str) -> int:
    """How many messages that were said to be kept are not in what the disk had."""
    with mounted(image, folder / "till") as till:
        (till / "spool.db").unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.agent.spool.writer", str(till / "spool.db"), "0", *more]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout
            said = [int(process.stdout.readline()) for _ in range(PUTS)]
            process.send_signal(signal.SIGSTOP)
            shutil.copyfile(image, folder / "cut.img")
            process.kill()
    with mounted(folder / "cut.img", folder / "after") as after:
        there = set(kept(after / "spool.db")) if (after / "spool.db").exists() else set()
    return len(set(said) - there)


@pytest.mark.timeout(60 + 20 * CUTS)
def test_no_power_cut_loses_what_put_returned_for(image: Path, tmp_path: Path) -> None:
    assert [lost_at_a_cut(image, tmp_path) for _ in range(CUTS)] == [0] * CUTS


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_the_same_test_sees_the_loss_when_the_disk_is_not_asked_to_be_sure_at_each(
    image: Path, tmp_path: Path, synchronous: str
) -> None:
    assert any(lost_at_a_cut(image, tmp_path, f"--synchronous={synchronous}") for _ in range(3 * CUTS))
