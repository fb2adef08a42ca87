"""An upload over a line that breaks goes on where it was, and is judged as a whole at its end."""

import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from threading import Event

import pytest

from agent.backup.key import new_data_key
from agent.backup.repository.https import PART_BYTES, Access, HttpsRepository
from agent.backup.repository.retrying import Retrying
from agent.runtime.clock import SystemClock
from protocols.errors import IntegrityError, RepositoryRefused, RepositoryUnreachable
from tests.agent.backup.till import SECRET, small_pack
from tests.collector.served import Served, Till


class Impatient(SystemClock):
    def wait(self, event: Event, timeout_s: float) -> bool:
        return event.is_set()


@pytest.fixture
def enrolled(served: Served) -> Till:
    return served.terminal()


@pytest.fixture
def repository(served: Served, enrolled: Till) -> Iterator[HttpsRepository]:
    with closing(connect(served, enrolled, served.url)) as opened:
        yield opened


def connect(served: Served, enrolled: Till, url: str) -> HttpsRepository:
    return HttpsRepository(Access(url, Path(served.authority), enrolled.id, enrolled.key), SystemClock())


def pack() -> tuple[str, bytes]:
    return small_pack(
        new_data_key("till", [SECRET.public]), *(secrets.token_bytes(256 << 10) for _ in range(5))
    )


class Line:
    """Cuts each connection after so many bytes to the collector, as often as is told; counts what went in all."""

    def __init__(self, url: str, after: int, cuts: int) -> None:
        host, _, port = url.removeprefix("https://").partition(":")
        self._far, self.after, self.cuts, self.sent = (host, int(port)), after, cuts, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._far)
                threading.Thread(target=self._up, args=(near, far), daemon=True).start()
                threading.Thread(target=self._down, args=(far, near), daemon=True).start()

    def _up(self, near: socket.socket, far: socket.socket) -> None:
        left = self.after
        with suppress(OSError), near, far:
            while data := near.recv(16_384):
                left -= len(data)
                if left < 0 and self.cuts:
                    self.cuts -= 1
                    near.shutdown(socket.SHUT_RDWR)
                    return
                self.sent += len(data)
                far.sendall(data)

    def _down(self, far: socket.socket, near: socket.socket) -> None:
        with suppress(OSError):
            while data := far.recv(16_384):
                near.sendall(data)

    def close(self) -> None:
        self._listener.close()


def test_over_a_line_that_breaks_again_and_again_it_still_gets_there(served: Served, enrolled: Till) -> None:
    """The line never carries more than half an object at once: whole objects would never arrive."""
    name, data = pack()
    line = Line(served.url, len(data) // 2, cuts=4)
    with closing(line), closing(connect(served, enrolled, line.url)) as far:
        Retrying(far, Impatient(), Event(), waits_s=(0.0,) * 12).put_new(name, data)
        assert far.get(name) == data
    assert line.sent < len(data) * 2.5
    assert not list((served.home / "backups" / enrolled.id / "incoming").iterdir())


def test_control_without_slices_it_never_does(served: Served, enrolled: Till) -> None:
    name, data = pack()
    line = Line(served.url, len(data) // 2, cuts=1000)
    with closing(line), closing(connect(served, enrolled, line.url)) as far:
        for _ in range(5):
            far._broken.clear()
            with pytest.raises(RepositoryUnreachable):
                far.put_new(name, data)


def test_a_slice_out_of_turn_is_refused_and_what_came_stays(repository: HttpsRepository) -> None:
    name, data = pack()
    put = f"parts/{name}/{{}}/{len(data)}".format
    repository._ask("PUT", put(0), data[:PART_BYTES])
    for offset in (0, PART_BYTES - 1, PART_BYTES + 1):
        with pytest.raises(RepositoryRefused) as refused:
            repository._ask("PUT", put(offset), data[offset : offset + 10])
        assert refused.value.code == "backup.part_offset"
    repository._broken.add(name)
    repository.put_new(name, data)
    assert repository.get(name) == data


def test_slices_that_do_not_make_the_object_are_thrown_away(repository: HttpsRepository) -> None:
    name, data = pack()
    repository._ask("PUT", f"parts/{name}/0/{len(data)}", b"rubbish")
    repository._broken.add(name)
    with pytest.raises(IntegrityError):
        repository.put_new(name, data)
    repository._broken.add(name)
    repository.put_new(name, data)
    assert repository.get(name) == data


@pytest.mark.parametrize(
    "tail",
    [
        "parts/packs/x/0/10",
        "parts/keys/{}/0/10",
        "parts/packs/{}/a/10",
        "parts/packs/{}/0",
        "parts/../{}/0/1",
    ],
)
def test_a_name_that_is_none(repository: HttpsRepository, tail: str) -> None:
    with pytest.raises(RepositoryRefused):
        repository._ask("PUT", tail.format("a" * 64), b"x")


def test_no_slice_makes_an_object_too_large(repository: HttpsRepository) -> None:
    with pytest.raises(RepositoryRefused):
        repository._ask("PUT", f"parts/packs/{'a' * 64}/0/{1 << 30}", b"x")
    with pytest.raises(RepositoryRefused):
        repository._ask("PUT", f"parts/packs/{'a' * 64}/0/1", b"xx")
