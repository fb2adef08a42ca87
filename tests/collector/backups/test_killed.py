"""Killed with SIGKILL at any step, keeping house and an upload leave what was there or what is new, never between."""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from urllib3 import HTTPSConnectionPool

from agent.backup import pack
from agent.backup.engines import Cut
from agent.backup.repository.https import Access, HttpsRepository
from agent.backup.repository.local import LocalRepository
from agent.runtime.clock import SystemClock
from tests.agent.backup.plain import PlainFile
from tests.agent.backup.till import Till
from tests.collector import template
from tests.collector.served import ROOT, Served

PAGES = PlainFile(Cut.PAGES)
BEFORE, WITHIN, AFTER = "before the request", "within its body", "before its answer is read"

MEMORY = Path("/dev/shm")  # a kill loses nothing that was written, on whatever disk
"""A collector that keeps house asks the disk to be sure at each step, and a busy disk takes its time."""


@pytest.fixture
def home() -> Iterator[Path]:
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder) / "collector"


def pruned(home: Path, *more: str) -> dict[str, list[int]]:
    template.put(home)
    command = [sys.executable, "-m", "tests.collector.backups.prune_kills", str(home), *more]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_keeping_house_killed_at_any_step(home: Path) -> None:
    found = pruned(home)
    assert found["broken"] == []
    assert len(found["killed"]) > 20, "too few steps to prove anything"


def test_the_same_test_sees_a_collector_that_removes_packs_first(home: Path) -> None:
    assert pruned(home, "--careless")["broken"]


class Uploading:
    """A till that backs up to a real collector; a child of it is killed."""

    def __init__(self, root: Path, served: Served) -> None:
        enrolled = served.terminal()
        self.till = Till(root, terminal=enrolled.id, key=enrolled.key)
        self._access = Access(served.url, Path(served.authority), enrolled.id, enrolled.key)
        self._folder = served.home / "backups" / enrolled.id

    def write(self, number: int) -> bytes:
        content = random.Random(number).randbytes(600_000)
        self.till.database.write_bytes(content)
        return content

    def backup(self) -> None:
        with closing(HttpsRepository(self._access, SystemClock())) as repository:
            self.till.backup(repository, by=PAGES)

    def restored(self) -> bytes:
        target = self.till.root / "back"
        self.till.restore(target, repository=LocalRepository(self._folder), force=True)
        return target.read_bytes()

    def killed(self, number: int, when: str) -> int:
        """The signal that ended the child, 0 where it came to its end."""
        process = os.fork()
        if process == 0:
            status = 1
            try:
                _die(number, when)
                self.backup()
                status = 0
            finally:
                os._exit(status)
        _, status = os.waitpid(process, 0)
        assert status in (0, signal.SIGKILL)
        return status


def _die(number: int, when: str) -> None:
    """In the `number`th request of this process."""
    real, calls = HTTPSConnectionPool.urlopen, itertools.count(1)

    def urlopen(*given: object, **more: object) -> object:
        if next(calls) != number:
            return real(*given, **more)  # type: ignore[arg-type]
        if when == BEFORE:
            os.kill(os.getpid(), signal.SIGKILL)
        if when == WITHIN and more["body"]:
            more["body"] = _dying(more["body"])  # type: ignore[arg-type]
        real(*given, **more)  # type: ignore[arg-type]
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    HTTPSConnectionPool.urlopen = urlopen  # type: ignore[assignment, method-assign]


def _dying(body: Iterable[bytes]) -> Iterator[bytes]:
    """Its sender does not live to send it all."""
    yield next(iter(body))[:1000]
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("when", [BEFORE, WITHIN, AFTER])
def test_an_upload_killed_at_any_request(
    served: Served, tmp_path: Path, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "PACK_BYTES", 200_000)
    world = Uploading(tmp_path, served)
    old = world.write(0)
    world.backup()
    killed = 0
    for number in range(1, 40):
        new = world.write(number)
        ended = world.killed(number, when)
        assert world.restored() in ((new,) if ended == 0 else (old, new))
        if ended == 0:
            break
        killed += 1
        world.backup()
        assert world.restored() == new, "the next run ends it"
        old = new
    assert ended == 0
    assert killed >= 4


CARELESS = """
import sys
from collector import cli
from collector.backups.store import Store
Store._check_snapshot = lambda *_: None
sys.exit(cli.main())
"""


def test_the_same_test_sees_a_set_whose_packs_never_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two defences are off: an agent that takes a pack for stored before it was, and a collector that believes it."""
    from protocols.errors import PlombaError  # noqa: PLC0415

    real = HttpsRepository.put_new

    def early(self: HttpsRepository, name: str, data: bytes) -> None:
        if not name.startswith("packs/"):
            real(self, name, data)

    with Served(tmp_path / "collector", program=[sys.executable, "-c", CARELESS]) as served:
        world = Uploading(tmp_path, served)
        world.write(1)
        monkeypatch.setattr(HttpsRepository, "put_new", early)
        world.backup()
        with pytest.raises(PlombaError):
            world.restored()
