"""What an SSH server may do to a backup: show another key, refuse the account, break off in the middle, hold the rest
of an upload that is not ours."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from threading import Event

import paramiko
import pytest

from agent.backup.engines import Cut
from agent.backup.key import new_data_key
from agent.backup.repository.local import LocalRepository
from agent.backup.repository.retrying import Retrying
from agent.backup.repository.sftp import CIPHERS, SftpRepository, parse_address
from agent.runtime.clock import SystemClock
from protocols.errors import BackupError, ConfigError, RepositoryRefused, RepositoryUnreachable
from tests.agent.backup.openssh import Server, running
from tests.agent.backup.plain import PlainFile
from tests.agent.backup.till import SECRET, Till, small_pack

PAGES = PlainFile(Cut.PAGES)


@pytest.fixture(scope="module")
def openssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("openssh")) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "repository"
    made.mkdir()
    return made


def big_pack() -> tuple[str, bytes]:
    return small_pack(new_data_key("till", [SECRET.public]), *(os.urandom(256 << 10) for _ in range(6)))


def test_the_line_is_fast_and_the_cipher_is_the_cheap_one(openssh: Server, folder: Path) -> None:
    with closing(SftpRepository(openssh.access(folder))) as repository:
        name, data = big_pack()
        repository.put_new(name, data)
        transport = repository._transport
        assert transport is not None
        assert transport.local_cipher == CIPHERS[0]
        assert transport.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)  # type: ignore[attr-defined]
        assert repository.get(name) == data


def test_another_servers_key_is_not_believed(openssh: Server, folder: Path) -> None:
    other = paramiko.RSAKey.generate(2048)
    for key in (f"ssh-ed25519 {'A' * 68}", f"{other.get_name()} {other.get_base64()}"):
        repository = SftpRepository(replace(openssh.access(folder), host_key=key))
        with closing(repository), pytest.raises((RepositoryRefused, RepositoryUnreachable)):
            repository.put_new(*big_pack())
    assert not list(folder.iterdir())


def test_an_account_that_is_not_let_in_is_told_so(openssh: Server, folder: Path, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    paramiko.RSAKey.generate(2048).write_private_key_file(str(stranger))
    with closing(SftpRepository(replace(openssh.access(folder), key_file=stranger))) as repository:
        with pytest.raises(RepositoryRefused) as refused:
            list(repository.list("packs"))
        assert refused.value.code == "backup.denied"
        assert repository.is_permanent(refused.value)
    with pytest.raises(ConfigError):
        SftpRepository(replace(openssh.access(folder), key_file=tmp_path / "none")).put_new(*big_pack())


def test_a_folder_that_is_not_there_is_not_made(openssh: Server, tmp_path: Path) -> None:
    with (
        closing(SftpRepository(openssh.access(tmp_path / "not" / "mounted"))) as repository,
        pytest.raises(RepositoryUnreachable),
    ):
        repository.put_new(*big_pack())
    assert not (tmp_path / "not").exists()


@pytest.mark.parametrize(
    "address",
    [
        "sftp://host/x",
        "sftp://me@host",
        "sftp://me@host/",
        "sftp://me:word@host/x",
        "sftp://me@host:no/x",
        "http://me@host/x",
    ],
)
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(ConfigError):
        parse_address(address, Path("key"), "ssh-ed25519 AAAA")


def test_addresses() -> None:
    with pytest.raises(ConfigError, match="sftp_key"):
        parse_address("sftp://me@host/x", None, "ssh-ed25519 AAAA")
    with pytest.raises(ConfigError, match="sftp_host_key"):
        parse_address("sftp://me@host/x", Path("key"), "")
    far = parse_address("sftp://me@host:2222/srv/backups", Path("key"), "ssh-ed25519 AAAA")
    assert (far.host, far.port, far.user, far.folder) == ("host", 2222, "me", "/srv/backups")
    assert parse_address("sftp://me@host/~/b", Path("key"), "ssh-ed25519 AAAA").folder == "b"


class Cutting:
    """Sits on the line, and cuts it after so many bytes have gone to the server; once."""

    def __init__(self, port: int, after: int) -> None:
        self._server, self.left, self.cuts = port, after, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._server))
                for one, two, counts in ((near, far, True), (far, near, False)):
                    threading.Thread(target=self._carry, args=(one, two, counts), daemon=True).start()

    def _carry(self, one: socket.socket, two: socket.socket, counts: bool) -> None:
        with suppress(OSError), one, two:
            while data := one.recv(16_384):
                if counts and not self.cuts:
                    self.left -= len(data)
                    if self.left < 0:
                        self.cuts += 1
                        two.shutdown(socket.SHUT_RDWR)
                        return
                two.sendall(data)

    def close(self) -> None:
        self._listener.close()


class Impatient(SystemClock):
    def wait(self, event: Event, timeout_s: float) -> bool:
        return event.is_set()


@pytest.mark.parametrize("after", [1_000, 300_000, 1_200_000])
def test_a_cut_line_and_the_upload_goes_on_where_it_broke(openssh: Server, folder: Path, after: int) -> None:
    line = Cutting(openssh.port, after)
    far = SftpRepository(replace(openssh.access(folder), port=line.port))
    with closing(line), closing(far):
        name, data = big_pack()
        Retrying(far, Impatient(), Event()).put_new(name, data)
        assert line.cuts == 1
        assert LocalRepository(folder).get(name) == data
        assert not list((folder / "incoming").iterdir())


def test_control_without_another_try_the_cut_is_an_error(openssh: Server, folder: Path) -> None:
    line = Cutting(openssh.port, 300_000)
    far = SftpRepository(replace(openssh.access(folder), port=line.port))
    with closing(line), closing(far), pytest.raises(RepositoryUnreachable):
        far.put_new(*big_pack())


def test_what_is_left_of_somebody_elses_upload_is_not_taken_for_ours(openssh: Server, folder: Path) -> None:
    with closing(SftpRepository(openssh.access(folder))) as repository:
        name, data = big_pack()
        part = folder / "incoming" / f"{name.partition('/')[2]}.{repository._own}.part"
        part.parent.mkdir()
        part.write_bytes(bytes(100_000))
        with pytest.raises(RepositoryUnreachable):
            repository.put_new(name, data)
        repository.put_new(name, data)
        assert repository.get(name) == data


STEPS: dict[str, Callable[[], tuple[object, str]]] = {
    "before the pack is written": lambda: (SftpRepository, "_write"),
    "in the pack": lambda: (SftpRepository, "_flush"),
    "before it gets its name": lambda: (SftpRepository, "_name"),
    "before its size is looked at": lambda: (SftpRepository, "_make"),
}


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_of_an_upload(openssh: Server, till: Till, step: str, nth: int) -> None:
    """The server then has the old state or the new one, and the next run does not mind."""
    till.database.write_bytes(os.urandom(300_000))
    till.folder.mkdir()
    access = openssh.access(till.folder)
    with closing(SftpRepository(access)) as repository:
        till.backup(repository, by=PAGES)
    old = till.database.read_bytes()
    new = b"!" + old[1:]
    till.database.write_bytes(new)
    ended = killed_child(till, access, *STEPS[step](), nth)
    till.restore(till.root / "back", force=True)
    assert (till.root / "back").read_bytes() in ((new,) if ended == 0 else (old, new))
    with closing(SftpRepository(access)) as repository:
        till.backup(repository, by=PAGES)
    till.restore(till.root / "back", force=True)
    assert (till.root / "back").read_bytes() == new


def killed_child(till: Till, access: object, owner: object, name: str, nth: int) -> int:
    process = os.fork()
    if process == 0:
        status = 1
        try:
            real, calls = getattr(owner, name), [0]

            def dying(*args: object) -> object:
                calls[0] += 1
                if calls[0] == nth:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*args)

            setattr(owner, name, dying)
            till.backup(SftpRepository(access), by=PAGES)  # type: ignore[arg-type]
            status = 0
        except BackupError:
            status = 2
        finally:
            os._exit(status)
    _, status = os.waitpid(process, 0)
    assert status in (0, signal.SIGKILL)
    return status
