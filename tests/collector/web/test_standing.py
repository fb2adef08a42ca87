"""The standing that lists filter by in SQL is the one that `collector.inventory.standing` decides."""

import itertools
from datetime import timedelta

import pytest
from django.conf import settings

from collector.inventory import standing
from collector.inventory.models import Device
from collector.inventory.standing import Attached, OpenFault, Presence
from collector.web.reading.places import devices, terminals
from protocols.status.faults import Severity, fault
from protocols.wire.v1 import Contact
from tests.collector.web import world

pytestmark = pytest.mark.django_db

CODES = ("printer.paper_end", "printer.paper_near_end", "device.no_reply", "device.port_missing")
FAULTS = [codes for n in range(3) for codes in itertools.combinations(CODES, n)]
HEARD = {"now": world.NOW, "long ago": world.NOW - timedelta(days=1), "never": None}


@pytest.mark.parametrize("retired", ["", "device", "terminal"])
@pytest.mark.parametrize("heard", HEARD)
def test_sql_and_rule_agree(heard: str, retired: str) -> None:
    gone = {name: world.NOW if retired == name else None for name in ("device", "terminal")}
    place = world.site()
    expected: dict[int, str] = {}
    for contact, codes in itertools.product(Contact, FAULTS):
        till = world.till(place, last_seen_at=HEARD[heard], retired_at=gone["terminal"])
        device = world.device(till, contact=contact.value, retired_at=gone["device"])
        for code in codes:
            world.incident(till, code, device=device, severity=fault(code).severity.value)
        expected[device.pk] = str(_rule(device, codes))
    found = dict(devices().values_list("pk", "standing"))
    assert found == expected


def _rule(device: Device, codes: tuple[str, ...]) -> standing.Standing:
    presence = Presence(
        heard_at=device.terminal.last_seen_at,
        enrolled_at=device.terminal.enrolled_at,
        silent_after_s=settings.CONFIG.silent_after_s,
        retired_at=device.terminal.retired_at,
    )
    attached = Attached(contact=Contact(device.contact), since=None, retired_at=device.retired_at)
    faults = [OpenFault(code, Severity(fault(code).severity), world.NOW) for code in codes]
    return standing.of_device(attached, presence, faults, world.NOW).standing


def test_a_till_is_as_bad_as_the_worst_of_its_devices() -> None:
    till = world.till()
    assert terminals().get().standing == "ok"
    world.incident(till, "printer.paper_near_end", severity="warning")
    assert terminals().get().standing == "attention"
    bad = world.incident(till, "printer.paper_end")
    assert terminals().get().standing == "fault"
    assert terminals().get().open_incidents == 2
    bad.cleared_at = world.NOW
    bad.save()
    assert terminals().get().standing == "attention", "a fault that is gone waits, but is gone"
