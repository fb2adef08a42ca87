"""One suite over every repository: what is stored stays as it is, and what is not there is said so."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread

import pytest

from agent.backup.key import new_data_key
from agent.backup.repository import Repository
from agent.backup.repository.https import Access, HttpsRepository
from agent.backup.repository.local import LocalRepository
from agent.backup.repository.sftp import SftpRepository
from agent.runtime.clock import SystemClock
from protocols.errors import BackupError, IntegrityError, RepositoryRefused, RepositoryUnreachable
from protocols.wire.snapshot import object_path
from tests.agent.backup.openssh import Server, running
from tests.agent.backup.till import SECRET, Till, small_pack
from tests.collector.served import Served, free_port

pytestmark = pytest.mark.xdist_group("repositories")


@dataclass(frozen=True)
class Place:
    """`open` gives another handle on the same place, `away` one on a place that does not answer; `folder` is
    where the objects lie on the disk, for looking and for doing damage."""

    open: Callable[[], Repository]
    away: Callable[[], Repository]
    folder: Path
    till: Till


@pytest.fixture(scope="session")
def openssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("openssh")) as server:
        yield server


@pytest.fixture(scope="session")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("repository") / "collector") as running:
        yield running


def local(request: pytest.FixtureRequest, root: Path) -> Place:
    folder = root / "repository"
    folder.mkdir()
    return Place(
        open=lambda: LocalRepository(folder),
        away=lambda: LocalRepository(root / "not" / "plugged" / "in"),
        folder=folder,
        till=Till(root),
    )


def https(request: pytest.FixtureRequest, root: Path) -> Place:
    served: Served = request.getfixturevalue("collector")
    enrolled = served.terminal()
    opened: list[HttpsRepository] = []

    def connect(url: str) -> HttpsRepository:
        access = Access(url, Path(served.authority), enrolled.id, enrolled.key)
        opened.append(HttpsRepository(access, SystemClock()))
        return opened[-1]

    request.addfinalizer(lambda: [one.close() for one in opened])
    return Place(
        open=lambda: connect(served.url),
        away=lambda: connect(f"https://127.0.0.1:{free_port()}"),
        folder=served.home / "backups" / enrolled.id,
        till=Till(root, terminal=enrolled.id, key=enrolled.key),
    )


def sftp(request: pytest.FixtureRequest, root: Path) -> Place:
    server: Server = request.getfixturevalue("openssh")
    folder = root / "repository"
    folder.mkdir()
    opened: list[SftpRepository] = []

    def connect(port: int) -> SftpRepository:
        opened.append(SftpRepository(replace(server.access(folder), port=port)))
        return opened[-1]

    request.addfinalizer(lambda: [one.close() for one in opened])
    return Place(
        open=lambda: connect(server.port),
        away=lambda: connect(free_port()),
        folder=folder,
        till=Till(root),
    )


REPOSITORIES = {"local": local, "https": https, "sftp": sftp}


@pytest.fixture(params=list(REPOSITORIES))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return REPOSITORIES[request.param](request, tmp_path)


@pytest.fixture
def repository(place: Place) -> Repository:
    return place.open()


def pack(text: bytes = b"x") -> tuple[str, bytes]:
    """A true pack, as every repository must take it."""
    return small_pack(new_data_key("till", [SECRET.public]), text)


def test_what_is_put_can_be_read_and_is_listed(repository: Repository) -> None:
    assert list(repository.list("packs")) == []
    stored = dict(pack(text) for text in (b"one", b"two", b"three"))
    for name, data in stored.items():
        repository.put_new(name, data)
    for name, data in stored.items():
        assert repository.get(name) == data
        assert repository.stat(name).size == len(data)
    assert {info.name: info.size for info in repository.list("packs")} == {
        name: len(data) for name, data in stored.items()
    }
    assert list(repository.list("snapshots")) == []


def test_the_same_again_changes_nothing(place: Place, repository: Repository) -> None:
    name, data = pack()
    repository.put_new(name, data)
    before = (place.folder / object_path(name)).stat()
    repository.put_new(name, data)
    after = (place.folder / object_path(name)).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_other_bytes_under_a_name_are_never_taken(repository: Repository) -> None:
    name, data = pack()
    with pytest.raises(IntegrityError):
        repository.put_new(name, data[:-1])
    assert list(repository.list("packs")) == []
    repository.put_new(name, data)
    with pytest.raises(IntegrityError):
        repository.put_new(name, data + b"!")
    assert repository.get(name) == data


def test_a_damaged_object_is_neither_healed_nor_hidden(place: Place, repository: Repository) -> None:
    """Whoever put it must learn that it is damaged; writing over it would be a way to replace objects."""
    name, data = pack()
    repository.put_new(name, data)
    path = place.folder / object_path(name)
    path.write_bytes(data[:-1] + b"!")
    with pytest.raises(BackupError) as refused:
        repository.put_new(name, data)
    assert repository.is_permanent(refused.value)
    assert path.read_bytes() == data[:-1] + b"!"


def test_what_is_not_there_is_missing(repository: Repository) -> None:
    name, _ = pack()
    for ask in (repository.get, repository.stat):
        with pytest.raises(BackupError) as failed:
            ask(name)
        assert repository.is_missing(failed.value)
        assert repository.is_permanent(failed.value)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "packs",
        "packs/",
        "packs/../../etc/passwd",
        "packs/%2e%2e",
        "packs\\" + "a" * 64,
        "/packs/" + "a" * 64,
        "packs/" + "A" * 64,
        "packs/" + "a" * 63,
        "packs/" + "a" * 65,
        "packs/" + "a" * 64 + "\n",
        "other/" + "a" * 64,
    ],
)
def test_a_name_that_is_none_is_refused(repository: Repository, name: str) -> None:
    for call in (repository.get, repository.stat, lambda given: repository.put_new(given, b"x")):
        with pytest.raises(RepositoryRefused):
            call(name)


def test_an_unknown_kind_is_refused(repository: Repository) -> None:
    with pytest.raises(RepositoryRefused):
        list(repository.list("keys"))


def test_deleting_deletes_or_is_refused(repository: Repository) -> None:
    name, data = pack()
    repository.put_new(name, data)
    refusal = ""
    try:
        repository.delete(name)
    except RepositoryRefused as e:
        refusal = e.code
    left = [info.name for info in repository.list("packs")]
    assert (refusal, left) in (("", []), ("backup.append_only", [name]))


def test_unfinished_and_strange_files_are_not_listed(place: Place, repository: Repository) -> None:
    name, data = pack()
    repository.put_new(name, data)
    folder = (place.folder / object_path(name)).parent
    (folder / "Thumbs.db").write_bytes(b"x")
    (folder / f"{'a' * 64}.part").write_bytes(b"x")
    assert [info.name for info in repository.list("packs")] == [name]


def test_a_place_that_is_away_can_be_asked_again(place: Place) -> None:
    away = place.away()
    with pytest.raises(RepositoryUnreachable) as failed:
        list(away.list("packs"))
    assert not away.is_permanent(failed.value)
    assert not away.is_missing(failed.value)


def test_several_writers_of_the_same_object(place: Place, repository: Repository) -> None:
    name, data = pack(bytes(100_000))
    errors: list[Exception] = []

    def put() -> None:
        try:
            place.open().put_new(name, data)
        except BackupError as e:
            errors.append(e)

    threads = [Thread(target=put) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert repository.get(name) == data
    assert not list((place.folder / "incoming").iterdir())


def test_a_backup_goes_in_and_comes_out(place: Place, repository: Repository) -> None:
    till = place.till
    till.make_database(rows=9000, noise=1000, journal="delete")
    done = till.backup(repository)
    assert len(done.header.packs) >= 2
    till.restore(till.root / "back.db", repository=place.open())
    assert (till.root / "back.db").read_bytes() == till.database.read_bytes()
    assert till.drill(repository).ok


def test_its_folder_is_a_local_repository(place: Place, repository: Repository) -> None:
    """The collector's storage can be copied to any machine and restored there with the recovery key alone."""
    till = place.till
    till.make_database(journal="delete")
    till.backup(repository)
    till.restore(till.root / "back.db", repository=LocalRepository(place.folder))
    assert (till.root / "back.db").read_bytes() == till.database.read_bytes()


def test_damage_in_any_repository_is_noticed(place: Place, repository: Repository) -> None:
    till = place.till
    till.make_database()
    done = till.backup(repository)
    path = place.folder / object_path(f"packs/{done.header.packs[0].digest}")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    with pytest.raises(IntegrityError):
        till.restore(till.root / "back.db", repository=repository)
    assert not till.drill(repository).ok
