from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.runtime.clock import SystemClock
from agent.spool import Spool
from agent.uplink.client import Client
from agent.uplink.connection import Connection, trust_only
from tests.agent.uplink.authority import Authority
from tests.agent.uplink.collector import TERMINAL, Collector


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def collector(authority: Authority, tmp_path: Path) -> Iterator[Collector]:
    made = Collector(authority, tmp_path)
    yield made
    made.close()
    assert not made.errors


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path / "spool.db", SystemClock(), owner=True) as made:
        yield made


@pytest.fixture
def client(collector: Collector, authority: Authority) -> Iterator[Client]:
    key = Ed25519PrivateKey.generate()
    collector.keys[TERMINAL] = key.public_key()
    connection = Connection(collector.url, trust_only(authority.pem.decode()), connect_s=2, read_s=2)
    made = Client(connection, key, TERMINAL, SystemClock())
    yield made
    made.close()
