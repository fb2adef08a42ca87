"""The pages of a collector that has an authority: codes and words tell its fingerprint."""

import shutil
from collections.abc import Iterator

import pytest
from django.conf import settings

from collector.core import clock, home


@pytest.fixture(autouse=True, scope="session")
def authority() -> Iterator[None]:
    home.make_authority(settings.CONFIG, clock.now())
    yield
    shutil.rmtree(settings.CONFIG.home, ignore_errors=True)
