"""The door for backup objects at a running collector: a till adds and reads its own, and can do nothing
else."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import certifi
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.backup.repository.https import Access, HttpsRepository
from agent.backup.repository.retrying import Retrying
from agent.runtime.clock import SystemClock
from protocols.errors import ConfigError, RepositoryRefused, RepositoryUnreachable
from protocols.wire import signing, snapshot
from protocols.wire.v1 import PATH_OBJECTS
from tests.agent.backup.till import Till as Backed
from tests.collector.served import Served, Till


class Ahead(SystemClock):
    """A till whose clock is wrong by an hour."""

    def now(self) -> datetime:
        return super().now() + timedelta(hours=1)


@pytest.fixture
def enrolled(served: Served) -> Till:
    return served.terminal()


@pytest.fixture
def repository(served: Served, enrolled: Till) -> Iterator[HttpsRepository]:
    opened = connect(served, enrolled)
    yield opened
    opened.close()


@pytest.fixture
def backed(tmp_path: Path, enrolled: Till) -> Backed:
    till = Backed(tmp_path, terminal=enrolled.id, key=enrolled.key)
    till.make_database()
    return till


def connect(served: Served, enrolled: Till, clock: SystemClock | None = None) -> HttpsRepository:
    access = Access(served.url, Path(served.authority), enrolled.id, enrolled.key)
    return HttpsRepository(access, clock or SystemClock())


def ask(enrolled: Till, method: str, tail: str, body: bytes = b"") -> requests.Response:
    path = f"{PATH_OBJECTS}/{tail}"
    created, nonce = int(SystemClock().now().timestamp()), secrets.token_hex(8)
    headers = signing.sign(enrolled.key, method, path, body, keyid=enrolled.id, created=created, nonce=nonce)
    url = enrolled.served.url + path
    return enrolled.session.request(method, url, data=body, headers=headers, timeout=30)


def test_a_snapshot_is_entered_by_server_time(
    served: Served, backed: Backed, repository: HttpsRepository
) -> None:
    before = SystemClock().now()
    done = backed.backup(repository)
    rows = served.rows(
        "SELECT digest, source, sequence, source_bytes, stored_bytes, packs FROM backups_snapshot"
        " WHERE terminal_id = ?",
        backed.terminal,
    )
    header = done.header
    assert rows == [(done.snapshot, "pos", 1, header.source_bytes, header.stored_bytes, len(header.packs))]
    (received,) = served.rows(
        "SELECT received_at FROM backups_snapshot WHERE terminal_id = ?", backed.terminal
    )[0]
    at = received if isinstance(received, datetime) else datetime.fromisoformat(received).replace(tzinfo=UTC)
    assert before <= at <= SystemClock().now()


def test_a_repeated_put_enters_nothing_twice(
    served: Served, backed: Backed, repository: HttpsRepository
) -> None:
    digest = backed.backup(repository).snapshot
    name = f"snapshots/{digest}"
    repository.put_new(name, repository.get(name))
    count = served.rows("SELECT count(*) FROM backups_snapshot WHERE digest = ?", digest)
    assert count == [(1,)]


@pytest.mark.parametrize("method", ["DELETE", "POST", "PATCH"])
def test_there_is_no_verb_to_take_away(
    backed: Backed, repository: HttpsRepository, enrolled: Till, method: str
) -> None:
    digest = backed.backup(repository).snapshot
    answer = ask(enrolled, method, f"snapshots/{digest}")
    assert (answer.status_code, answer.json()["code"]) == (405, "backup.append_only")
    assert repository.get(f"snapshots/{digest}")


def test_a_till_sees_nothing_of_another(served: Served, backed: Backed, repository: HttpsRepository) -> None:
    digest = backed.backup(repository).snapshot
    other = connect(served, served.terminal())
    try:
        assert list(other.list("snapshots")) == []
        with pytest.raises(RepositoryRefused) as refused:
            other.get(f"snapshots/{digest}")
        assert other.is_missing(refused.value)
    finally:
        other.close()


def test_a_snapshot_before_its_packs_is_refused(backed: Backed, repository: HttpsRepository) -> None:
    backed.backup()
    found = backed.find()
    path = backed.folder / snapshot.object_path(f"snapshots/{found.digest}")
    with pytest.raises(RepositoryRefused) as refused:
        repository.put_new(f"snapshots/{found.digest}", path.read_bytes())
    assert refused.value.code == "backup.pack_missing"
    assert list(repository.list("snapshots")) == []


@pytest.mark.parametrize("forged", ["signer", "terminal"])
def test_a_snapshot_in_another_name_is_refused(
    backed: Backed, repository: HttpsRepository, forged: str
) -> None:
    backed.backup(repository)
    true = backed.find(None, repository)
    key, update = backed.key, {"terminal": "another"}
    if forged == "signer":
        key = Ed25519PrivateKey.generate()
        update = {"signer": snapshot.encode_key(key.public_key())}
    data = snapshot.seal(true.header.model_copy(update=update), true.snapshot.body, key)
    with pytest.raises(RepositoryRefused) as refused:
        repository.put_new(snapshot.object_name("snapshots", data), data)
    assert refused.value.code == "backup.signer"


def test_what_is_no_pack_is_refused(enrolled: Till) -> None:
    data = b"anything else"
    answer = ask(enrolled, "PUT", snapshot.object_name("packs", data), data)
    assert (answer.status_code, answer.json()["code"]) == (422, "backup.integrity")


def test_an_object_that_is_too_large_is_refused(enrolled: Till) -> None:
    data = snapshot.PACK_MAGIC + bytes(snapshot.OBJECT_BYTES)
    answer = ask(enrolled, "PUT", snapshot.object_name("packs", data), data)
    assert answer.status_code == 413


def test_without_a_signature_there_is_nothing_to_see(served: Served, enrolled: Till) -> None:
    answer = enrolled.session.get(f"{served.url}{PATH_OBJECTS}/packs", timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (401, "signature.missing")


def test_a_till_with_a_wrong_clock_can_back_up(served: Served, backed: Backed, enrolled: Till) -> None:
    repository = connect(served, enrolled, Ahead())
    try:
        assert backed.backup(repository).header.sequence == 1
        assert len(list(repository.list("snapshots"))) == 1
    finally:
        repository.close()


def test_another_authority_is_not_trusted(served: Served, enrolled: Till, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        HttpsRepository(Access(served.url, tmp_path / "none.pem", enrolled.id, enrolled.key), SystemClock())
    access = Access(served.url, Path(certifi.where()), enrolled.id, enrolled.key)
    repository = HttpsRepository(access, SystemClock())
    with pytest.raises(RepositoryUnreachable):
        list(repository.list("packs"))
    repository.close()


def test_a_collector_that_comes_back_is_asked_again(own: Served, tmp_path: Path) -> None:
    """The retrying repository waits for it; without it the run fails."""
    enrolled = own.terminal()
    plain = connect(own, enrolled)
    till = Backed(tmp_path, terminal=enrolled.id, key=enrolled.key)
    till.make_database()
    own.kill()
    with pytest.raises(RepositoryUnreachable):
        till.backup(plain)

    class Waits(SystemClock):
        waits = 0

        def wait(self, event: Event, timeout_s: float) -> bool:
            self.waits += 1
            if self.waits == 2:
                own.start()
            return False

    clock = Waits()
    done = till.backup(Retrying(plain, clock, Event()))
    assert clock.waits >= 2
    assert done.header.sequence == 1
    plain.close()


def test_a_collector_killed_after_storing_enters_the_snapshot_at_the_next_try(
    own: Served, tmp_path: Path
) -> None:
    """The file is there and the row is not: the same put again writes the row."""
    enrolled = own.terminal()
    repository = connect(own, enrolled)
    till = Backed(tmp_path, terminal=enrolled.id, key=enrolled.key)
    till.make_database()
    digest = till.backup(repository).snapshot
    own.rows("DELETE FROM backups_snapshot RETURNING id")
    data = repository.get(f"snapshots/{digest}")
    repository.put_new(f"snapshots/{digest}", data)
    assert own.rows("SELECT digest FROM backups_snapshot") == [(digest,)]
    repository.close()
