"""What each family tells of a device itself, asked as the poller asks: who it is, its last Z report, the room that is
left, and its wear. What it cannot tell has a reason, and stays unknown. A new family without an entry fails."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from protocols.device.exchange import Frame
from protocols.device.family import Command, Reply, When
from protocols.device.registry import FAMILIES
from protocols.errors import Rejected
from protocols.status.model import DeviceState, Identity
from tests import links
from tests.contract.families import CASES, Case

WHO = ("maker", "model", "firmware", "serial", "fiscal_memory_number", "tax_number")
MEMORY = ("last_z_number", "last_z_time", "free_z_records")
NOON = "22-11-26 12:00:00"


@dataclass(frozen=True, slots=True)
class Tells:
    """`told`: field -> value, times as text. `unknown`: field -> why no allow-listed question tells it.
    `counters`: all of them; `wear`: why there are none."""

    told: Mapping[str, object]
    unknown: Mapping[str, str] = field(default_factory=dict)
    counters: Mapping[str, int] = field(default_factory=dict)
    wear: str = ""
    model: str = ""


_NOT_FISCAL = dict.fromkeys(("fiscal_memory_number", "tax_number", *MEMORY), "it has no fiscal memory")
_SHTRIH = {
    "maker": "Shtrih-M",
    "firmware": "C.1 build 1234 2020-06-15",
    "serial": "123456",
    "tax_number": "7701234567",
    "last_z_number": 41,
    "last_z_time": "2026-11-22 00:00:00",
}
_NO_SHTRIH_WEAR = "its registers count sales and reports; none of any manual counts lines, cuts or power-ons"
_ATOL = Tells(
    told={
        "maker": "ATOL",
        "model": "ATOL 30F",
        "firmware": "5.8.0.1234",
        "serial": "00123456",
        "fiscal_memory_number": "9999078900001234",
    },
    unknown={
        "tax_number": "it stands in a register whose number no readable source names",
        "last_z_number": "whether the shift number of 3Fh is that of the open or of the last closed shift is not known",
        "last_z_time": "no listed answer carries it",
        "free_z_records": "a fiscal storage counts documents and time, not records",
    },
    wear="no readable source names a counter of lines, cuts or power-ons",
)
_ISL = {
    "maker": "Datecs",
    "firmware": "1.00BG 23NOV18 1000",
    "serial": "DT600123",
    "fiscal_memory_number": "02600123",
    "tax_number": "40003000000",
    "last_z_number": 1,
    "last_z_time": "2026-11-21 22:58:03",
    "free_z_records": 1824,
}

TABLE: Mapping[str, tuple[Tells, ...]] = {
    "datecs_isl_legacy": (
        Tells(
            told={**_ISL, "model": "FP-700"},
            counters={
                "paper_mm": 1234567,
                "documents": 8901,
                "cuts": 7654,
                "power_ons": 321,
                "modem_restarts": 0,
            },
        ),
        Tells(
            model="FP-1000",
            told={
                **_ISL,
                "model": "FP1000",
                "firmware": "2.00 10Mar05 1200",
                "serial": "DT000042",
                "fiscal_memory_number": "02000042",
                "last_z_time": "2026-11-21 00:00:00",
            },
            wear="its manual knows W and X of 4Ah only",
        ),
        Tells(
            model="DP-25",
            told={
                **_ISL,
                "model": "DP-25",
                "firmware": "263453 08Nov18 1312",
                "serial": "DT700321",
                "fiscal_memory_number": "02700321",
            },
            wear="its manual knows W and X of 4Ah only",
        ),
        Tells(
            model="A1",
            told={
                **{name: value for name, value in _ISL.items() if not name.startswith("last_z")},
                "maker": "Eltrade",
                "model": "A1",
                "firmware": "KL5101.1811.0.3 15Nov18 15:49",
                "serial": "ED300011",
                "fiscal_memory_number": "44300011",
            },
            unknown=dict.fromkeys(("last_z_number", "last_z_time"), "its manual has neither 40h nor 56h"),
            wear="its manual knows W and X of 4Ah only",
        ),
        Tells(
            model="CompactM",
            told={
                **_ISL,
                "maker": "Daisy",
                "model": "CompactM",
                "firmware": "ONL-4.01BG 23-11-2018 12:00",
                "serial": "DY400011",
                "fiscal_memory_number": "36400011",
                "last_z_number": 17,
                "last_z_time": "2026-11-21 00:00:00",
            },
            wear="its manual knows 4Ah without any option",
        ),
        Tells(
            model="300SM KL-Q",
            told={
                **_ISL,
                "maker": "Incotex",
                "firmware": "2.11 Jan 22 2019 14:00",
                "serial": "IN015013",
                "fiscal_memory_number": "54015013",
                "last_z_number": 17,
                "last_z_time": "2026-11-21 00:00:00",
            },
            unknown={"model": "its identification holds no name"},
            wear="its manual knows W and X of 4Ah only",
        ),
    ),
    "datecs_isl_x": (
        Tells(
            told={
                "maker": "Datecs",
                "model": "FP-700X",
                "firmware": "262453 14Jun19 1407",
                "serial": "DT700456",
                "fiscal_memory_number": "02700456",
                "tax_number": "40003000000",
                "last_z_number": 17,
                "last_z_time": "2026-11-21 22:58:03",
                "free_z_records": 1808,
            },
            wear="its manuals name no counter",
        ),
    ),
    "shtrih_v1": (
        Tells(
            told={**_SHTRIH, "model": "ШТРИХ-М-01Ф", "fiscal_memory_number": "9999078900001234"},
            unknown={"free_z_records": "a fiscal storage counts documents and time, not records"},
            wear=_NO_SHTRIH_WEAR,
        ),
    ),
    "shtrih_v2": (
        Tells(
            told={**_SHTRIH, "model": "ШТРИХ-М-01Ф", "fiscal_memory_number": "9999078900001234"},
            unknown={"free_z_records": "a fiscal storage counts documents and time, not records"},
            wear=_NO_SHTRIH_WEAR,
        ),
        Tells(
            model="ШТРИХ-ФР-К",
            told={
                **_SHTRIH,
                "model": "ШТРИХ-ФР-К",
                "fiscal_memory_number": "9999078900001234",
                "free_z_records": 2300,
            },
            wear=_NO_SHTRIH_WEAR,
        ),
    ),
    "atol_v2": (_ATOL,),
    "atol_v3": (_ATOL,),
    "tremol_zfp": (
        Tells(
            told={
                "maker": "Tremol",
                "model": "FP-21",
                "firmware": "Ver. 1.01 TRA21 C.S. 1A2B",
                "serial": "ZK123456",
                "fiscal_memory_number": "50123456",
                "tax_number": "40003000000",
                "last_z_number": 17,
                "last_z_time": "2026-11-21 22:58:00",
                "free_z_records": 1808,
            },
            counters={"ram_resets": 2, "receipts": 1234},
        ),
    ),
    "posnet": (
        Tells(
            told={
                "maker": "Posnet",
                "model": "POSNET THERMAL XL2 ONLINE",
                "firmware": "9.12a",
                "serial": "ABC1234567890",
                "last_z_number": 14,
                "last_z_time": "2010-02-24 08:20:00",
            },
            unknown={
                "fiscal_memory_number": "the one number that it tells is that of the device",
                "tax_number": "no status tells it",
                "free_z_records": "no status tells it",
            },
            counters={"documents": 123, "ram_resets": 1},
        ),
    ),
    "escpos": (
        Tells(
            told={"maker": "EPSON", "model": "TM-T20III", "firmware": "1.06 ESC/POS", "serial": "X4TJ012345"},
            unknown=_NOT_FISCAL,
            wear="no manual at hand tells what the counters of this model count",
        ),
    ),
    "star_line": (
        Tells(
            told={"maker": "Star", "model": "TSP100IIIBI", "firmware": "2.0", "serial": "2560918070600123"},
            unknown=_NOT_FISCAL,
            wear="its manuals name no counter that can be read",
        ),
    ),
    "signal_drawer": (
        Tells({}, dict.fromkeys((*WHO, *MEMORY), "it is a switch on a wire"), wear="it has none"),
    ),
    "posiflex_hid": (
        Tells(
            {}, dict.fromkeys((*WHO, *MEMORY), "its one report tells the switch alone"), wear="it has none"
        ),
    ),
    "windows_spooler": (
        Tells(
            {}, dict.fromkeys((*WHO, *MEMORY), "the spooler knows a queue, not a device"), wear="it has none"
        ),
    ),
    "erpnet_fp": (
        Tells(
            told={
                "maker": "Datecs",
                "model": "FP-2000",
                "firmware": "1.00BG 23NOV18 1000",
                "serial": "DT279013",
                "fiscal_memory_number": "02279013",
                "tax_number": "000713391",
            },
            unknown=dict.fromkeys(MEMORY, "the server does not pass it on"),
            wear="the server does not pass it on",
        ),
    ),
}

ENTRIES = pytest.mark.parametrize(
    ("case", "tells"),
    [
        pytest.param(CASES[name], tells, id=f"{name} {tells.model}".strip())
        for name, entries in TABLE.items()
        for tells in entries
        if name in CASES
    ],
)


def test_every_family_has_an_entry() -> None:
    assert FAMILIES.keys() - TABLE.keys() == set()


@ENTRIES
def test_an_entry_answers_for_every_field(case: Case, tells: Tells) -> None:
    assert {*tells.told, *tells.unknown} == {*WHO, *MEMORY}
    assert tells.told.keys() & tells.unknown.keys() == set()
    assert bool(tells.counters) != bool(tells.wear)


@ENTRIES
def test_a_device_tells_all_that_it_can(case: Case, tells: Tells) -> None:
    machine: Any = case.emulator(tells.model)
    if hasattr(machine, "now"):
        machine.now = lambda: NOON
    replies = asked(case, machine)
    identity, state = understood(case, replies)
    seen: dict[str, object] = {name: getattr(identity, name) for name in WHO}
    seen |= {"last_z_number": state.last_z_number, "free_z_records": state.free_z_records}
    seen["last_z_time"] = state.last_z_time and str(state.last_z_time)
    assert {name: value for name, value in seen.items() if value not in ("", None)} == tells.told
    counters = case.family.counters(list(replies.values())) if case.family.counters else {}
    assert counters == tells.counters
    assert machine.forbidden == []


def asked(case: Case, machine: Any) -> dict[Command, Reply]:
    """What the poller asks; a question that the model refuses is passed over."""
    replies: dict[Command, Reply] = {}
    sequence = case.family.codec.first_sequence()
    for command in case.family.read_only_commands:
        if command.when is When.ASK:
            continue
        sequence = case.family.codec.next_sequence(sequence)
        exchange = case.family.codec.exchange(command, sequence)
        try:
            frame = links.Talk(exchange, machine.receive, links.plain()).run()
        except Rejected:
            continue
        replies[command] = Reply(frame, command.request(sequence))
    return replies


def understood(case: Case, replies: Mapping[Command, Reply]) -> tuple[Identity, DeviceState]:
    identity = case.family.identify([r for c, r in replies.items() if c.when is When.IDENTIFY])
    profile = case.profiles.choose(identity.model, identity.maker)
    return identity, case.family.read_state(list(replies.values()), profile)


@ENTRIES
def test_half_of_the_answers_tell_no_more_and_nothing_else(case: Case, tells: Tells) -> None:
    """Whatever single answers are missing: what is said then is a part of what is said with all of them."""
    machine: Any = case.emulator(tells.model)
    if hasattr(machine, "now"):
        machine.now = lambda: NOON
    replies = asked(case, machine)
    whole, _ = understood(case, replies)
    for missing in replies:
        rest = {command: reply for command, reply in replies.items() if command is not missing}
        part, _ = understood(case, rest)
        known = {k: v for k, v in part.as_dict().items() if v}
        assert known.items() <= whole.as_dict().items(), missing.name


@pytest.mark.parametrize("short", [0xFFFFFFFF, 123456])
def test_the_long_number_counts_where_the_short_one_was_never_entered(short: int) -> None:
    case = CASES["shtrih_v2"]
    machine: Any = case.emulator()
    machine.serial = short
    identity, _ = understood(case, asked(case, machine))
    assert identity.serial == ("4031234567890" if short == 0xFFFFFFFF else "123456")


@pytest.mark.parametrize("order", [1, -1])
def test_a_later_record_is_not_the_last_z_report(order: int) -> None:
    """40h tells the day of the report, 56h the time of the last record of any kind. 7Bh 3 of the X generation
    tells the time of the report itself."""
    legacy, x = CASES["datecs_isl_legacy"], CASES["datecs_isl_x"]
    report = Reply(Frame(0x60, 0x40, data=b"P,0412,0,211126"))
    for record, last in (
        (b"22-11-2026 09:00:00", "2026-11-21 00:00:00"),
        (b"21-11-2026 22:58:03", "2026-11-21 22:58:03"),
    ):
        replies = [report, Reply(Frame(0x61, 0x56, data=record))][::order]
        assert str(legacy.family.read_state(replies, legacy.profiles.common).last_z_time) == last
    exact = Frame(0x62, 0x7B, 0, b"4\t21-11-2026 22:41:10\t17\t21-11-2026 22:50:00\t")
    told = [
        Reply(exact, Frame(0x62, 0x7B, data=b"3\t")),
        Reply(Frame(0x61, 0x56, 0, b"21-11-2026 23:30:00\t")),
    ][::order]
    assert str(x.family.read_state(told, x.profiles.common).last_z_time) == "2026-11-21 22:50:00"


def test_wear_is_asked_only_of_a_model_whose_manual_knows_it() -> None:
    """And the identification that goes before it does not take the number of a question."""
    case = CASES["datecs_isl_legacy"]
    wear = next(c for c in case.family.read_only_commands if c.name == "wear counters")
    for model in case.emulator.models:
        machine: Any = case.emulator(model)
        talk = links.Talk(case.family.codec.exchange(wear, 0x61), machine.receive, links.plain())
        if model in ("FP-700", "FP-800", "FP-2000"):
            assert talk.run().data.startswith(b"P1234567")
            assert [raw[2] for raw in talk.written] == [0x5F, 0x61]
        else:
            with pytest.raises(Rejected):
                talk.run()
            assert [raw[3] for raw in talk.written] == [0x5A]
        assert machine.forbidden == []


def test_asked_straight_a_model_that_does_not_know_it_refuses() -> None:
    """The control: without the identification before it such a model would be sent what its manual does not list."""
    case = CASES["datecs_isl_legacy"]
    wear = next(c for c in case.family.read_only_commands if c.name == "wear counters")
    machine: Any = case.emulator("CompactM")
    machine.receive(case.family.codec.encode(wear, 0x61))
    assert machine.forbidden == ["4A P"]


def test_a_tax_number_behind_the_number_of_the_device_is_found() -> None:
    """Incotex puts its own number first (its manual, 63h)."""
    case = CASES["datecs_isl_legacy"]
    for line, number in (
        (b"IN015013,40003000000", "40003000000"),
        (b"IN015013,0000000000", ""),
        (b"123456789,EIK", "123456789"),
    ):
        reply = Reply(Frame(0x60, 0x63, data=line))
        assert case.family.identify([reply]).tax_number == number
        state = case.family.read_state([reply], case.profiles.common)
        assert replace(state, online=None).tax_number_set is bool(number)


def test_every_maker_of_isl_tells_whether_the_day_is_open() -> None:
    """By the sums of the day, which each manual gives to 41h without data."""
    case = CASES["datecs_isl_legacy"]
    for model in case.emulator.models:
        for opened in (False, True):
            machine: Any = case.emulator(model)
            machine.set_faults({"day_open": opened})
            _, state = understood(case, asked(case, machine))
            assert state.day_open is opened, model
