"""Which families are conceivable behind a port, whether it may be written to, and what is proposed. No port."""

import contextlib
import tomllib
from dataclasses import replace
from itertools import pairwise

import pytest

from agent.config import Device
from agent.devices.discovery import (
    Permission,
    Standing,
    Weight,
    in_order,
    is_of_interest,
    loudness,
    permission,
    rank,
    to_ask,
)
from agent.devices.discovery_confirm import Outcome, Plan
from agent.devices.discovery_setup import configuration
from agent.devices.prober import Finding
from agent.ports.discovery import Sighting
from agent.ports.ieee1284 import parse_text
from protocols.device.family import Family, Way, When
from protocols.device.registry import FAMILIES
from protocols.errors import DeviceError, NoReply, PlombaError, PortHeld
from protocols.status.model import DeviceState, Identity
from tests import links
from tests.contract.families import CASES, Case
from tests.emulators.machine import Machine

ALL = list(FAMILIES.values())
FTDI = Sighting(
    way=Way.SERIAL,
    address="/dev/serial/by-id/usb-FTDI_X-if00-port0",
    names=("/dev/ttyUSB0", "/dev/serial/by-id/usb-FTDI_X-if00-port0"),
    vid=0x0403,
    pid=0x6001,
    maker="FTDI",
    product="FT232R USB UART",
    held=False,
)
POSNET = replace(FTDI, vid=0x1424, pid=0x100B, maker="Posnet", product="Thermal")
EPSON = Sighting(
    way=Way.USB,
    address="usb:04b8:0e15",
    names=("usb:04b8:0e15",),
    vid=0x04B8,
    pid=0x0E15,
    maker="EPSON",
    product="TM-T20II",
    printer_class=True,
    held=False,
)
INK = parse_text(b"MFG:EPSON;CMD:ESCPL2,BDC,D4;MDL:XP-205;CLS:PRINTER;")
RECEIPT = parse_text(b"MFG:Gprinter;CMD:ESC/POS;MDL:GP-L80160;CLS:PRINTER;")
POSIFLEX = Sighting(
    way=Way.HID, address="hid:0d3a:0207", names=("hid:0d3a:0207",), vid=0x0D3A, pid=0x0207, product="Drawer"
)


def verdict(sighting: Sighting, **standing: object) -> Permission:
    return permission(sighting, rank(sighting, ALL), Standing(**standing))  # type: ignore[arg-type]


def identified(sighting: Sighting) -> list[str]:
    return [candidate.family.name for candidate in rank(sighting, ALL) if candidate.identified]


# Who may be behind it


def test_only_families_that_the_port_reaches_are_candidates() -> None:
    for sighting in (FTDI, EPSON, POSIFLEX):
        assert {c.family.name for c in rank(sighting, ALL)} == {
            f.name for f in ALL if sighting.way in f.ports.ways
        }


def test_a_bare_adapter_identifies_nobody() -> None:
    assert identified(FTDI) == []
    assert {candidate.weight for candidate in rank(FTDI, ALL)} == {Weight.POSSIBLE}


def test_a_bare_adapter_with_a_maker_s_name_is_a_hint_and_no_more() -> None:
    named = replace(FTDI, maker="Datecs", product="Fiscal Printer")
    best = rank(named, ALL)[:2]
    assert {c.family.name for c in best} == {"datecs_isl_legacy", "datecs_isl_x"}
    assert {c.weight for c in best} == {Weight.NAME}
    assert identified(named) == []
    assert "Datecs Fiscal Printer" in best[0].reasons[0].text


def test_a_word_inside_another_is_no_name() -> None:
    assert rank(replace(FTDI, product="datecsimal"), ALL)[0].weight is Weight.POSSIBLE


def test_the_maker_s_own_numbers_identify() -> None:
    assert identified(POSNET) == ["posnet"]
    assert identified(EPSON) == ["escpos"]


def test_the_second_serial_interface_of_a_device_is_not_the_one_to_ask() -> None:
    atol = replace(FTDI, vid=0x2912, pid=0x0005, interface=0)
    assert set(identified(atol)) == {"atol_v2", "atol_v3"}
    assert identified(replace(atol, interface=2)) == []


def test_the_language_of_the_ieee_1284_id_identifies_whoever_made_it() -> None:
    clone = replace(EPSON, vid=0x6868, pid=0x0500, maker="", product="", device_id=RECEIPT)
    assert identified(clone) == ["escpos"]
    assert identified(replace(clone, device_id=None)) == []


def test_an_office_printer_of_the_same_maker_is_not_a_receipt_printer() -> None:
    assert identified(replace(EPSON, device_id=INK)) == []
    assert identified(replace(EPSON, pid=0x08A8, device_id=INK)) == []
    assert rank(replace(EPSON, pid=0x08A8), ALL)[0].weight is Weight.MAKER


def test_keyboards_and_other_hid_devices_are_of_no_interest() -> None:
    keyboard = replace(POSIFLEX, vid=0x046D, pid=0xC31C, product="USB Keyboard")
    assert not is_of_interest(keyboard, rank(keyboard, ALL))
    assert is_of_interest(POSIFLEX, rank(POSIFLEX, ALL))
    assert is_of_interest(FTDI, rank(FTDI, ALL))


# Whether it may be asked


def test_nobody_vouches_for_a_bare_adapter() -> None:
    refused = verdict(FTDI)
    assert not refused.allowed
    assert refused.reason.code == "leave.adapter"
    assert "FTDI" in refused.reason.text
    bare = Sighting(way=Way.SERIAL, address="COM1", names=("COM1",))
    assert (verdict(bare).allowed, verdict(bare).reason.code) == (False, "leave.unknown")


def test_an_administrator_may_vouch_for_it() -> None:
    allowed = verdict(FTDI, listed=True)
    assert (allowed.allowed, allowed.reason.code) == (True, "ask.listed")


def test_what_its_numbers_identify_may_be_asked() -> None:
    for sighting in (POSNET, EPSON):
        assert (verdict(sighting).allowed, verdict(sighting).reason.code) == (True, "ask.identified")


@pytest.mark.parametrize(
    "drawer",
    [
        replace(FTDI, product="USB Cash Drawer Trigger"),
        replace(FTDI, vid=0x07C5, pid=0x0500, maker="", product=""),
        replace(EPSON, product="TM Drawer"),
    ],
    ids=["by its name", "by its maker", "though identified"],
)
def test_a_drawer_is_never_asked_whoever_lists_it(drawer: Sighting) -> None:
    assert verdict(drawer, listed=True).reason.code == "leave.drawer"
    assert not verdict(drawer, listed=True).allowed


@pytest.mark.parametrize("way", [Way.HID, Way.SIGNALS, Way.SPOOLER, Way.HTTP])
def test_other_kinds_of_port_are_never_written_to(way: Way) -> None:
    refused = verdict(Sighting(way=way, address="x", names=("x",)), listed=True)
    assert (refused.allowed, refused.reason.code) == (False, "leave.kind")


def test_a_port_that_the_configuration_reads_by_its_signals_is_a_drawer() -> None:
    refused = verdict(FTDI, listed=True, configured="drawer", trigger=True)
    assert (refused.allowed, refused.reason.code) == (False, "leave.drawer")


def test_a_port_that_is_held_is_left_alone() -> None:
    for sighting in (replace(POSNET, held=True), replace(EPSON, held=True)):
        assert verdict(sighting, listed=True).reason.code == "leave.held"
    assert verdict(replace(POSNET, held=None)).allowed  # opening tells


def test_a_device_that_the_agent_reads_already_is_left_to_it() -> None:
    refused = verdict(POSNET, configured="fiscal")
    assert (refused.allowed, refused.reason.code) == (False, "leave.configured")
    assert "fiscal" in refused.reason.text
    assert verdict(POSNET, configured="fiscal", listed=True).allowed


def test_the_plan_knows_a_port_by_all_its_names() -> None:
    signals = Device(id="d", family="signal_drawer", port="signals:/dev/ttyUSB0")
    plan = Plan(ALL, {}, listed=("/dev/ttyUSB0",), configured=(signals,))
    assert plan.standing(FTDI) == Standing(listed=True, configured="d", trigger=True)
    other = replace(FTDI, address="/dev/ttyUSB1", names=("/dev/ttyUSB1",))
    assert plan.standing(other) == Standing()
    printer = Device(id="p", family="escpos", port="usb:04B8:0E15")
    with_serial = replace(EPSON, address="usb:04b8:0e15:X1", names=("usb:04b8:0e15:X1",))
    assert Plan(ALL, {}, configured=(printer,)).standing(with_serial).configured == "p"
    elsewhere = Device(id="p", family="escpos", port="usb:04b8:0e15:X")
    assert Plan(ALL, {}, configured=(elsewhere,)).standing(with_serial).configured == ""


# In which order


def test_quiet_questions_come_first() -> None:
    names = [family.name for family in in_order([f for f in ALL if Way.SERIAL in f.ports.ways])]
    assert names[:2] == ["escpos", "star_line"]
    assert all(loudness(FAMILIES[a]) <= loudness(FAMILIES[b]) for a, b in pairwise(names))
    assert loudness(FAMILIES["posnet"]) > 10


def test_an_identified_port_is_asked_as_what_it_is_and_a_listed_one_as_everything() -> None:
    assert [family.name for family in to_ask(rank(POSNET, ALL), listed=False)] == ["posnet"]
    serial = {family.name for family in ALL if Way.SERIAL in family.ports.ways}
    assert {family.name for family in to_ask(rank(FTDI, ALL), listed=True)} == serial
    assert to_ask(rank(FTDI, ALL), listed=False) == []


RECEIPT_PRINTERS = {"escpos", "star_line"}
STREAMS = [case for case in CASES.values() if Way.SERIAL in case.family.ports.ways]


@pytest.mark.parametrize("case", STREAMS, ids=[case.family.name for case in STREAMS])
def test_only_receipt_printers_would_print_the_question_of_another_family(case: Case) -> None:
    """All first questions, whatever the order: what a device that does not answer its own family's question
    would get. This is why the families of receipt printers ask first."""
    recorded = set()
    for other in STREAMS:
        if other is not case and _records(case.emulator(), other.family):
            recorded.add(other.family.name)
    assert bool(recorded) is (case.family.name in RECEIPT_PRINTERS)
    if case.family.name == "escpos":
        assert recorded == {other.family.name for other in STREAMS if other is not case}


def _records(machine: Machine, family: Family) -> bool:
    exchange = family.codec.exchange(family.commands(When.POLL)[0], family.codec.first_sequence())
    with contextlib.suppress(DeviceError):
        links.Talk(exchange, machine.receive, links.plain()).run()
    return bool(machine.forbidden)


# What is proposed


def outcome(
    sighting: Sighting,
    identity: Identity | None = None,
    error: PlombaError | None = None,
    configured: str = "",
) -> Outcome:
    finding = identity and Finding(
        sighting.address, "posnet", 9600, identity, DeviceState(), "common", (), 0.001, ("it answered",)
    )
    return Outcome(sighting, rank(sighting, ALL), verdict(sighting), configured, finding, error)


def test_the_lines_name_what_was_found() -> None:
    found = outcome(FTDI, Identity(maker="Posnet", model="THERMAL XL2", serial="BB1"))
    lines = configuration([found])
    assert tomllib.loads(lines) == {
        "device": [{"id": "thermal-xl2", "family": "posnet", "port": FTDI.address, "baud": 9600}]
    }
    assert "THERMAL XL2" in lines.splitlines()[0]
    assert found.confidence == "certain"


def test_ids_are_never_taken_twice() -> None:
    other = replace(POSNET, address="/dev/ttyACM0")
    found = [outcome(FTDI, Identity(model="X")), outcome(other, Identity(model="X"))]
    tables = tomllib.loads(configuration(found, ["x"]))["device"]
    assert [table["id"] for table in tables] == ["x-2", "x-3"]


def test_two_printers_with_one_address_give_one_table() -> None:
    lines = configuration([outcome(EPSON), outcome(EPSON)])
    assert len(tomllib.loads(lines)["device"]) == 1
    assert "twice" in lines


def test_a_model_without_latin_letters_goes_by_its_family() -> None:
    assert 'id = "posnet"' in configuration([outcome(FTDI, Identity(model="ШТРИХ-М-01Ф"))])


def test_what_a_device_says_of_itself_writes_no_line_of_its_own() -> None:
    evil = Identity(model='x"\n[agent]\nname = "\x1b[2J', serial="\x00")
    lines = configuration([outcome(FTDI, evil)])
    assert list(tomllib.loads(lines)) == ["device"]
    assert "\x1b" not in lines


def test_nothing_is_proposed_for_what_is_not_known_or_known_already() -> None:
    answered = Identity(model="X")
    assert configuration([outcome(FTDI)]) == ""
    assert configuration([outcome(POSNET, error=NoReply("silent"))]) == ""
    assert configuration([outcome(FTDI, answered, configured="fiscal")]) == ""


def test_an_identified_port_that_is_in_use_is_proposed_without_having_been_asked() -> None:
    held = outcome(POSNET, error=PortHeld("in use"))
    assert (held.family, held.confidence, held.held) == ("posnet", "by id", True)
    assert "baud" not in tomllib.loads(configuration([held]))["device"][0]


def test_two_families_with_the_same_number_are_not_decided_between() -> None:
    atol = outcome(replace(FTDI, vid=0x2912, pid=0x0005), error=PortHeld("in use"))
    assert (atol.family, atol.confidence) == ("", "none")
    assert configuration([atol]) == ""
