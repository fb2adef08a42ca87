"""The four commands as a person or a script uses them."""

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.backup.plan import wire_facts
from agent.backup.progress import Kept, progress_file
from agent.cli import main
from agent.cli.place import point_in_time
from agent.runtime.clock import SystemClock
from agent.spool import FILE, Spool
from agent.uplink import identity
from protocols.wire import v1
from protocols.wire.snapshot import object_path
from tests.agent.backup.till import Till
from tests.collector.served import Served
from tests.collector.served import Till as Terminal

pytestmark = pytest.mark.xdist_group("collector of the backups")
CONFIG = """
[agent]
state_dir = "{root}/agent"
[collector]
url = "{url}"
[[backup]]
name = "pos"
engine = "sqlite"
source = "{root}/pos.db"
repository = "{repository}"
recovery_key = "{root}/keys/recovery.pub"
every = "6h"
"""


@dataclass
class Desk:
    """A till with a configuration, and whoever types the commands."""

    till: Till
    capsys: pytest.CaptureFixture[str]

    @property
    def root(self) -> Path:
        return self.till.root

    def type(self, *words: object) -> tuple[int, dict[str, object]]:
        """The exit code and the JSON object of a command with --json."""
        self.capsys.readouterr()
        code = main([*map(str, words), "--json"])
        lines = self.capsys.readouterr().out.splitlines()
        assert len(lines) == 1
        answer: dict[str, object] = json.loads(lines[0])
        return code, answer

    def backup(self) -> tuple[int, dict[str, object]]:
        return self.type(
            *(
                "backup",
                "--engine",
                "sqlite",
                "--source",
                self.till.database,
                "--repository",
                self.till.folder,
            ),
            *("--recovery-key", self.root / "keys" / "recovery.pub", "--state", self.root / "state"),
        )

    def by_name(self, command: str, *words: object) -> tuple[int, dict[str, object]]:
        return self.type(command, "--name", "pos", "--config", self.root / "agent.toml", *words)

    @property
    def secret(self) -> tuple[object, ...]:
        return "--recovery-key", self.root / "keys" / "recovery.key"

    def configure(self, repository: str, url: str = "https://collector.invalid") -> None:
        text = CONFIG.format(root=self.root, url=url, repository=repository)
        (self.root / "agent.toml").write_text(text)

    def spooled(self) -> list[v1.AnyMessage]:
        with Spool(self.root / "agent" / FILE, SystemClock()) as spool:
            return [v1.MESSAGE.validate_json(row.body) for row in spool.next_batch(100, 1 << 20).rows]


@pytest.fixture
def desk(till: Till, capsys: pytest.CaptureFixture[str]) -> Desk:
    till.make_database(journal="delete")
    assert main(["recovery-key", "--out", str(till.root / "keys")]) == 0
    return Desk(till, capsys)


@pytest.fixture
def enrolled(desk: Desk, served: Served) -> Desk:
    state = desk.root / "agent"
    terminal = Terminal(served)
    terminal.key = identity.make_key(state)
    terminal.public = identity.public_key(terminal.key)
    assert terminal.enrol(served.codes(1)[0]).ok
    me = identity.Identity(terminal.id, served.url, identity.ca_file(state, terminal.id), terminal.key)
    identity.save(state, me, Path(served.authority).read_bytes())
    desk.configure("collector", served.url)
    return desk


def test_by_hand_there_and_back(desk: Desk) -> None:
    code, made = desk.backup()
    assert (code, made["ok"], made["sequence"], made["mode"]) == (0, True, 1, "journal")
    where = ("--repository", desk.till.folder, *desk.secret)
    code, back = desk.type("restore", *where, "--to", desk.root / "back.db")
    assert (code, back["snapshot"], back["facts"]) == (0, made["snapshot"], made["facts"])
    assert (desk.root / "back.db").read_bytes() == desk.till.database.read_bytes()
    code, again = desk.type("restore", *where, "--to", desk.root / "back.db")
    assert (code, again["ok"], again["error"]) == (3, False, "backup.target_exists")
    code, proof = desk.type("drill", *where)
    assert (code, proof["ok"], proof["snapshot"]) == (0, True, made["snapshot"])


def test_a_failed_drill_says_so(desk: Desk) -> None:
    desk.backup()
    pack = desk.till.find().header.packs[0].digest
    (desk.till.folder / object_path(f"packs/{pack}")).write_bytes(b"gone")
    code, proof = desk.type("drill", "--repository", desk.till.folder, *desk.secret)
    assert (code, proof["ok"], proof["error"]) == (1, False, "backup.integrity")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("backup",), 2),
        (("backup", "--source", "pos.db"), 2),
        (("drill", "--recovery-key", "none"), 2),
        (("backup", "--name", "pos", "--config", "none.toml"), 2),
        (("restore", "--repository", "r", "--recovery-key", "none", "--to", "x"), 2),
    ],
)
def test_wrong_usage(desk: Desk, words: tuple[str, ...], code: int) -> None:
    assert desk.type(*words)[0] == code


def test_by_name_the_result_goes_to_the_collector_with_the_next_report(
    enrolled: Desk, served: Served
) -> None:
    code, made = enrolled.by_name("backup")
    assert (code, made["ok"]) == (0, True)
    code, proof = enrolled.by_name("drill", *enrolled.secret)
    assert (code, proof["snapshot"]) == (0, made["snapshot"])
    backup, drill = enrolled.spooled()
    assert isinstance(backup, v1.Backup)
    assert isinstance(drill, v1.Drill)
    assert (backup.ok, backup.source, backup.snapshot) == (True, "pos", made["snapshot"])
    assert (backup.facts["rows"], backup.stored_bytes) == (200, made["stored_bytes"])
    assert (drill.ok, drill.snapshot, drill.facts) == (True, made["snapshot"], backup.facts)
    rows = served.rows("SELECT terminal_id FROM backups_snapshot WHERE digest = ?", made["snapshot"])
    assert rows == [(made["terminal"],)]


def test_a_restore_from_the_collector_and_from_a_copy_of_its_storage(enrolled: Desk, served: Served) -> None:
    _, made = enrolled.by_name("backup")
    config = ("--config", enrolled.root / "agent.toml")
    to = enrolled.root / "from-collector.db"
    code, _ = enrolled.type("restore", "--repository", "collector", *config, *enrolled.secret, "--to", to)
    assert code == 0
    assert to.read_bytes() == enrolled.till.database.read_bytes()
    storage = served.home / "backups" / str(made["terminal"])
    to = enrolled.root / "from-storage.db"
    code, _ = enrolled.type("restore", "--repository", storage, *enrolled.secret, "--to", to)
    assert code == 0
    assert to.read_bytes() == enrolled.till.database.read_bytes()


def test_a_failure_is_reported_too(desk: Desk) -> None:
    desk.till.folder.mkdir()
    desk.configure(str(desk.till.folder))
    desk.till.database.unlink()
    code, answer = desk.by_name("backup")
    assert (code, answer["error"]) == (1, "backup.source_missing")
    (told,) = desk.spooled()
    assert isinstance(told, v1.Backup)
    assert (told.ok, told.snapshot) == (False, "")
    assert told.error.startswith("backup.source_missing: ")


def test_a_disk_that_is_not_plugged_in_is_reported_and_not_made(desk: Desk) -> None:
    desk.configure(str(desk.till.folder))
    code, answer = desk.by_name("backup")
    assert (code, answer["error"]) == (75, "backup.repository_unreachable")
    assert not desk.till.folder.exists()
    (told,) = desk.spooled()
    assert isinstance(told, v1.Backup)
    assert not told.ok


def test_a_snapshot_that_vanished_is_a_failed_drill(desk: Desk) -> None:
    desk.till.folder.mkdir()
    desk.configure(str(desk.till.folder))
    desk.by_name("backup")
    assert desk.by_name("drill", *desk.secret)[0] == 0
    _, newest = desk.by_name("backup")
    (desk.till.folder / object_path(f"snapshots/{newest['snapshot']}")).unlink()
    code, proof = desk.by_name("drill", *desk.secret)
    assert (code, proof["error"]) == (1, "backup.snapshot_gone")
    told = desk.spooled()[-1]
    assert isinstance(told, v1.Drill)
    assert not told.ok


def test_words_for_a_person(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    desk.backup()
    assert main(["drill", "--repository", str(desk.till.folder), *map(str, desk.secret)]) == 0
    shown = desk.capsys.readouterr()
    assert "Proven" in shown.out
    assert shown.err == ""


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("2026-03-31T22:15:30.5+00:00", datetime(2026, 3, 31, 22, 15, 30, 500_000)),
        ("2026-03-31T22:15:30Z", datetime(2026, 3, 31, 22, 15, 30, 999_999)),
        ("2026-03-31T22:15+00:00", datetime(2026, 3, 31, 22, 15, 59, 999_999)),
        ("2026-03-31 22:15Z", datetime(2026, 3, 31, 22, 15, 59, 999_999)),
    ],
)
def test_a_time_means_its_end(text: str, last: datetime) -> None:
    assert point_in_time(text) == last.replace(tzinfo=UTC)


def test_a_day_means_its_end_in_local_time() -> None:
    local = point_in_time("2026-03-31").astimezone()
    assert (local.day, local.hour, local.minute, local.microsecond) == (31, 23, 59, 999_999)


def test_a_message_carries_totals_first() -> None:
    facts: dict[str, bool | int | float | str | None] = {f"rows.t{i:03}": i for i in range(100)}
    facts |= {"rows": 7, "schema": "x" * 500, "rows." + "n" * 200: 1}
    short = wire_facts(facts)
    assert len(short) == 64
    assert list(short)[:3] == ["rows", "schema", "rows.t000"]
    assert len(str(short["schema"])) == 400


def test_status_tells_how_far_a_running_backup_is(desk: Desk) -> None:
    desk.till.folder.mkdir()
    desk.configure(str(desk.till.folder))
    (desk.root / "agent" / "backup").mkdir(parents=True)
    file = progress_file(desk.root / "agent", "pos")
    Kept(file, SystemClock())("store", 25, 100)
    desk.capsys.readouterr()
    main(["status", "--config", str(desk.root / "agent.toml"), "--json"])
    told = json.loads(desk.capsys.readouterr().out)["backups_running"]["pos"]
    assert (told["done"], told["total"]) == (25, 100)
    main(["status", "--config", str(desk.root / "agent.toml")])
    assert "Backup pos: storing  25 %" in desk.capsys.readouterr().out
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({**kept, "at": "2020-01-01T00:00:00+00:00"}))
    main(["status", "--config", str(desk.root / "agent.toml")])
    assert "Backup pos" not in desk.capsys.readouterr().out
