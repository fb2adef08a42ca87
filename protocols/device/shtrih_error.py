"""What the error byte of a Shtrih-M reply says of the device. Codes to 2Eh mean one thing to a fiscal memory
and another to a fiscal storage; without knowing which, they say nothing."""

from collections.abc import Mapping

from protocols.device.profile import Profile
from protocols.status.model import DeviceState

BUSY = 0x50

_PAPER = DeviceState(paper_end=True)
_MECHANISM = DeviceState(mechanism_error=True)
_POWER = DeviceState(power_supply_fault=True)
_MISSING = DeviceState(fiscal_memory_missing=True)
_FULL = DeviceState(fiscal_memory_full=True)
_CLOCK = DeviceState(clock_set=False)
_DAY = DeviceState(day_open=True, day_over_24h=True)

_STATES: Mapping[int, DeviceState] = {
    0x38: _MECHANISM,
    0x4E: _DAY,
    BUSY: DeviceState(busy=True),
    0x5C: _POWER,
    0x64: _MISSING,
    0x67: _MISSING,
    0x6A: _POWER,
    0x6B: _PAPER,
    0x6C: _PAPER,
    0x70: _FULL,
    0x71: DeviceState(cutter_error=True),
    0x74: DeviceState(ram_reset=True),
    0x75: _POWER,
    0x76: _MECHANISM,
    0x77: _MECHANISM,
    0x7B: _MECHANISM,
    0xC0: _CLOCK,
    0xC2: _POWER,
    0xC8: _MECHANISM,
    0xC9: DeviceState(head_overheat=True),
    0xCF: _CLOCK,
}
_STORAGE: Mapping[int, DeviceState] = {
    0x03: _MISSING,
    0x05: DeviceState(fiscal_memory_readonly=True),
    0x06: _FULL,
    0x14: _FULL,
    0x16: _DAY,
    0x2F: _MISSING,
    0x30: _MISSING,
}
_MEMORY: Mapping[int, DeviceState] = {0x03: _MISSING, 0x13: _CLOCK, 0x14: _FULL}

_WORDS: Mapping[int, str] = {
    0x37: "this model does not know the command",
    0x38: "read-only memory fault",
    0x4E: "the shift is longer than 24 hours",
    0x4F: "wrong password",
    BUSY: "it is still printing",
    0x58: "it waits for the command to go on printing",
    0x5C: "the 24 V supply is too low",
    0x64: "the fiscal memory is missing",
    0x67: "no link with the fiscal memory",
    0x6A: "power fault",
    0x6B: "no receipt paper",
    0x6C: "no journal paper",
    0x70: "the fiscal memory is full",
    0x71: "cutter fault",
    0x72: "not in this submode",
    0x73: "not in this mode",
    0x74: "working memory fault",
    0x75: "power fault",
    0x76: "printing mechanism fault: no pulses",
    0x77: "printing mechanism fault: no signal from the sensors",
    0x7B: "hardware fault",
    0xC0: "the date and time are to be confirmed",
    0xC2: "the supply voltage is too high",
    0xC4: "shift numbers differ",
    0xC8: "printing mechanism fault: no pulses",
    0xC9: "the print head is too hot",
    0xCF: "the clock was reset",
}


def error_state(code: int, command: int, profile: Profile) -> DeviceState:
    """What an error code says. The commands FFxxh are always about a fiscal storage."""
    storage = "fn" if command > 0xFF else profile.options.get("storage")
    table = _STORAGE if storage == "fn" else (_MEMORY if storage == "fm" else {})
    return table.get(code) or _STATES.get(code) or DeviceState()


def error_words(code: int) -> str:
    return f"error {code:02X}h" + (f", {_WORDS[code]}" if code in _WORDS else "")


def is_condition(code: int, command: int) -> bool:
    """The code tells how the device is, whatever was asked; else it only refuses the command."""
    return code in _STATES and code != BUSY and command < 0x100
