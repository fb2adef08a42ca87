from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.backup.till import Till
from tests.collector.served import Served


@pytest.fixture
def till(tmp_path: Path) -> Till:
    return Till(tmp_path)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One for all that ask, which are a group, so that one worker starts it once."""
    with Served(tmp_path_factory.mktemp("backups") / "collector") as running:
        yield running
