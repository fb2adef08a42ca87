"""One object store for all tests of a worker that need one."""

from collections.abc import Iterator

import pytest

from tests.collector.backups import seaweed


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[seaweed.Seaweed]:
    with seaweed.running(tmp_path_factory.mktemp("seaweed")) as running:
        yield running
