"""A terminal whose reports are refused is not silent: it has an incident, or a person's answer, to wait for."""

from datetime import datetime, timedelta

import pytest

from collector.core.models import User
from collector.incidents import ticks
from collector.incidents.models import Incident
from collector.inventory import identity
from collector.inventory.models import Terminal
from tests.collector.still import START

pytestmark = pytest.mark.django_db
LATER = START + timedelta(hours=2)


def silent(terminal: Terminal, at: datetime = LATER, **fields: object) -> bool:
    Terminal.objects.filter(pk=terminal.pk).update(**fields)
    ticks.judge_silence(at)
    return Incident.objects.filter(terminal=terminal, code="agent.silent").exists()


def test_quarantined(terminal: Terminal) -> None:
    assert not silent(terminal, quarantined_at=START)
    assert silent(terminal, quarantined_at=None), "the control"


def test_waiting_for_approval_and_then_approved(terminal: Terminal) -> None:
    assert not silent(terminal, waits_since=START, last_seen_at=None)
    identity.approve(terminal.pk, User.objects.create(username="anna").pk, LATER)
    assert not silent(terminal), "it has not had the time to report"
    assert silent(terminal, LATER + timedelta(hours=1))
