"""A full disk ends a backup with its reason, and takes nothing with it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.backup.repository.local import LocalRepository
from protocols.errors import BackupError, SnapshotFailed
from tests.agent.backup.till import Till
from tests.conftest import missing


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = os.name == "posix" and os.geteuid() == 0
    if mounted:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], check=False, capture_output=True
        )
        mounted = done.returncode == 0
    if not mounted:
        missing("a small disk (mount needs root)")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_repository(till: Till, small: Path) -> None:
    till.make_database(rows=2000, journal="delete", noise=1000)
    repository = LocalRepository(small)
    till.backup(repository)
    before = till.database.read_bytes()
    till.add(20_000, noise=1000)
    with pytest.raises(BackupError) as failed:
        till.backup(repository)
    assert failed.value.code == "backup.repository_full"
    till.restore(till.root / "back.db", repository=repository)
    assert (till.root / "back.db").read_bytes() == before
    assert not list((small / "incoming").iterdir())


def test_no_room_for_the_copy(till: Till, small: Path) -> None:
    till.make_database(rows=20_000, journal="delete", noise=1000)
    (till.root / "state").symlink_to(small)
    with pytest.raises(SnapshotFailed) as failed:
        till.backup()
    assert failed.value.code == "backup.staging"
    assert not till.objects()
    assert not list((small / "staging").iterdir())


def test_no_room_to_restore(till: Till, small: Path) -> None:
    till.make_database(rows=20_000, journal="delete", noise=1000)
    till.backup()
    with pytest.raises(BackupError) as failed:
        till.restore(small / "back.db")
    assert failed.value.code == "backup.target"
    assert not list(small.iterdir())
