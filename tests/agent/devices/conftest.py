"""A till for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.devices.bench import Till


@pytest.fixture
def printer(tmp_path: Path) -> Iterator[Till]:
    till = Till(tmp_path, "escpos")
    till.plug_in()
    yield till
    till.unplug()


@pytest.fixture(params=["escpos", "datecs_isl_legacy"])
def till(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Till]:
    made = Till(tmp_path, request.param)
    made.plug_in()
    yield made
    made.unplug()
