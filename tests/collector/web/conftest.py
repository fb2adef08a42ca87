"""The pages of a collector that has an authority: codes and words tell its fingerprint."""

import pytest
from django.conf import settings

from collector.core import clock, home


@pytest.fixture(autouse=True, scope="session")
def authority(_home_of_settings: None) -> None:
    home.make_authority(settings.CONFIG, clock.now())
