"""Packs of a till go straight into a real object store behind a running collector, and through the collector where that
does not go."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from agent.backup.repository.direct import DirectWay, NotPut
from agent.backup.repository.https import Access, HttpsRepository
from agent.backup.repository.storage import Storage
from agent.runtime.clock import SystemClock
from protocols.errors import RepositoryUnreachable
from protocols.wire.direct import Address
from tests.agent.backup.till import Till
from tests.collector.backups.seaweed import ACCESS, BUCKET, Gate, Seaweed
from tests.collector.served import Served

pytestmark = [pytest.mark.xdist_group("seaweed"), pytest.mark.timeout(120)]
SAID = "packs go through the collector, not straight to its store"


@pytest.fixture(scope="module")
def gate(store: Seaweed) -> Iterator[Gate]:
    with closing(Gate(store)) as made:
        yield made


@pytest.fixture(scope="module")
def behind(store: Seaweed, gate: Gate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Both the collector and its tills reach the store through the gate."""
    tables = (
        f'[storage]\nkind = "s3"\nurl = "{gate.url}"\nbucket = "{BUCKET}"\naccess_key = "{ACCESS}"\n'
        f'ca_file = "{store.ca_file}"\nsecret_file = "{store.secret_file}"\n'
    )
    with Served(tmp_path_factory.mktemp("direct") / "collector", tables=tables) as running:
        yield running


class Ours:
    def __init__(self, served: Served, root: Path, storage: Storage) -> None:
        enrolled = served.terminal()
        self.access = Access(served.url, Path(served.authority), enrolled.id, enrolled.key, storage)
        self.till = Till(root, terminal=enrolled.id, key=enrolled.key)
        self.till.make_database(rows=9000, noise=1000, journal="delete")

    def open(self, access: Access | None = None) -> "closing[HttpsRepository]":
        return closing(HttpsRepository(access or self.access, SystemClock()))

    def restores(self) -> bool:
        with self.open() as repository:
            self.till.restore(self.till.root / "back.db", repository=repository, force=True)
        return (self.till.root / "back.db").read_bytes() == self.till.database.read_bytes()


@pytest.fixture
def ours(behind: Served, store: Seaweed, gate: Gate, tmp_path: Path) -> Iterator[Ours]:
    yield Ours(behind, tmp_path, Storage(gate.url, store.ca_file.read_text()))
    gate.open()


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if SAID in one.getMessage()]


def test_a_backup_goes_straight_to_the_store_and_comes_back(
    ours: Ours, store: Seaweed, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    with ours.open() as repository:
        done = ours.till.backup(repository)
        assert len(done.header.packs) >= 2
        assert told(caplog) == []
        ours.till.add(50)
        ours.till.backup(repository)
        names = {one.name for one in repository.list("packs")}
    assert ours.restores()
    with ours.open() as repository:
        assert ours.till.drill(repository).ok
    lying = store.keys(f"{ours.till.terminal}/")
    assert {key.rpartition("/")[2] for key in lying if "/packs/" in key} == {
        n.partition("/")[2] for n in names
    }
    assert not [key for key in lying if "/incoming/" in key]


def test_the_store_goes_down_in_the_middle_and_the_next_run_goes_on(
    ours: Ours, gate: Gate, store: Seaweed, caplog: pytest.LogCaptureFixture
) -> None:
    ours.till.add(16_000, noise=1000)
    gate.shuts_after = gate.sent + (13 << 20)
    with ours.open() as repository, pytest.raises(RepositoryUnreachable):
        ours.till.backup(repository)
    assert told(caplog)
    assert store.keys(f"{ours.till.terminal}/snapshots") == set()
    there = store.keys(f"{ours.till.terminal}/packs")
    assert there
    gate.open()
    caplog.clear()
    before = gate.sent
    with ours.open() as repository:
        done = ours.till.backup(repository)
    assert told(caplog) == []
    kept = sum(pack.size for pack in done.header.packs if any(pack.digest in key for key in there))
    assert kept > 3 << 20
    whole = sum(pack.size for pack in done.header.packs)
    assert gate.sent - before < whole - kept + (1 << 20)  # what had come before was not sent again
    assert there <= store.keys(f"{ours.till.terminal}/packs")
    assert ours.restores()


def test_a_till_that_cannot_or_may_not_reach_the_store_goes_through_the_collector_and_says_why(
    ours: Ours, behind: Served, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    right = ours.access.storage
    assert right
    cases = (
        (Storage("https://127.0.0.1:9", right.ca), "names another store"),
        (Storage(right.url), "certificate verify failed"),
        (Storage(right.url, Path(behind.authority).read_text()), "certificate verify failed"),
    )
    for storage, says in cases:
        caplog.clear()
        with ours.open(replace(ours.access, storage=storage)) as repository:
            ours.till.add(20)
            ours.till.backup(repository)
        (line,) = told(caplog)
        assert says in line
    assert ours.restores()


def test_a_till_believes_the_collector_no_more_than_it_was_told(store: Seaweed) -> None:
    """A taken collector leads no pack to another place, and puts no header of its own into a request."""
    with closing(DirectWay(Storage(store.url, store.ca_file.read_text()))) as way:
        for address, says in (
            (Address(url=f"{store.url}.example/x", headers={}, expires_s=9), "another store"),
            (
                Address(url=store.url.replace("https", "http") + "/x", headers={}, expires_s=9),
                "another store",
            ),
            (Address(url=f"{store.url}@elsewhere/x", headers={}, expires_s=9), "another store"),
            (Address(url=f"{store.url}/x", headers={"Authorization": "a"}, expires_s=9), "headers"),
            (Address(url=f"{store.url}/{BUCKET}/x", headers={}, expires_s=9), "AccessDenied"),
        ):
            with pytest.raises(NotPut) as refused:
                way.put(address.model_dump_json().encode(), [b"x"], 1)
            assert says in str(refused.value)
        with pytest.raises(NotPut):
            way.put(b"<html>", [b"x"], 1)


def test_a_collector_with_a_folder_takes_what_a_till_wished_to_put_elsewhere(
    served: Served, store: Seaweed, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ours = Ours(served, tmp_path, Storage(store.url, store.ca_file.read_text()))
    with ours.open() as repository:
        ours.till.backup(repository)
    assert "takes no packs here by another way" in " ".join(told(caplog))
    assert ours.restores()


def test_a_collector_without_the_secret_says_so_and_does_not_begin(behind: Served, tmp_path: Path) -> None:
    table = (behind.home / "collector.toml").read_text()
    (tmp_path / "collector.toml").write_text(table.replace("storage.secret", "none"))
    shutil.copy(behind.home / "collector.sqlite3", tmp_path)
    away = Served(tmp_path)
    said = away.cli("serve", expect=2)
    assert "storage.secret_file" in said
    assert "Traceback" not in said
