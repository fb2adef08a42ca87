"""The one word under which a terminal or device stands, case by case."""

from datetime import timedelta

import pytest

from collector.inventory.standing import (
    Attached,
    Judgement,
    OpenFault,
    Presence,
    Standing,
    of_device,
    of_terminal,
)
from protocols.status.faults import Severity
from protocols.wire.v1 import Contact
from tests.collector.still import START

NOW = START + timedelta(hours=1)
HEARD = Presence(heard_at=NOW, enrolled_at=START, silent_after_s=300)
SILENT = Presence(heard_at=NOW - timedelta(seconds=301), enrolled_at=START, silent_after_s=300)
NEVER = Presence(heard_at=None, enrolled_at=START, silent_after_s=300)
RETIRED = Presence(heard_at=None, enrolled_at=START, silent_after_s=300, retired_at=NOW)
SERVICED = Presence(heard_at=NOW, enrolled_at=START, silent_after_s=300, maintenance_until=NOW + timedelta(1))
WARNING = OpenFault("printer.paper_near_end", Severity.WARNING, START)
ERROR = OpenFault("printer.paper_end", Severity.ERROR, NOW)
LOST = OpenFault("device.no_reply", Severity.ERROR, START)
HIDDEN = OpenFault("printer.offline", Severity.ERROR, START, suppressed_by="site.offline")


@pytest.mark.parametrize(
    ("presence", "faults", "word", "reason"),
    [
        (HEARD, [], Standing.OK, ""),
        (HEARD, [WARNING], Standing.ATTENTION, "printer.paper_near_end"),
        (HEARD, [WARNING, ERROR], Standing.FAULT, "printer.paper_end"),
        (HEARD, [HIDDEN], Standing.SUPPRESSED, "site.offline"),
        (HEARD, [HIDDEN, WARNING], Standing.ATTENTION, "printer.paper_near_end"),
        (SILENT, [ERROR], Standing.NO_CONTACT, "agent.silent"),
        (NEVER, [], Standing.NO_CONTACT, "terminal.never_heard"),
        (RETIRED, [ERROR], Standing.RETIRED, "terminal.retired"),
        (SERVICED, [ERROR], Standing.MAINTENANCE, "terminal.maintenance"),
    ],
)
def test_terminal(presence: Presence, faults: list[OpenFault], word: Standing, reason: str) -> None:
    found = of_terminal(presence, faults, NOW)
    assert (found.standing, found.reason) == (word, reason)


@pytest.mark.parametrize(
    ("contact", "presence", "faults", "word", "reason"),
    [
        (Contact.OK, HEARD, [], Standing.OK, ""),
        (Contact.IN_USE, HEARD, [], Standing.OK, "contact.in_use"),
        (Contact.UNKNOWN, HEARD, [], Standing.NO_CONTACT, "contact.unknown"),
        (Contact.DENIED, HEARD, [WARNING], Standing.NO_CONTACT, "contact.denied"),
        (Contact.NO_REPLY, HEARD, [LOST], Standing.NO_CONTACT, "device.no_reply"),
        (Contact.OK, HEARD, [WARNING], Standing.ATTENTION, "printer.paper_near_end"),
        (Contact.OK, HEARD, [ERROR, WARNING], Standing.FAULT, "printer.paper_end"),
        (Contact.OK, SILENT, [ERROR], Standing.NO_CONTACT, "agent.silent"),
        (Contact.OK, RETIRED, [], Standing.RETIRED, "terminal.retired"),
    ],
)
def test_device(
    contact: Contact, presence: Presence, faults: list[OpenFault], word: Standing, reason: str
) -> None:
    found = of_device(Attached(contact=contact, since=START), presence, faults, NOW)
    assert (found.standing, found.reason) == (word, reason)


def test_since_is_that_of_the_reason() -> None:
    assert of_terminal(HEARD, [WARNING, ERROR], NOW) == Judgement(Standing.FAULT, ERROR.code, NOW)
    assert of_terminal(SILENT, [], NOW).since == SILENT.heard_at


def test_a_removed_device_is_retired() -> None:
    gone = Attached(contact=Contact.OK, since=START, retired_at=NOW)
    assert of_device(gone, HEARD, [ERROR], NOW).standing is Standing.RETIRED
