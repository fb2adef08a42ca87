"""`kill -9` of agent and collector at random moments of the story: no event lost, none doubled."""

import json
import os
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.end_to_end.stage import Stage, TimedOut, until

KILLS = int(os.environ.get("PLOMBA_KILLS", "12"))
"""Of each of the two; the published run has 500 of each."""
FAULTS = ("paper_end", "cover_open", "paper_near_end")


@pytest.mark.timeout(120 + 30 * KILLS)
@pytest.mark.parametrize("victim", ["agent", "collector"])
def test_no_event_is_lost_and_none_doubled(tmp_path: Path, victim: str) -> None:
    chance = random.Random(victim)
    with Stage(tmp_path / "world", poll_s=0.5, drawer_s=1).build() as stage:
        for _ in range(KILLS):
            change_something(stage, chance)
            kill(stage, victim, chance)
        finish(stage)
        check(stage.home)
        control(stage.home, chance)


def change_something(stage: Stage, chance: random.Random) -> None:
    assert stage.printer
    assert stage.fiscal
    for emulator in (stage.printer, stage.fiscal):
        emulator.fault(**{chance.choice(FAULTS): chance.random() < 0.6})


def kill(stage: Stage, victim: str, chance: random.Random) -> None:
    """Let a random part of the way from fault to commit happen, then kill and start again."""
    with suppress(TimedOut):
        until(lambda: None, "a random moment", timeout_s=chance.uniform(0.5, 3.5), every_s=0.05)
    if victim == "agent":
        assert stage.agent
        stage.agent.kill()
        stage.start_agent()
    else:
        assert stage.collector
        stage.collector.kill()
        stage.start_collector()


def finish(stage: Stage) -> None:
    """No fault lasts and everything is delivered; both ended cleanly. An incident whose fault came and went all
    the time stays open until it was calm for a while."""
    assert stage.printer
    assert stage.fiscal
    assert stage.agent
    assert stage.collector
    stage.printer.reset()
    stage.fiscal.reset()
    until(lambda: True if stage.devices_ok() and not lasting(stage) else None, "every fault is gone", 60)
    stage.agent.stop()
    stage.collector.stop()


def lasting(stage: Stage) -> list[str]:
    found = stage.api.get("/incidents", open="true", limit=200)["items"]
    return [one["code"] for one in found if one["subject_id"] and one["cleared_at"] is None]


def control(home: Path, chance: random.Random) -> None:
    """The check itself must see a lost, a doubled and a twice counted event."""
    with database(home) as db:
        rows = [row[0] for row in db.execute("select id from ingest_message where kind = 'event'")]
        table = db.execute("select name from pragma_table_info('incidents_transition') where name != 'id'")
        columns = ", ".join(f'"{name}"' for (name,) in table)
    assert len(rows) > KILLS / 4, "the story had too few events to prove anything"
    victim = chance.choice(rows)
    spoil = (
        ("delete from ingest_message where id = ?", victim),
        (
            "update ingest_message set epoch = (select max(epoch) + 1 from ingest_message) where id = ?",
            victim,
        ),
        (
            f"insert into incidents_transition({columns}) select {columns} from incidents_transition"
            " where kind = 'opened' and ? limit 1",
            1,
        ),
        ("update incidents_incident set count = count + ? where code != 'agent.silent'", 1),
    )
    for number, (sql, value) in enumerate(spoil):
        copy = home / f"spoiled-{number}"
        shutil.copytree(home / "collector", copy / "collector")
        shutil.copytree(home / "agent", copy / "agent")
        with database(copy) as db:
            db.execute(sql, (value,))
            db.commit()
        with pytest.raises(AssertionError):
            check(copy)


def check(home: Path) -> None:
    """What the collector has is what the spool numbered, once each, and the incidents tell the same story."""
    with database(home) as db, spool(home) as outbox:
        check_numbers(db, outbox)
        check_events(db)


def check_numbers(db: sqlite3.Connection, outbox: sqlite3.Connection) -> None:
    """The ordered lane: all but what waits, without a hole, and both ends stand at the same link of the chain. The
    loose lane: all but what waits, of every run."""
    epoch, last, complete_to, link = outbox.execute(
        "select epoch, last_seq, complete_to, chain from lane where name = 'ordered'"
    ).fetchone()
    stored = db.execute("select seq from ingest_message where epoch = ? order by seq", (epoch,)).fetchall()
    assert [seq for (seq,) in stored] == list(range(1, complete_to + 1))
    [(held, chain)] = db.execute("select held, chain from ingest_stream where lane = 'ordered'").fetchall()
    assert held == complete_to
    if complete_to == last:
        assert chain == link.hex()
    told = outbox.execute("select epoch, seq from loose where stored = 1").fetchall()
    waiting = set(outbox.execute("select epoch, seq from loose where stored = 0").fetchall())
    loose = db.execute("select epoch, seq from ingest_message where epoch != ?", (epoch,)).fetchall()
    assert len(loose) == len(set(loose))
    assert set(told) <= set(loose)
    assert set(loose) <= set(told) | waiting, "stored there, and neither stored nor waiting here"


def check_events(db: sqlite3.Connection) -> None:
    """Per subject and code the events alternate, each that came was counted once, and no incident was opened twice. One
    that comes and goes all the time is counted and has no step each time."""
    rows = db.execute("select body from ingest_message where kind = 'event' order by seq").fetchall()
    changes: dict[tuple[str, str], list[str]] = {}
    for (body,) in rows:
        event = json.loads(body)
        changes.setdefault((event["subject"]["id"], event["code"]), []).append(event["change"])
    assert changes
    for key, found in changes.items():
        assert found == [("raised", "cleared")[i % 2] for i in range(len(found))], key
    raised = Counter(key for key, found in changes.items() for change in found if change == "raised")
    counted = db.execute(
        "select subject_id, code, count from incidents_incident where code != 'agent.silent'"
    )
    told: Counter[tuple[str, str]] = Counter()
    for subject, code, count in counted.fetchall():
        told[subject, code] += count
    assert told == raised
    opened = db.execute("select incident_id from incidents_transition where kind = 'opened'").fetchall()
    incidents = db.execute("select id from incidents_incident").fetchall()
    assert sorted(opened) == sorted(incidents)


@contextmanager
def database(home: Path) -> Iterator[sqlite3.Connection]:
    [path] = (home / "collector").glob("*.sqlite3")
    with closing(sqlite3.connect(path)) as db:
        yield db


@contextmanager
def spool(home: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(home / "agent" / "spool.db")) as db:
        yield db
