"""One device asked by hand."""

import pytest

from agent.devices import profile_store
from agent.devices.prober import Finding, probe
from protocols.device.family import When
from protocols.device.registry import FAMILIES
from protocols.errors import NoReply, PortGone
from tests.agent.devices.bench import SkewedClock, Till


def ask(till: Till, *families: str, bauds: tuple[int, ...] = (9600,)) -> Finding:
    chosen = [FAMILIES[name] for name in families or FAMILIES]
    return probe(till.port, chosen, profile_store.load(), SkewedClock(), bauds=bauds)


def test_it_says_what_it_found_and_why(till: Till) -> None:
    till.machine.set_faults({"paper_end": True} if till.family != "escpos" else {"paper_near_end": True})
    finding = ask(till, till.family)
    assert finding.family == till.family
    assert finding.identity.model == till.machine.model
    assert finding.faults in (("printer.paper_end",), ("printer.paper_near_end",))
    assert finding.round_trip_s is not None
    assert any(till.machine.model in reason for reason in finding.why)
    assert any("manual" in reason for reason in finding.why)
    assert till.machine.forbidden == []


def test_an_offline_printer_is_not_asked_who_it_is(printer: Till) -> None:
    printer.machine.set_faults({"cover_open": True})
    finding = ask(printer)
    assert finding.faults == ("printer.cover_open", "printer.offline")
    assert printer.machine.received == len(FAMILIES["escpos"].commands(When.POLL)) * len(b"\x10\x04\x01")
    assert printer.machine.state()["waiting"] == 0
    assert any("did not say" in reason for reason in finding.why)


def test_a_device_that_is_off_does_not_answer(printer: Till) -> None:
    printer.machine.set_behaviour({"silent": 1})
    with pytest.raises(NoReply):
        ask(printer, "escpos")


def test_a_port_that_is_not_there_is_not_tried_at_every_speed(printer: Till) -> None:
    printer.unplug()
    with pytest.raises(PortGone):
        ask(printer, bauds=())
