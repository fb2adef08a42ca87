"""Fetching what is wished, and telling what became of it, with a real spool and a folder on the disk."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from agent.config import kept
from agent.runtime import configuring
from agent.runtime.configuring import Configuring, NotKept
from agent.runtime.outgoing import Outgoing
from agent.spool import FILE, Spool
from agent.uplink.client import Client
from agent.uplink.connection import Answer
from protocols.errors import CollectorUnreachable, ConfigError
from protocols.wire import v1
from protocols.wire.desired import digest_of
from tests.agent.runtime.hand_clock import HandClock

TERMINAL = "t1"


class Line:
    """The collector's side of the client: one document, and how often it was asked for."""

    def __init__(self) -> None:
        self.body = b""
        self.asked = 0

    def wish(self, number: int, seconds: float, terminal: str = TERMINAL) -> v1.Desired:
        tables: Any = {"host": {"sample_s": seconds}}
        wished = v1.Desired(terminal=terminal, number=number, digest=digest_of(tables), tables=tables)
        self.body = wished.model_dump_json().encode()
        return wished

    def send(self, method: str, path: str, body: bytes, *, content_type: str) -> Answer:
        assert (method, path, body) == ("GET", v1.PATH_CONFIGURATION, b"")
        self.asked += 1
        return Answer(200, {}, self.body)


class Life:
    """The state folder of one till, and the run that goes by it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.state.mkdir()
        self.clock = HandClock()
        self.line = Line()
        self.spools: list[Spool] = []
        self.file = folder / "agent.toml"
        self.write()
        self.run()

    def write(self, more: str = "") -> None:
        text = f'[agent]\nstate_dir = "{self.state.as_posix()}"\n[collector]\nurl = "https://collector.example"\n{more}'
        self.file.write_text(text)

    def run(self, made: Configuring | None = None) -> None:
        """Another run: of this process where one is handed in."""
        self.configuring = made or Configuring(self.file, self.state, TERMINAL, self.clock)
        self.config = self.configuring.begin()
        self.spool = Spool(self.state / FILE, self.clock, owner=True)
        self.spools.append(self.spool)
        self.configuring.attach(self.spool, Outgoing(self.spool, lambda: None))

    def fetch(self) -> None:
        self.configuring.fetch(cast(Client, self.line))

    def stay(self, seconds: float = configuring.TRIAL_S) -> None:
        self.clock.move(seconds)
        self.configuring.tick()

    def end(self) -> None:
        self.configuring.end()
        self.spool.close()

    def take(self, number: int, seconds: float) -> None:
        """A version that is wished, tried and kept."""
        self.line.wish(number, seconds)
        self.fetch()
        self.end()
        self.run(self.configuring)
        self.stay()

    def told(self) -> list[tuple[int, str, int]]:
        rows = self.spool.next_batch(100, 1 << 20).rows
        found = [json.loads(row.body) for row in rows if row.kind == "configuration"]
        return [(one["number"], one["outcome"], one["holds"]) for one in found]


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    made = Life(tmp_path)
    yield made
    for spool in made.spools:
        spool.close()


def test_a_wish_is_tried_kept_and_told_once(life: Life) -> None:
    life.line.wish(1, 5)
    life.fetch()
    assert (life.configuring.anew, life.told()) == (True, [])
    life.end()
    life.run(life.configuring)
    assert (life.configuring.anew, life.config.host.sample_s) == (False, 5)
    life.stay(configuring.TRIAL_S - 1)
    assert life.told() == []
    life.stay(1)
    assert life.told() == [(1, "applied", 1)]
    life.stay()
    life.end()
    life.run()
    assert life.config.host.sample_s == 5
    assert life.told() == [(1, "applied", 1)], "a start says nothing new"


def test_a_collector_cannot_make_the_agent_begin_anew_all_the_time(life: Life) -> None:
    life.take(1, 5)
    life.line.wish(2, 6)
    life.fetch()
    assert not life.configuring.anew
    life.clock.move(configuring.PAUSE_S)
    life.fetch()
    assert life.configuring.anew


def test_the_collector_is_left_alone_while_nothing_is_new(life: Life) -> None:
    life.take(1, 5)
    life.clock.move(configuring.PAUSE_S)
    for _ in range(10):
        life.fetch()
    assert life.line.asked == 2
    life.clock.move(configuring.PAUSE_S)
    life.line.wish(2, 99_999)
    life.fetch()
    assert life.told()[-1] == (2, "refused", 1)


def test_nothing_is_fetched_while_one_is_tried(life: Life) -> None:
    life.line.wish(1, 5)
    life.fetch()
    life.line.wish(2, 6)
    life.fetch()
    assert life.line.asked == 1


def test_a_collector_that_has_forgotten_is_told_again(life: Life) -> None:
    life.take(1, 5)
    life.clock.move(configuring.TELL_AGAIN_S)
    life.fetch()
    assert life.told() == [(1, "applied", 1)] * 2


def test_a_lost_file_is_noticed_and_told_so_that_it_is_fetched_again(life: Life) -> None:
    life.take(1, 5)
    life.end()
    (life.state / kept.FILE).write_bytes(b"torn")
    life.run()
    assert life.config.host.sample_s == 60, "by its own file alone"
    assert life.told() == [(1, "applied", 1), (0, "applied", 0)]
    life.fetch()
    assert life.configuring.anew


def test_a_till_for_which_nothing_was_ever_wished_says_nothing(life: Life) -> None:
    life.end()
    life.run()
    assert life.told() == []


def test_what_was_wished_for_another_terminal_is_not_for_this_one(life: Life) -> None:
    life.line.wish(1, 5, terminal="t2")
    with pytest.raises(CollectorUnreachable, match="not for this terminal"):
        life.fetch()
    kept.write(life.state, kept.Kept(good=life.line.wish(1, 5, terminal="t2")))
    life.end()
    life.run()
    assert life.config.host.sample_s == 60


@pytest.mark.parametrize("body", [b"", b"{}", b"[" * 10_000, b"x" * (1 << 20)])
def test_an_answer_that_is_none_changes_nothing(life: Life, body: bytes) -> None:
    life.line.body = body
    with pytest.raises(CollectorUnreachable):
        life.fetch()
    assert not life.configuring.anew


def test_a_file_that_is_being_edited_ends_no_agent(life: Life) -> None:
    """What stood there before goes on, and the wish is judged when the file is right again."""
    life.write("[host")
    life.line.wish(1, 5)
    life.fetch()
    life.end()
    life.run(life.configuring)
    assert life.config.host.sample_s == 5
    with pytest.raises(ConfigError):
        Configuring(life.file, life.state, TERMINAL, life.clock).begin()


def test_another_state_folder_waits_for_the_service(life: Life, tmp_path: Path) -> None:
    life.write()
    life.file.write_text(
        life.file.read_text().replace(life.state.as_posix(), (tmp_path / "elsewhere").as_posix())
    )
    life.end()
    life.run(life.configuring)
    assert life.config.agent.state_dir == life.state


def test_what_cannot_be_kept_is_not_tried(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    life.take(1, 5)
    life.line.wish(2, 6)
    life.clock.move(configuring.PAUSE_S)
    with monkeypatch.context() as patch:
        patch.setattr(kept, "write", full)
        with pytest.raises(NotKept):
            life.fetch()
        assert not life.configuring.anew
    life.fetch()
    life.end()
    with monkeypatch.context() as patch:
        patch.setattr(kept, "write", full)
        life.run()
        assert life.config.host.sample_s == 5, "a start that cannot be counted is none of a trial"
    life.end()
    life.run()
    assert life.config.host.sample_s == 6
