"""Faults from states: what a single state shows, what stays unknown, and that nothing is named twice."""

from dataclasses import replace
from typing import Any

import pytest

from protocols.errors import UsageError
from protocols.status.faults import FAULTS, conditions, fault, present
from protocols.status.model import FIELDS, FLAGS, VALUES, DeviceState

BAD_WHEN_TRUE = {
    "cover_open": "printer.cover_open",
    "paper_end": "printer.paper_end",
    "paper_near_end": "printer.paper_near_end",
    "head_lever_up": "printer.head_lever_up",
    "head_overheat": "printer.head_overheat",
    "cutter_error": "printer.cutter_error",
    "mechanism_error": "printer.mechanism_error",
    "power_supply_fault": "printer.power_supply",
    "battery_low": "fiscal.battery_low",
    "ram_reset": "fiscal.ram_reset",
    "day_over_24h": "fiscal.day_over_24h",
    "fiscal_memory_full": "fiscal.memory_full",
    "fiscal_memory_near_full": "fiscal.memory_near_full",
    "fiscal_memory_error": "fiscal.memory_error",
    "fiscal_memory_readonly": "fiscal.memory_readonly",
    "fiscal_memory_missing": "fiscal.memory_missing",
    "journal_full": "fiscal.journal_full",
    "journal_near_full": "fiscal.journal_near_full",
    "tax_link_fault": "fiscal.tax_link",
}
BAD_WHEN_FALSE = {
    "online": "printer.offline",
    "clock_set": "fiscal.clock_not_set",
    "fiscalised": "fiscal.not_registered",
    "tax_number_set": "fiscal.not_registered",
}
NO_FAULT = {"drawer_sensor_high", "drawer_open", "day_open", "receipt_open", "busy"}


def with_flag(name: str, value: bool) -> DeviceState:
    changes: dict[str, Any] = {name: value}
    return replace(DeviceState(), **changes)


def test_an_unknown_state_shows_nothing() -> None:
    assert present(DeviceState()) == []
    assert set(conditions(DeviceState()).values()) == {None}


@pytest.mark.parametrize("name", FLAGS)
def test_every_flag_alone(name: str) -> None:
    shown = {value: present(with_flag(name, value)) for value in (True, False)}
    expected = {
        True: [BAD_WHEN_TRUE[name]] if name in BAD_WHEN_TRUE else [],
        False: [BAD_WHEN_FALSE[name]] if name in BAD_WHEN_FALSE else [],
    }
    assert shown == expected
    assert name in NO_FAULT or shown[True] or shown[False]


def test_flags_and_values_are_all_fields() -> None:
    assert set(FLAGS) | set(VALUES) == set(FIELDS)
    assert set(VALUES) == {
        "device_time",
        "last_z_number",
        "last_z_time",
        "free_z_records",
        "supply_voltage",
    }


def test_one_missing_mark_is_not_registered() -> None:
    assert present(DeviceState(fiscalised=True, tax_number_set=False)) == ["fiscal.not_registered"]
    assert conditions(DeviceState(fiscalised=True))["fiscal.not_registered"] is False


def test_a_code_outside_the_list_is_a_bug() -> None:
    with pytest.raises(UsageError):
        fault("printer.sad")


def test_every_fault_has_words_in_three_languages() -> None:
    for code, entry in FAULTS.items():
        assert entry.code == code
        assert len({entry.title("lv"), entry.title("en"), entry.title("ru")}) == 3, code


def test_newer_knowledge_goes_over_older_and_unknown_over_nothing() -> None:
    older = DeviceState(paper_end=True, cover_open=True)
    assert older.updated(DeviceState(paper_end=False)) == DeviceState(paper_end=False, cover_open=True)
