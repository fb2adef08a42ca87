"""Two uploads at once share a line without standing still together: one body leaves after the other, the next while
the answer to the last is on its way."""

import secrets
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier, BrokenBarrierError, Lock, get_ident

import pytest

from agent.backup.key import new_data_key
from agent.backup.repository import https
from agent.backup.repository.https import Access, HttpsRepository
from agent.runtime.clock import SystemClock
from protocols.errors import RepositoryUnreachable
from tests.agent.backup.till import SECRET, small_pack
from tests.collector.served import Served


class Watching:
    """Writes down whose slice goes; a first slice waits a moment for one of another body."""

    def __init__(self) -> None:
        self.order: list[int] = []
        self._lock, self._both = Lock(), Barrier(2)

    def spend(self, count: int) -> None:
        with self._lock:
            first = get_ident() not in self.order
            self.order.append(get_ident())
        if first:
            try:
                self._both.wait(0.3)
            except BrokenBarrierError:
                return

    @property
    def changes(self) -> int:
        return sum(one != other for one, other in zip(self.order, self.order[1:], strict=False))


class Apart:
    """No turns: the control."""

    def __init__(self, lock: Lock) -> None: ...

    def end(self) -> None: ...


def packs() -> list[tuple[str, bytes]]:
    key = new_data_key("till", [SECRET.public])
    return [small_pack(key, *(secrets.token_bytes(256 << 10) for _ in range(5))) for _ in range(2)]


@pytest.fixture
def meter() -> Watching:
    return Watching()


@pytest.fixture
def repository(served: Served, meter: Watching) -> Iterator[HttpsRepository]:
    till = served.terminal()
    access = Access(served.url, Path(served.authority), till.id, till.key)
    with closing(HttpsRepository(access, SystemClock(), meter)) as opened:
        yield opened


@pytest.mark.parametrize("turns", [True, False])
def test_one_body_leaves_after_the_other(
    repository: HttpsRepository, meter: Watching, monkeypatch: pytest.MonkeyPatch, *, turns: bool
) -> None:
    if not turns:
        monkeypatch.setattr(https, "_Turn", Apart)
    stored = packs()
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(repository.put_new, name, data) for name, data in stored]:
            done.result()
    assert {info.name for info in repository.list("packs")} == {name for name, _ in stored}
    assert (meter.changes == 1) == turns


def test_a_body_that_breaks_off_leaves_the_line_to_the_next(served: Served) -> None:
    till = served.terminal()
    with socket.create_server(("127.0.0.1", 0)) as deaf, ThreadPoolExecutor(1) as pool:
        far = f"https://127.0.0.1:{deaf.getsockname()[1]}"
        hung_up = pool.submit(lambda: [deaf.accept()[0].close() for _ in range(2)])
        with closing(
            HttpsRepository(Access(far, Path(served.authority), till.id, till.key), SystemClock())
        ) as broken:
            errors = []
            for name, data in packs():
                with pytest.raises(RepositoryUnreachable) as error:
                    broken.put_new(name, data)
                errors.append(error)  # kept, with all that hangs on it
            assert not broken._sending.locked()
        hung_up.result()
