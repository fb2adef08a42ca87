"""A running collector over TLS, and terminals that talk to it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher

from collector.core import clock
from tests.collector import template
from tests.collector.served import Served
from tests.collector.still import START, StillClock
from tests.conftest import Postgresql

if TYPE_CHECKING:
    from collector.inventory.models import Terminal


@pytest.fixture(scope="session", autouse=True)
def _light_passwords() -> Iterator[None]:
    """In this process Argon2 takes the least of time and memory that it may: guessing in vain two dozen times at its
    true cost took eight times as long as all else in those tests. Collectors that a test starts hash as they do."""
    with pytest.MonkeyPatch.context() as patch:
        for name, least in (("time_cost", 1), ("memory_cost", 8), ("parallelism", 1)):
            patch.setattr(Argon2PasswordHasher, name, least)
        yield


@pytest.fixture(scope="session")
def database(request: pytest.FixtureRequest, on_postgresql: bool) -> "Databases":
    return Databases(request.getfixturevalue("postgresql") if on_postgresql else None)


class Databases:
    """A migrated database with nothing in it for each collector that a test starts."""

    def __init__(self, server: Postgresql | None) -> None:
        self._server = server
        self._made = 0

    def new(self) -> str:
        """Its address; empty for SQLite in the collector's home."""
        self._made += 1
        return self._server.create(f"served{self._made}", like=template.DATABASE) if self._server else ""


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, database: Databases) -> Iterator[Served]:
    """One collector for all tests that leave it as it was: each uses terminals of its own."""
    with Served(tmp_path_factory.mktemp("served"), database.new()) as running:
        yield running


@pytest.fixture
def own(tmp_path: Path, database: Databases) -> Iterator[Served]:
    """A collector of this test alone, which it may kill."""
    with Served(tmp_path / "collector", database.new()) as running:
        yield running


@pytest.fixture
def still() -> Iterator[StillClock]:
    """The collector's clock in this process stands still and is moved by hand."""
    stopped = StillClock()
    with clock.use(stopped):
        yield stopped


@pytest.fixture
def terminal(db: None) -> "Terminal":
    from collector.inventory.enrolment import site_of  # noqa: PLC0415 - models need Django's start

    site = site_of("SIA Zaļā karote", "Kafejnīca Centrs")
    return site.terminals.create(name="Kase 1", public_key="A" * 43, enrolled_at=START, last_seen_at=START)
