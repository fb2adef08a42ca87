"""`kill -9` of the collector while a terminal streams: every answered message is stored, once, in order."""

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
import requests

from tests.collector.conftest import Databases
from tests.collector.served import Served, Till, event, until

KILLS = 20
CARELESS = [sys.executable, "-m", "tests.collector.ingest.careless"]


class Stream:
    """Sends numbered messages as an agent does: what is not acknowledged goes again; what is, is
    forgotten."""

    def __init__(self, till: Till) -> None:
        self.till = till
        self.acknowledged = 0
        self.broken = ""
        self._stop = Event()
        self._thread = Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._stop.is_set() and not self.broken:
            first = self.acknowledged + 1
            batch = [
                event(seq, "raised" if seq % 2 else "cleared", "printer.cover_open")
                for seq in range(first, first + 3)
            ]
            try:
                answer = self.till.report(*batch)
            except requests.RequestException:
                self._stop.wait(0.02)
                continue
            if answer.ok:
                self.acknowledged = answer.json()["complete_to"]
            elif answer.json()["code"] == "report.gap":
                self.broken = f"{answer.json()['complete_to']} of {self.acknowledged} are there"


@pytest.fixture
def stream(own: Served) -> Iterator[Stream]:
    stream = Stream(own.terminal())
    stream.start()
    yield stream
    stream.stop()


@pytest.mark.timeout(300)
def test_twenty_kills_lose_and_double_nothing(own: Served, stream: Stream) -> None:
    chance = random.Random(7)
    for _ in range(KILLS):
        before = stream.acknowledged
        until(lambda before=before: stream.acknowledged > before + 3, "the stream goes on")
        Event().wait(chance.random() * 0.15)
        own.kill()
        own.start()
    stream.stop()
    assert not stream.broken
    stored = stream.till.stored()
    assert stored == list(range(1, len(stored) + 1))
    assert len(stored) >= stream.acknowledged > KILLS * 3
    check_incidents(own, stored)


def check_incidents(own: Served, stored: list[int]) -> None:
    """The rows of the incident's life were written with the messages: every raise counted once."""
    counted = own.rows("SELECT SUM(count) FROM incidents_incident WHERE code = 'printer.cover_open'")
    assert counted[0][0] == sum(seq % 2 for seq in stored)
    open_ones = own.rows("SELECT COUNT(*) FROM incidents_incident WHERE state <> 'resolved'")
    assert open_ones[0][0] <= 1


@pytest.mark.timeout(300)
def test_control_an_answer_before_the_commit_loses(tmp_path: Path, database: Databases) -> None:
    """The same test notices a collector that answers too early."""
    with Served(tmp_path / "collector", database.new(), CARELESS) as careless:
        stream = Stream(careless.terminal())
        stream.start()
        for _ in range(3):
            before = stream.acknowledged
            until(lambda before=before: stream.acknowledged > before + 3, "the stream goes on")
            careless.kill()
            careless.start()
        stream.stop()
        careless.stop()
        assert len(stream.till.stored()) < stream.acknowledged


def test_a_stop_answers_what_was_taken_in(own: Served, stream: Stream) -> None:
    until(lambda: stream.acknowledged > 9, "the stream goes on")
    assert own.stop() == 0
    stream.stop()
    assert len(stream.till.stored()) >= stream.acknowledged
