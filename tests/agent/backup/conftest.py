from pathlib import Path

import pytest

from tests.agent.backup.till import Till


@pytest.fixture
def till(tmp_path: Path) -> Till:
    return Till(tmp_path)
