"""Somebody has the whole disk of a till: no older backup opens, and at the place that keeps them nothing can be
removed or written over."""

import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from agent.backup.key import RecoverySecret, open_data_key
from agent.backup.repository.https import Access, HttpsRepository
from agent.runtime.clock import SystemClock
from protocols.errors import BackupError, IntegrityError, RepositoryRefused
from protocols.wire import signing
from protocols.wire.snapshot import PACKS, SNAPSHOTS, Header, object_name, parse, seal
from protocols.wire.v1 import PATH_OBJECTS
from tests.agent.backup.till import SECRET, Till
from tests.collector.served import Served
from tests.collector.served import Till as Terminal

pytestmark = pytest.mark.xdist_group("collector of the backups")


@pytest.fixture
def terminal(served: Served) -> Terminal:
    return served.terminal()


@pytest.fixture
def robbed(terminal: Terminal, served: Served, tmp_path: Path) -> Till:
    """A till with two backups at the collector; `state` and the key are what the thief has."""
    till = Till(tmp_path, terminal=terminal.id, key=terminal.key)
    till.make_database(rows=50, journal="delete")
    for delta in (False, True, True):
        till.add(3)
        till.backup(connect(terminal, served), delta=delta)
    return till


def connect(terminal: Terminal, served: Served) -> HttpsRepository:
    return HttpsRepository(
        Access(served.url, Path(served.authority), terminal.id, terminal.key), SystemClock()
    )


def headers(repository: HttpsRepository) -> list[Header]:
    return [parse(repository.get(info.name)).header for info in repository.list(SNAPSHOTS)]


def test_nothing_on_the_disk_opens_a_backup(robbed: Till, terminal: Terminal, served: Served) -> None:
    """Every 32 bytes that lie anywhere on the till are tried as a data key's owner and as the key itself."""
    repository = connect(terminal, served)
    found = [path for path in robbed.root.rglob("*") if path.is_file()]
    blob = b"".join(path.read_bytes() for path in found if path.name != "pos.db")
    blob += terminal.key.private_bytes_raw()
    candidates = {blob[at : at + 32] for at in range(0, len(blob) - 31, 4)}
    candidates = set(list(candidates)[:3000]) | {terminal.key.private_bytes_raw()}
    (newest, *_) = sorted(headers(repository), key=lambda one: -one.sequence)
    ids = {slot.id for slot in newest.keys}
    for raw in candidates:
        public = RecoverySecret(raw).public
        assert public.id not in ids
    thief = RecoverySecret(X25519PrivateKey.generate().private_bytes_raw())
    for header in headers(repository):
        with pytest.raises(BackupError) as refused:
            open_data_key(thief, header.terminal, bytes.fromhex(header.run), header.keys)
        assert refused.value.code == "backup.wrong_recovery_key"
    # control: whoever has the recovery key does
    assert open_data_key(SECRET, newest.terminal, bytes.fromhex(newest.run), newest.keys).key not in blob


def test_no_content_of_an_older_backup_is_left_on_the_disk(
    robbed: Till, terminal: Terminal, served: Served
) -> None:
    """What was deleted from the database before the last backup cannot be found on the till, in delta mode either."""
    secret_text = secrets.token_hex(40)
    with closing(sqlite3.connect(robbed.database)) as database:
        database.execute("PRAGMA secure_delete=ON")
        database.execute("INSERT INTO receipts (total, document) VALUES (0, ?)", (secret_text,))
        database.commit()
        robbed.backup(connect(terminal, served), delta=True)
        assert on_disk(robbed, secret_text)  # control: the last copy has it
        database.execute("DELETE FROM receipts WHERE document = ?", (secret_text,))
        database.commit()
    robbed.backup(connect(terminal, served), delta=True)
    assert not on_disk(robbed, secret_text)


def on_disk(till: Till, text: str) -> bool:
    return any(text.encode() in path.read_bytes() for path in till.root.rglob("*") if path.is_file())


@pytest.mark.parametrize("method", ["DELETE", "POST", "PATCH", "MOVE", "COPY", "PUT"])
def test_nothing_at_the_collector_is_removed_or_written_over(
    robbed: Till, terminal: Terminal, served: Served, method: str
) -> None:
    repository = connect(terminal, served)
    before = stored(served, terminal)
    for name in before:
        path = f"{PATH_OBJECTS}/{name}"
        created = int(SystemClock().now().timestamp())
        head = signing.sign(
            terminal.key,
            method,
            path,
            b"gone",
            keyid=terminal.id,
            created=created,
            nonce=secrets.token_hex(8),
        )
        answer = requests.request(
            method, served.url + path, data=b"gone", headers=head, timeout=30, verify=served.authority
        )
        assert answer.status_code in {404, 405, 422}
    for name in before:
        with pytest.raises(RepositoryRefused):
            repository.delete(name)
    assert stored(served, terminal) == before


def stored(served: Served, terminal: Terminal) -> dict[str, bytes]:
    root = served.home / "backups" / terminal.id
    return {
        f"{kind}/{path.name}": path.read_bytes()
        for kind in (PACKS, SNAPSHOTS)
        for path in sorted((root / kind).rglob("*"))
        if path.is_file()
    }


def test_a_forged_time_changes_nothing_and_another_tills_are_not_seen(
    robbed: Till, terminal: Terminal, served: Served
) -> None:
    """What a thief adds with the till's own key stands beside, at the server's time, whatever time it claims."""
    repository = connect(terminal, served)
    newest = max(headers(repository), key=lambda one: one.sequence)
    forged = newest.model_copy(
        update={
            "sequence": newest.sequence + 1,
            "finished_at": newest.finished_at.replace(year=2099),
            "started_at": newest.started_at.replace(year=1999),
        }
    )
    name = f"{SNAPSHOTS}/{digest_of(repository, newest)}"
    data = seal(forged, parse(repository.get(name)).body, terminal.key)
    repository.put_new(object_name(SNAPSHOTS, data), data)
    rows = served.rows(
        "SELECT received_at FROM backups_snapshot WHERE terminal_id = ? ORDER BY id DESC LIMIT 1", terminal.id
    )
    assert "2099" not in str(rows[0][0])
    assert "1999" not in str(rows[0][0])
    other = served.terminal()
    theirs = connect(other, served)
    assert list(theirs.list(SNAPSHOTS)) == []
    with pytest.raises(RepositoryRefused):
        theirs.get(name)
    with pytest.raises((RepositoryRefused, IntegrityError)):
        theirs.put_new(object_name(SNAPSHOTS, data), data)


def digest_of(repository: HttpsRepository, header: Header) -> str:
    for info in repository.list(SNAPSHOTS):
        if parse(repository.get(info.name)).header == header:
            return info.name.partition("/")[2]
    raise AssertionError
