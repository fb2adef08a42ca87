"""A job that restores, with the real command as its child: a set of this till's own, from a folder."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.backup.key import SECRET_MARK, encode
from agent.jobs.registry import WORKS
from protocols.status.model import DeviceState
from protocols.wire.erasure import Erasure, Erasures, digest_of, new_salt
from protocols.wire.v1 import JobResult
from tests.agent.backup.till import SECRET, Till, content
from tests.agent.jobs.till import Workplace
from tests.office import Office

TABLES = """drill_key = "{key}"
restore_over = {over}
[[backup]]
erasable = ["receipts.id"]
name = "pos"
engine = "sqlite"
source = "{source}"
repository = "{repository}"
recovery_key = "{key}"
every = "6h"
[[device]]
id = "fiscal"
family = "datecs_isl_legacy"
port = "/dev/null"
model = "FP-700X"
"""


@pytest.fixture
def till(tmp_path: Path) -> Till:
    made = Till(tmp_path / "work")
    made.root.mkdir()
    made.make_database()
    made.backup()
    return made


class Here:
    """The jobs room of a till that has made a backup, with or without the key on a stick."""

    def __init__(self, folder: Path, till: Till, *, over: bool = True) -> None:
        self.till = till
        self.key = folder / "recovery.key"
        self.key.write_text(encode(SECRET_MARK, SECRET.raw) + "\n")
        over_ = '["pos"]' if over else "[]"
        tables = TABLES.format(key=self.key, over=over_, source=till.database, repository=till.folder)
        self.place = Workplace(folder / "agent", Office(), works=dict(WORKS), jobs=tables)
        self.place.runner._agent = (sys.executable, "-m", "agent.cli")
        root = f'[collector]\nurl = "https://c"\n[agent]\nstate_dir = "{folder / "agent"}"\n[jobs]\n'
        (folder / "agent" / "agent.toml").write_text(root + f'company_root = "{self.place.root}"\n' + tables)
        self.digest = till.find().digest

    def do(self, type_: str, *, signers: int = 2, dry_run: bool = False, **parameters: Any) -> JobResult:
        office = self.place.office
        wanted = {"type": type_, "backup": "pos", "of": "", "snapshot": self.digest} | parameters
        text = office.job(wanted, dry_run=dry_run)
        [result] = self.place.take(office.offer(office.signed(text, *(office.anna, office.janis)[:signers])))
        return result


@pytest.fixture
def here(tmp_path: Path, till: Till) -> Iterator[Here]:
    (tmp_path / "agent").mkdir()
    made = Here(tmp_path, till)
    yield made
    made.place.spool.close()


def test_two_operators_restore_over_the_live_one(here: Here) -> None:
    before = content(here.till.database)
    here.till.add(4)
    newer = content(here.till.database)
    assert here.do("restore_over", dry_run=True).output.startswith("would restore pos, set ")
    assert content(here.till.database) == newer
    result = here.do("restore_over")
    assert (result.exit, result.code) == (0, ""), result.output
    assert content(here.till.database) == before
    [kept] = here.till.root.glob("pos.db.before-*")
    assert content(kept) == newer


@pytest.mark.parametrize("type_", ["restore_file", "restore_over"])
def test_what_was_erased_does_not_come_back(here: Here, type_: str) -> None:
    """The list lies beside the set here; of a set at the collector, it comes from there."""
    salt = new_salt()
    one = Erasure(
        source="pos",
        column="receipts.id",
        salt=salt,
        digest=digest_of(salt, "7"),
        at=datetime(2026, 5, 4, tzinfo=UTC),
    )
    (here.till.folder / "erasures.json").write_text(Erasures(items=(one,)).model_dump_json())
    result = here.do(type_)
    assert (result.exit, result.code) == (0, ""), result.output
    file = here.till.database if type_ == "restore_over" else next((here.place.folder / "restored").iterdir())
    assert [row[0] for row in content(file)][5:7] == [6, 8]


def test_one_signature_restores_nothing(here: Here) -> None:
    here.till.add(4)
    newer = content(here.till.database)
    result = here.do("restore_over", signers=1)
    assert (result.exit, result.code) == (3, "job.signatures_missing")
    assert content(here.till.database) == newer


def test_one_operator_restores_into_a_file(here: Here) -> None:
    result = here.do("restore_file", signers=1)
    assert (result.exit, result.code) == (0, ""), result.output
    [file] = (here.place.folder / "restored").iterdir()
    assert content(file) == content(here.till.database)
    again = here.do("restore_file", signers=1)
    assert (again.exit, again.code) == (3, "job.command_failed")
    assert "exists already" in again.output


def test_without_the_key_on_a_stick_nothing_can_be_opened(here: Here) -> None:
    here.key.unlink()
    for type_ in ("restore_file", "restore_over"):
        for dry_run in (True, False):
            result = here.do(type_, dry_run=dry_run)
            assert (result.exit, result.code) == (3, "job.no_recovery_key")


def test_while_a_receipt_is_open_it_waits(here: Here) -> None:
    here.place.devices.states = {"fiscal": DeviceState(receipt_open=True)}
    result = here.do("restore_over")
    assert (result.exit, result.code) == (75, "job.receipt_open")


def test_a_backup_that_the_till_does_not_name_is_not_replaced(tmp_path: Path, till: Till) -> None:
    (tmp_path / "agent").mkdir()
    here = Here(tmp_path, till, over=False)
    assert here.do("restore_over").code == "job.restore_not_allowed"
    assert here.do("restore_over", backup="other").code == "job.no_such_backup"
    here.place.spool.close()


def test_a_set_that_is_not_there_is_told(here: Here) -> None:
    result = here.do("restore_file", snapshot="0" * 64)
    assert (result.exit, result.code) == (1, "job.command_failed")
    assert "backup.no_snapshot" in result.output
