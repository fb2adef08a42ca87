"""Another till's set is read by the till that a signed job names, while it names it, and by no other. Who read what is
noted."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.backup.catalogue import Wanted
from agent.backup.key import SECRET_MARK, encode, new_data_key
from agent.backup.repository.https import Access, HttpsRepository
from agent.runtime.clock import SystemClock
from agent.uplink import identity
from protocols.errors import BackupError, RepositoryRefused
from protocols.wire.job import read_job
from protocols.wire.snapshot import PACKS, SNAPSHOTS
from tests.agent.backup.till import SECRET, content, small_pack
from tests.agent.backup.till import Till as Workplace
from tests.collector.conftest import Databases
from tests.collector.jobs.people import Office, fetch, result, staffed
from tests.collector.served import Served, Till

pytestmark = pytest.mark.xdist_group("lending")


CODE_OF_ANOTHER = """
import datetime, django
django.setup()
from collector.core import clock
from collector.inventory import enrolment
site = enrolment.site_of("SIA Cits", "Cits veikals")
print(enrolment.make_code(site, "", clock.now(), datetime.timedelta(hours=1))[1])
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, database: Databases) -> Iterator[Served]:
    """A collector of these tests alone: a collector obeys one root."""
    with Served(tmp_path_factory.mktemp("lending"), database.new()) as running:
        yield running


@pytest.fixture(scope="module")
def office(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Office:
    return staffed(served, tmp_path_factory.mktemp("office"))


@pytest.fixture
def broken(served: Served) -> Till:
    """Whose set it is."""
    return served.terminal()


@pytest.fixture
def spare(served: Served) -> Till:
    return served.terminal()


@pytest.fixture
def place(tmp_path: Path, broken: Till) -> Workplace:
    """The broken till's work, with two sets at the collector."""
    made = Workplace(tmp_path, terminal=broken.id, key=broken.key)
    made.make_database()
    with closing(repository(broken)) as to:
        made.backup(to)
        made.add(3)
        made.backup(to)
    return made


def repository(till: Till, of: str = "") -> HttpsRepository:
    access = Access(till.served.url, Path(till.served.authority), till.id, till.key, of=of)
    return HttpsRepository(access, SystemClock())


@pytest.fixture
def reads(broken: Till, spare: Till) -> Iterator[HttpsRepository]:
    with closing(repository(spare, broken.id)) as opened:
        yield opened


def refused(call: object) -> str:
    with pytest.raises(BackupError) as told:
        call()  # type: ignore[operator]
    return told.value.code


def order(
    office: Office, target: Till, of: Till, digest: str, *people: str, type_: str = "restore_file"
) -> Path:
    fields = ("--set", "backup=pos", "--set", f"of={of.id}", "--set", f"snapshot={digest}")
    return office.sign(people[0], target.id, type_, *fields)


def noted(broken: Till, way: str) -> list[tuple[str, str, int]]:
    sql = "SELECT reader, snapshot, objects_read FROM backups_reading WHERE terminal_id = ? AND way = ? ORDER BY id"
    return broken.served.rows(sql, broken.id, way)


def test_a_spare_till_reads_the_set_that_its_job_names_and_nothing_else(
    office: Office, place: Workplace, broken: Till, spare: Till, reads: HttpsRepository
) -> None:
    with closing(repository(broken)) as own:
        names = sorted(info.name.partition("/")[2] for info in own.list(SNAPSHOTS))
        newest = place.find(repository=own)
    [other] = set(names) - {newest.digest}
    assert refused(lambda: list(reads.list(SNAPSHOTS))) == "backup.not_lent"

    file = order(office, spare, broken, newest.digest, "anna")
    office.served.cli("job", "queue", str(file))
    [job] = fetch(spare).jobs
    assert [info.name for info in reads.list(SNAPSHOTS)] == [f"{SNAPSHOTS}/{newest.digest}"]
    assert {info.name for info in reads.list(PACKS)} == {
        f"packs/{pack.digest}" for pack in newest.header.packs
    }
    assert refused(lambda: reads.get(f"{SNAPSHOTS}/{other}")) == "backup.not_lent"
    assert (
        refused(lambda: reads.put_new(*small_pack(new_data_key("till", [SECRET.public]), b"new")))
        == "backup.append_only"
    )
    restored = place.restore(place.root / "spare.db", Wanted(snapshot=newest.digest), repository=reads)
    assert content(restored.path) == content(place.database)
    [(reader, snapshot, count)] = noted(broken, "lent")
    assert (reader, snapshot) == (spare.id, newest.digest)
    assert count >= 1 + len(newest.header.packs)
    with closing(repository(broken.served.terminal(), broken.id)) as stranger:
        assert refused(lambda: stranger.get(f"{SNAPSHOTS}/{newest.digest}")) == "backup.not_lent"

    assert spare.report(result(1, read_job(job.text).id)).ok
    assert refused(lambda: reads.get(f"{SNAPSHOTS}/{newest.digest}")) == "backup.not_lent"


@pytest.mark.parametrize("there", [False, True])
def test_a_spare_till_gets_the_database_of_a_broken_one(
    office: Office, place: Workplace, broken: Till, tmp_path: Path, there: bool
) -> None:
    """By the command that the job runs, over a fresh database of the cash program or where none is yet."""
    home = tmp_path / "spare"
    home.mkdir()
    spare = Till(broken.served)
    spare.key = identity.make_key(home)
    spare.public = identity.public_key(spare.key)
    assert spare.enrol(broken.served.codes(1)[0]).ok
    me = identity.Identity(spare.id, broken.served.url, identity.ca_file(home, spare.id), spare.key)
    identity.save(home, me, Path(broken.served.authority).read_bytes())
    live = tmp_path / "spare" / "pos.db"
    if there:
        with sqlite3.connect(live) as fresh:
            fresh.execute("CREATE TABLE receipts (id INTEGER PRIMARY KEY, total INTEGER, document BLOB)")
        fresh.close()
    key = tmp_path / "recovery.key"
    key.write_text(encode(SECRET_MARK, SECRET.raw) + "\n")
    config = home / "agent.toml"
    config.write_text(
        f'[collector]\nurl = "{broken.served.url}"\n[agent]\nstate_dir = "{home}"\n[[backup]]\nname = "pos"\n'
        f'engine = "sqlite"\nsource = "{live}"\nrecovery_key = "{key}"\nevery = "6h"\n'
    )
    with closing(repository(broken)) as own:
        newest = place.find(repository=own).digest
    first = order(office, spare, broken, newest, "anna", type_="restore_over")
    both = first.with_suffix(".both")
    second = (
        "job",
        "sign",
        "--key",
        str(office.key_file("janis")),
        "--second",
        str(first),
        "--out",
        str(both),
    )
    office.served.cli(*second)
    office.served.cli("job", "queue", str(both))
    command = [sys.executable, "-m", "agent.cli", "restore", "--repository", "collector", "--of", broken.id]
    command += [
        "--snapshot",
        newest,
        "--over",
        "pos",
        "--recovery-key",
        str(key),
        "--config",
        str(config),
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert (told["terminal"], bool(told["kept"])) == (broken.id, there)
    assert content(live) == content(place.database)


def test_nothing_is_lent_to_another_customers_till(
    office: Office, place: Workplace, broken: Till, tmp_path: Path
) -> None:
    stranger = Till(broken.served)
    assert stranger.enrol(broken.served.python(CODE_OF_ANOTHER).strip()).ok
    with closing(repository(broken)) as own:
        newest = place.find(repository=own).digest
    office.served.cli("job", "queue", str(order(office, stranger, broken, newest, "anna")))
    with closing(repository(stranger, broken.id)) as reads:
        assert refused(lambda: list(reads.list(SNAPSHOTS))) == "backup.not_lent"


def test_a_job_that_lacks_a_signature_lends_nothing(
    office: Office, place: Workplace, broken: Till, spare: Till, reads: HttpsRepository
) -> None:
    with closing(repository(broken)) as own:
        newest = place.find(repository=own).digest
    office.served.cli("job", "queue", str(order(office, spare, broken, newest, "anna", type_="restore_over")))
    assert refused(lambda: list(reads.list(SNAPSHOTS))) == "backup.not_lent"


def test_what_a_till_reads_of_its_own_is_noted_by_day(place: Workplace, broken: Till) -> None:
    before = sum(count for *_rest, count in noted(broken, "own"))
    with closing(repository(broken)) as own:
        place.restore(place.root / "back.db", repository=own)
    [(reader, snapshot, count)] = noted(broken, "own")
    assert (reader, snapshot) == (broken.id, "")
    assert count > before


def test_the_address_of_another_till_leads_nowhere_but_to_a_loan(broken: Till, place: Workplace) -> None:
    with closing(repository(broken, "../" + broken.id)) as outside:
        assert refused(lambda: list(outside.list(SNAPSHOTS))) == "backup.not_lent"
    with closing(repository(broken, broken.id)) as itself, pytest.raises(RepositoryRefused):
        list(itself.list(SNAPSHOTS))
