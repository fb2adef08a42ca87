"""The pages of a collector that has an authority: codes and words tell its fingerprint."""

import pytest
from django.conf import settings

from collector.core import clock, home
from tests.collector.web import world


@pytest.fixture(autouse=True, scope="session")
def authority(_home_of_settings: None) -> None:
    home.make_authority(settings.CONFIG, clock.now())


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of all tests lasts longer than a till may be silent."""
    monkeypatch.setattr(world, "NOW", clock.now().replace(microsecond=0))
