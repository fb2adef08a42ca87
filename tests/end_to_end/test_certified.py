"""The certified list on its way: what a manager enters is what the till's programs are compared with."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agent.runtime.certified_list import EVERY_S, CertifiedList
from agent.runtime.clock import SystemClock
from agent.system import certified
from agent.system.certified import Entry
from agent.uplink import identity
from agent.uplink.client import Client
from agent.uplink.connection import Connection, trust_only
from collector.core import clock
from tests.collector.served import Served
from tests.end_to_end.test_carried import Till
from tests.faults.offline import SteppedClock

COLUMNS = "product, modification, version, file, file_version, sha256, certificate, body, legal_basis, withdrawn_on, at"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("listed")) as running:
        yield running


def enter(
    served: Served, version: str, file: str, file_version: str = "", withdrawn: str | None = None
) -> None:
    row = ("Syrve", "", version, file, file_version, "", "", "", "", withdrawn, clock.now().isoformat())
    marks = ", ".join("?" * len(row))
    served.rows(f"INSERT INTO service_certifiedversion ({COLUMNS}) VALUES ({marks}) RETURNING id", *row)


@pytest.fixture
def till(served: Served, tmp_path: Path) -> Iterator[tuple[Path, Client]]:
    """Its state folder, and its way to the collector."""
    state_dir = Till(tmp_path / "till", served).file.parent
    me = identity.load(state_dir)
    connection = Connection(me.collector, trust_only(me.ca_file.read_text("ascii")))
    yield state_dir, Client(connection, me.key, me.terminal, SystemClock())
    connection.close()


def test_a_till_is_compared_with_what_is_on_the_list_today(served: Served, till: tuple[Path, Client]) -> None:
    state_dir, client = till
    now = SteppedClock(clock.now())
    known = CertifiedList(state_dir, now)
    known.heard(client)
    assert certified.read(state_dir) == ()

    enter(served, "9.2", "iikoFront.Net.exe", "9.2.8035.0")
    enter(served, "8.9", "iikoFront.Net.exe", withdrawn=(clock.now() - timedelta(days=2)).date().isoformat())
    enter(served, "1.0", "")
    known.heard(client)
    assert certified.read(state_dir) == (), "it asks no sooner than after an hour"
    now.at += timedelta(seconds=EVERY_S)
    known.heard(client)
    assert certified.read(state_dir) == (Entry("iikoFront.Net.exe", "9.2.8035.0"),)


def test_what_is_no_list_leaves_the_last_one(
    served: Served, till: tuple[Path, Client], caplog: pytest.LogCaptureFixture
) -> None:
    state_dir, client = till
    (state_dir / certified.FILE).write_text(
        json.dumps({"programs": [{"name": "pos", "version": "1"}]}), "utf-8"
    )
    enter(served, "2", "pos", file_version="x" * 80)
    served.rows("UPDATE service_certifiedversion SET sha256 = 'none' WHERE file = 'pos' RETURNING id")
    CertifiedList(state_dir, SystemClock()).heard(client)
    served.rows("DELETE FROM service_certifiedversion WHERE file = 'pos' RETURNING id")
    assert certified.read(state_dir) == (Entry("pos", "1"),)
    assert "certified versions is not to be had" in caplog.text
