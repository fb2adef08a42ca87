"""The standing that lists filter by in SQL is the one that `collector.inventory.standing` decides."""

import itertools
from datetime import timedelta

import pytest
from django.conf import settings

from collector.incidents.models import Incident
from collector.inventory import standing
from collector.inventory.maintenance_models import Maintenance
from collector.inventory.models import Device
from collector.inventory.standing import Attached, OpenFault, Presence
from collector.web.reading.places import devices, terminals
from collector.web.views.now import places
from protocols.status.faults import Severity, fault
from protocols.wire.v1 import Contact
from tests.collector.web import world

pytestmark = pytest.mark.django_db

CODES = ("printer.paper_end", "printer.paper_near_end", "device.no_reply", "device.port_missing")
FAULTS = [codes for n in range(3) for codes in itertools.combinations(CODES, n)]
HEARD = {"now": timedelta(0), "long ago": timedelta(days=1), "never": None}
"""Ago."""


@pytest.mark.parametrize("retired", ["", "device", "terminal"])
@pytest.mark.parametrize("heard", HEARD)
def test_sql_and_rule_agree(heard: str, retired: str) -> None:
    gone = {name: world.NOW if retired == name else None for name in ("device", "terminal")}
    place = world.site()
    expected: dict[int, str] = {}
    for contact, codes in itertools.product(Contact, FAULTS):
        ago = HEARD[heard]
        heard_at = None if ago is None else world.NOW - ago
        till = world.till(place, last_seen_at=heard_at, retired_at=gone["terminal"])
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


@pytest.mark.parametrize("unsuppressed", [(), ("printer.paper_near_end",), ("printer.paper_end",)])
@pytest.mark.parametrize("codes", [codes for codes in FAULTS if codes])
def test_sql_and_rule_agree_on_what_is_suppressed(
    codes: tuple[str, ...], unsuppressed: tuple[str, ...]
) -> None:
    till = world.till()
    device = world.device(till)
    faults = []
    for code in dict.fromkeys((*codes, *unsuppressed)):
        by = "" if code in unsuppressed else "printer.cover_open"
        since = {"suppressed_since": world.NOW, "suppressed_why": "cause"} if by else {}
        world.incident(till, code, device=device, severity=fault(code).severity.value, **since)
        faults.append(OpenFault(code, Severity(fault(code).severity), world.NOW, by))
    presence = Presence(heard_at=world.NOW, enrolled_at=world.NOW, silent_after_s=300)
    attached = Attached(contact=Contact.OK, since=None)
    assert devices().get().standing == standing.of_device(attached, presence, faults, world.NOW).standing


def test_a_till_behind_a_line_that_is_cut_is_suppressed_and_the_shop_is_not() -> None:
    place = world.site()
    gone = world.NOW - timedelta(hours=1)
    tills = [world.till(place, f"Kase {n}", last_seen_at=gone) for n in range(3)]
    line = Incident.objects.create(
        site=place, code="site.offline", subject_kind="terminal", severity="error", rule="site", since=gone,
        opened_at=gone, last_seen_at=gone,
    )  # fmt: skip
    for till in tills:
        since = {"suppressed_since": gone, "suppressed_why": "cause", "cause": line}
        world.incident(till, "agent.silent", subject_kind="terminal", subject_id="", **since)
        world.device(till)
    assert {till.standing for till in terminals()} == {"suppressed"}
    assert {device.standing for device in devices()} == {"suppressed"}
    (shop,), _all = places(60)
    assert (shop.worst, shop.suppressed, shop.tills) == ("no_contact", 3, 3)
    line.suppressed_since = gone
    line.save()
    assert places(60)[0][0].worst == "suppressed"


def test_maintenance_of_one_device_says_nothing_of_its_till() -> None:
    till = world.till()
    device, other = world.device(till), world.device(till, "kitchen")
    world.incident(till, device=device)
    window = {"begins_at": world.NOW - timedelta(hours=1), "ends_at": world.NOW + timedelta(hours=1)}
    Maintenance.objects.create(device=other, reason="new head", made_at=world.NOW, **window)
    assert dict(devices().values_list("name", "standing")) == {"printer": "fault", "kitchen": "maintenance"}
    assert terminals().get().standing == "fault"
    Maintenance.objects.create(site=till.site, reason="rebuilding", made_at=world.NOW, **window)
    assert terminals().get().standing == "maintenance"


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


def test_the_first_page_shows_the_worst_shops_and_more_when_asked() -> None:
    for number in range(62):
        world.till(world.site(f"Veikals {number:02}", customer=f"SIA {number}"))
    client = world.signed_in("technician")
    first = client.get("/").content.decode()
    assert "60 of 62" in first
    assert "Veikals 59" in first
    assert "Veikals 61" not in first
    more = client.get("/?shops=120").content.decode()
    assert "Veikals 61" in more
    assert "Show more shops" not in more
