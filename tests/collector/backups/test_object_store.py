"""Backups in the bucket of a real SeaweedFS: what a signed address is good for and what not, and that all that reads or
removes works as it does on a folder."""

import hashlib
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import botocore.auth
import pytest
import requests
from django.db import connection

from agent.backup.key import new_data_key
from collector.backups import keeping, storage
from collector.backups.bucket import Bucket
from collector.backups.checking import check
from collector.backups.drilling_by_hand import checks
from collector.backups.models import Drill, Snapshot, Trial
from collector.backups.object_store import ObjectStore
from collector.backups.place import Put
from collector.core import clock, config
from protocols.errors import ConfigError, IntegrityError, RepositoryRefused, RepositoryUnreachable
from protocols.wire.direct import HEADERS, Address
from protocols.wire.snapshot import PACKS, SNAPSHOTS, object_path, parse
from tests.agent.backup.till import SECRET as RECOVERY
from tests.agent.backup.till import small_pack
from tests.collector.backups.drills import DAY, Office, command, office
from tests.collector.backups.seaweed import BUCKET, SECRET, Seaweed

__all__ = ["office"]
pytestmark = [pytest.mark.xdist_group("seaweed"), pytest.mark.timeout(120)]


def place(store: Seaweed, **changed: object) -> ObjectStore:
    bucket = Bucket(store.storage(**changed), SECRET, store.ca_file)
    return ObjectStore(bucket, lambda _: nullcontext(), direct=bool(changed.get("direct", True)))


def pack(*pieces: bytes) -> tuple[str, bytes]:
    return small_pack(new_data_key("till", [RECOVERY.public]), *(pieces or (b"x" * 5000,)))


def ask(
    store: Seaweed, address: Address, method: str = "PUT", data: bytes | None = None, **headers: str
) -> requests.Response:
    """What anybody does who has got hold of the address; he may send other headers."""
    with requests.Session() as session:
        session.trust_env = False
        sent = {**address.headers, **headers}
        return session.request(
            method, address.url, data=data, headers=sent, verify=str(store.ca_file), timeout=30
        )


@pytest.fixture
def terminal(request: pytest.FixtureRequest) -> str:
    """One that nobody else has."""
    return "till-" + hashlib.sha256(request.node.name.encode()).hexdigest()[:12]


def test_a_pack_comes_by_its_address_and_counts_when_it_has_been_looked_at(
    store: Seaweed, terminal: str
) -> None:
    ours, (name, data) = place(store), pack()
    address = ours.address(terminal, name, len(data))
    assert {header.lower() for header in address.headers} == HEADERS
    with pytest.raises(RepositoryRefused):
        ours.arrived(terminal, name, len(data))
    assert ask(store, address, data=data).status_code == 200
    assert ours.list(terminal, PACKS) == []
    assert ours.arrived(terminal, name, len(data)) is Put.CREATED
    assert ours.get(terminal, name) == data
    assert [one.name for one in ours.list(terminal, PACKS)] == [name]
    assert ours.arrived(terminal, name, len(data)) is Put.SAME  # the answer was lost
    assert store.keys(f"{terminal}/") == {f"{terminal}/{object_path(name)}"}
    assert ask(store, ours.address(terminal, name, len(data)), data=data).status_code == 200
    assert ours.arrived(terminal, name, len(data)) is Put.SAME
    assert ours.put_new(terminal, "", name, data) is Put.SAME


def test_an_address_is_for_one_put_of_these_bytes_and_nothing_else(
    store: Seaweed, terminal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a thief can do who has read a till's memory, or the line."""
    ours, (name, data) = place(store), pack()
    address = ours.address(terminal, name, len(data))
    other = address.model_copy(update={"url": address.url.replace(terminal, "till-other")})
    digest = name.partition("/")[2]
    final = address.model_copy(update={"url": address.url.replace(f"incoming/{digest}", object_path(name))})
    bucket = address.model_copy(update={"url": address.url.replace(f"{terminal}/incoming/{digest}", "")})
    longer = address.model_copy(
        update={"url": address.url.replace("X-Amz-Expires=300", "X-Amz-Expires=3600")}
    )
    for stolen in (other, final, longer):
        assert stolen.url != address.url
        assert ask(store, stolen, data=data).status_code == 403
    assert ask(store, address, data=data + b"!").status_code == 403  # the length
    assert ask(store, address, data=b"!" + data[1:]).status_code == 400  # the sum
    no_header = address.model_copy(
        update={"headers": {"x-amz-checksum-sha256": address.headers["x-amz-checksum-sha256"]}}
    )
    assert ask(store, no_header, data=data).status_code == 403
    for method, at in (
        ("GET", address),
        ("HEAD", address),
        ("DELETE", address),
        ("POST", address),
        ("GET", bucket),
    ):
        assert ask(store, at, method).status_code in (403, 405), method
    assert store.keys(f"{terminal}/") == set()
    assert ask(store, address, data=data).status_code == 200
    assert ask(store, address, data=data).status_code == 412
    assert ask(store, address, "DELETE").status_code == 403
    assert ask(store, address, "GET").status_code == 403
    monkeypatch.setattr(
        botocore.auth,
        "get_current_datetime",
        lambda: clock.now().replace(tzinfo=None) - timedelta(minutes=6),
    )
    late = ours.address(terminal, *((one := pack(b"late"))[0], len(one[1])))
    assert ask(store, late, data=one[1]).status_code == 403


def test_control_without_what_is_bound_a_thief_puts_what_he_likes(store: Seaweed, terminal: str) -> None:
    """The same requests, to an address that was signed without them: the store takes another content, and a second
    one. So it is the signature that keeps him from it."""
    key = f"{terminal}/incoming/free"
    url = store.client().generate_presigned_url(
        "put_object", Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=60
    )
    free = Address(url=url, headers={}, expires_s=60)
    assert ask(store, free, data=b"one").status_code == 200
    assert ask(store, free, data=b"another").status_code == 200


@pytest.mark.parametrize("believed", [True, False])
def test_what_is_not_what_its_name_says_never_counts(
    store: Seaweed, terminal: str, believed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the store had let it pass: whether its own sum is believed, or the pack is read."""
    monkeypatch.setattr(Bucket, "counts_sums", believed)
    ours, (name, data) = place(store), pack()
    rubbish, path = b"R" * 999, f"{terminal}/incoming/"
    no_pack = "packs/" + hashlib.sha256(rubbish).hexdigest()
    bucket = Bucket(store.storage(), SECRET, store.ca_file)
    for called, content, size in (
        (name, data[:-1] + b"!", len(data)),
        (name, data[:-1], len(data)),
        (no_pack, rubbish, len(rubbish)),
    ):
        digest = hashlib.sha256(content).digest()
        assert bucket.put_new(path + called.partition("/")[2], content, digest)
        with pytest.raises(IntegrityError):
            ours.arrived(terminal, called, size)
        assert store.keys(f"{terminal}/") == set()
    assert bucket.put_new(path + name.partition("/")[2], data, hashlib.sha256(data).digest())
    assert ours.arrived(terminal, name, len(data)) is Put.CREATED
    with pytest.raises(IntegrityError):
        ours.put_new(terminal, "", name, data + b"!")
    with pytest.raises(RepositoryRefused):
        ours.address(terminal, f"{SNAPSHOTS}/{'a' * 64}", 9)
    with pytest.raises(RepositoryRefused):
        ours.address("../other", name, 9)


def test_control_without_the_look_rubbish_counts(
    store: Seaweed, terminal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ObjectStore, "_prove", lambda *_: None)
    ours, name = place(store), f"packs/{'b' * 64}"
    Bucket(store.storage(), SECRET, store.ca_file).put_new(
        f"{terminal}/incoming/{'b' * 64}", b"rubbish", hashlib.sha256(b"rubbish").digest()
    )
    assert ours.arrived(terminal, name, 7) is Put.CREATED
    assert ours.get(terminal, name) == b"rubbish"


def test_slices_come_together_and_old_ones_go(store: Seaweed, terminal: str) -> None:
    ours, (name, data) = place(store), pack(b"a" * 3000, b"b" * 3000)
    half = len(data) // 2
    assert ours.put_part(terminal, "", name, offset=0, total=len(data), data=data[:half]) is None
    assert ours.part_size(terminal, name) == half
    with pytest.raises(RepositoryRefused) as refused:
        ours.put_part(terminal, "", name, offset=0, total=len(data), data=data[:half])
    assert refused.value.code == "backup.part_offset"
    assert ours.put_part(terminal, "", name, offset=half, total=len(data), data=data[half:]) is Put.CREATED
    assert ours.get(terminal, name) == data
    other, more = pack(b"never comes whole")
    ours.put_part(terminal, "", other, offset=0, total=len(more), data=more[:5])
    ours.drop_parts(terminal, 0)
    assert ours.part_size(terminal, other) == 5
    ours.drop_parts(terminal, clock.now().timestamp() + 60)
    assert store.keys(f"{terminal}/") == {f"{terminal}/{object_path(name)}"}


@pytest.fixture
def on_s3(office: Office, store: Seaweed, settings: Any, request: pytest.FixtureRequest) -> Iterator[Office]:
    """A collector whose backups lie in the store."""
    prefix = hashlib.sha256(request.node.name.encode()).hexdigest()[:12] + "/"
    told = store.storage(prefix=prefix)
    rules = settings.CONFIG.retention.model_copy(
        update={"all_days": 1, "daily_years": 0, "monthly_years": 0, "grace_days": 1}
    )
    settings.CONFIG = settings.CONFIG.model_copy(update={"storage": told, "retention": rules})
    yield office
    storage._object_store.cache_clear()


@pytest.mark.django_db
def test_the_chain_is_checked_a_set_is_proven_and_old_ones_go(
    on_s3: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    till = on_s3.till()
    made = [till.backup()]
    for _ in range(5):
        on_s3.at += DAY
        made.append(till.backup())
    assert isinstance(keeping.store(), ObjectStore)
    assert list(check(till.row, keeping.store()).findings) == []
    on_s3.drilled()
    drill = Drill.objects.get(place="collector")
    assert (drill.ok, drill.snapshot) == (True, made[-1]), Trial.objects.values()
    for _ in range(4):
        on_s3.at += 4000 * DAY  # whatever the law says of such a set, it need not be kept so long
        keeping.keep_house(on_s3.at)
    there = {one.name for one in till.list(SNAPSHOTS)}
    assert f"{SNAPSHOTS}/{made[-1]}" in there
    assert len(there) < len(made)
    named = {pack.digest for one in there for pack in parse(till.get(one)).header.packs}
    assert {one.name.partition("/")[2] for one in till.list(PACKS)} == named
    assert Snapshot.objects.filter(removed_at=None).count() == len(there)
    assert command("drill", "--objects") == 0
    assert "nothing wrong" in capsys.readouterr().out
    lost = parse(till.get(f"{SNAPSHOTS}/{made[-1]}")).header.packs[-1]
    keeping.store().remove(till.row.pk, f"{PACKS}/{lost.digest}")
    ((_, looked),) = checks("")
    assert [one.code for one in looked.about(made[-1])] == ["backup.pack_missing"] or looked.about(made[-1])
    with pytest.raises(RepositoryRefused) as refused:
        keeping.store().put_new(till.row.pk, till.row.public_key, *_again(till, made[-1]))
    assert refused.value.code == "backup.pack_missing"


def _again(till: Any, digest: str) -> tuple[str, bytes]:
    name = f"{SNAPSHOTS}/{digest}"
    return name, till.get(name)


def test_the_doctor_looks_at_the_store_and_shows_no_secret(
    store: Seaweed, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = settings.CONFIG.model_copy(update={"home": tmp_path, "storage": store.storage()})
    found = list(storage.examine(base))
    assert [one.ok for one in found] == [True, True, True], found
    secret = tmp_path / "wrong"
    secret.write_text("guessed-wrong\n")
    secret.chmod(0o644)
    cases = (
        ({"secret_file": secret}, "refuses the collector's key"),
        ({"secret_file": tmp_path / "none"}, "holds the secret key"),
        ({"bucket": "elsewhere"}, "NoSuchBucket"),
        ({"ca_file": tmp_path / "none.pem"}, "is not there"),
        ({"ca_file": None}, "cannot be reached"),
        ({"url": "https://127.0.0.1:9"}, "cannot be reached"),
    )
    for changed, says in cases:
        told = base.model_copy(update={"storage": store.storage(**changed)})
        found = list(storage.examine(told))
        assert not found[0].ok
        assert says in found[0].text, (changed, found)
        for secret_word in (SECRET, "guessed-wrong"):
            assert secret_word not in repr((found, told))
    assert "others may read it" in {
        one.text
        for one in storage.examine(base.model_copy(update={"storage": store.storage(secret_file=secret)}))
    }
    monkeypatch.setenv(storage.SECRET_VARIABLE, SECRET)
    told = base.model_copy(update={"storage": store.storage(secret_file=tmp_path / "none")})
    assert all(one.ok for one in storage.examine(told))


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('kind = "s3"', "needs url, bucket, access_key"),
        ('kind = "s3"\nurl = "http://s3.example"\nbucket = "abc"\naccess_key = "a"', "https://"),
        ('kind = "tape"', "'folder' or 's3'"),
        ('kind = "s3"\nsecret = "x"', "did you mean secret_file"),
        ('bucket = "No"', "match"),
    ],
)
def test_a_wrong_table_is_refused_with_what_is_allowed(tmp_path: Path, table: str, says: str) -> None:
    (tmp_path / "collector.toml").write_text(f"[storage]\n{table}\n")
    with pytest.raises(ConfigError) as refused:
        config.load(tmp_path, tmp_path / "collector.toml")
    assert says in str(refused.value)


def test_a_store_that_is_away_is_told_apart_from_a_missing_object(store: Seaweed, terminal: str) -> None:
    away = Bucket(store.storage(url="https://127.0.0.1:9"), SECRET, store.ca_file)
    with pytest.raises(RepositoryUnreachable):
        away.get("x")
    with pytest.raises(RepositoryRefused) as refused:
        place(store).get(terminal, pack()[0])
    assert refused.value.code == "backup.object_missing"


@pytest.mark.django_db(transaction=True)
def test_one_terminal_is_looked_after_by_one_at_a_time(tmp_path: Path) -> None:
    """Two connections of the database, as two computers have."""
    entered, waits = Event(), Event()

    def other(terminal: str) -> None:
        try:
            waits.set()
            with storage._alone(tmp_path / "locks", terminal):
                entered.set()
        finally:
            connection.close()

    with storage._alone(tmp_path / "locks", "till-1"):
        neighbour = Thread(target=other, args=("till-2",))
        neighbour.start()
        neighbour.join(30)
        assert entered.is_set()
        entered.clear()
        waits.clear()
        same = Thread(target=other, args=("till-1",))
        same.start()
        assert waits.wait(30)
        assert not entered.wait(0.3)
    same.join(30)
    assert entered.is_set()
