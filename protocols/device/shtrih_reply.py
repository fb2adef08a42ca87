"""What the replies of a Shtrih-M cash register say, the same on both lines. It knows no frame; what a flag
means is data (profiles/shtrih_v1.toml), and which sensor a model has the model says itself (F7h)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from protocols.device.exchange import Frame
from protocols.device.family import Reply
from protocols.device.profile import Profile
from protocols.device.shtrih_command import (
    DAY,
    EXCHANGE,
    FULL,
    LAST_RECORD,
    LONG_SERIAL,
    MODEL,
    NAMES,
    SHORT,
    STORAGE,
    STORAGE_TERM,
    TYPE,
)
from protocols.device.shtrih_error import error_state, error_words
from protocols.errors import Unexpected
from protocols.status.model import DeviceState, Identity

_SENSORS: Mapping[tuple[int, int], tuple[int, ...]] = {
    (0, 0): (0,), (0, 1): (1,), (0, 2): (7,), (0, 3): (8,), (0, 5): (12,), (0, 6): (2,), (0, 7): (3,),
    (1, 0): (5,), (1, 1): (6,), (1, 2): (4,), (1, 3): (15,), (1, 6): (11,),
}  # fmt: skip
"""Flag (byte, bit) of 10h and 11h -> bits of the F7h mask that declare its sensor. Flags of no sensor are
not listed."""
_DRAWER, _PRESENTER = (1, 3), 14
"""Mask bit 14: the drawer flag tells of paper in the presenter instead."""

_SHORT_BYTES, _FULL_BYTES, _LONG_SERIAL_BYTES = 11, 46, 14
_MEMORY_FLAGS = 2
"""Number of the byte of fiscal memory flags in the profile, after the two bytes of flags."""


def capabilities(reply: Reply) -> int | None:
    """The sensor mask of F7h 01: eight bytes, low byte first."""
    frame = reply.frame
    asked = reply.request is None or reply.request.data == b"\x01"
    whole = frame.command == MODEL and frame.error == 0 and len(frame.data) >= 8 and asked
    return int.from_bytes(frame.data[:8], "little") if whole else None


def identify(replies: Sequence[Reply]) -> Identity:
    """FCh proves it; 11h, 0Fh and FF01h add numbers. 0Fh tells the number of the device only where 11h has none:
    two forms of one number would look like two devices. Unexpected where FCh is not that of a cash register."""
    found, long_serial, asked = Identity(), "", False
    for reply in replies:
        frame = reply.frame
        if frame.error == 0 and frame.command == TYPE:
            found = found.updated(_type(frame.data))
        elif frame.error == 0 and frame.command == FULL and len(frame.data) >= _FULL_BYTES:
            found, asked = found.updated(_numbers(frame.data)), True
        elif frame.error == 0 and frame.command == LONG_SERIAL and len(frame.data) >= _LONG_SERIAL_BYTES:
            long_serial = _long_serial(frame.data)
        elif frame.error == 0 and frame.command == STORAGE and len(frame.data) >= 30:
            found = found.updated(Identity(fiscal_memory_number=_text(frame.data[10:26])))
    return replace(found, serial=long_serial) if asked and not found.serial else found


def _type(data: bytes) -> Identity:
    """Type, subtype, protocol version, subversion, model, language, name. Type 0 is a cash register."""
    name = _text(data[6:])
    if len(data) < 7 or data[0] != 0 or not name.isprintable():
        raise Unexpected(f"the device type {data.hex()} is not that of a Shtrih-M cash register")
    ours = name.upper().startswith(("ШТРИХ", "SHTRIH"))
    return Identity(maker="Shtrih-M" if ours else "", model=name)


def _numbers(data: bytes) -> Identity:
    """A number with all bits set was never entered. Models with a long number send two bytes more of it at the end
    (KKT protocol 1.16, 11h)."""
    number = data[30:34] + data[46:48].replace(b"\xff\xff", b"")
    serial, tax = _integer(number), _integer(data[40:46])
    version = ".".join(_text(data[1:3]))
    day = _date(data[5:8])
    firmware = f"{version} build {_integer(data[3:5])}" + (f" {day:%Y-%m-%d}" if day else "")
    return Identity(
        firmware=firmware,
        serial="" if number.startswith(b"\xff\xff\xff\xff") else str(serial),
        tax_number=str(tax) if 0 < tax < 0xFFFFFFFFFFFF else "",
    )


def _long_serial(data: bytes) -> str:
    """0Fh: seven bytes of serial number, seven of registration number. A number of zeros was never entered."""
    serial = _integer(data[:7])
    return str(serial) if 0 < serial <= 10**14 - 1 else ""


def read_state(replies: Sequence[Reply], profile: Profile) -> DeviceState:
    state = DeviceState()
    for reply in replies:
        state = state.updated(_reply_state(reply.frame, profile))
    return state


def _reply_state(frame: Frame, profile: Profile) -> DeviceState:
    if not isinstance(frame.command, int) or frame.error is None:
        return DeviceState()
    state = DeviceState(online=True)
    if frame.error:
        return state.updated(error_state(frame.error, frame.command, profile))
    return state.updated(_data_state(frame.command, frame.data, profile))


def _data_state(command: int, data: bytes, profile: Profile) -> DeviceState:
    if command == SHORT and len(data) >= _SHORT_BYTES:
        return _short(data, profile)
    if command == FULL and len(data) >= _FULL_BYTES:
        return _full(data, profile)
    if command == STORAGE and len(data) >= 30:
        return _storage(data)
    if command == DAY and len(data) >= 5 and data[0] in (0, 1):
        return DeviceState(day_open=bool(data[0]))
    if command == LAST_RECORD and len(data) >= 4 and data[0] == 1:
        day = _date(data[1:4])
        return DeviceState(last_z_time=day)
    return DeviceState()


def _short(data: bytes, profile: Profile) -> DeviceState:
    """10h. The supply is measured in 24/216 of a volt; 0 means that it is not measured."""
    state = _situation(data[1:3], data[3], data[4], profile)
    if data[8] > 0x2E:  # lower codes mean one thing to a fiscal memory and another to a fiscal storage
        state = state.updated(error_state(data[8], SHORT, profile))
    return replace(state, supply_voltage=round(data[7] * 24 / 216, 2) if data[7] else None)


def _full(data: bytes, profile: Profile) -> DeviceState:
    real = has_fiscal_memory(data, profile)
    state = profile.read({_MEMORY_FLAGS: data[29]}) if real else DeviceState()
    state = state.updated(_situation(data[11:13], data[13], data[14], profile))
    when = _time(data[23:29])
    tax = _integer(data[40:46])
    registered = True if data[38] else (False if real else None)
    entered = 0 < tax < 0xFFFFFFFFFFFF
    return replace(
        state,
        device_time=when,
        last_z_number=_integer(data[34:36]),
        free_z_records=_integer(data[36:38]) if real else None,
        fiscalised=registered,
        tax_number_set=True if entered else (False if real else None),
    )


def has_fiscal_memory(data: bytes, profile: Profile) -> bool:
    """11h of a register with a fiscal storage has constant fields, and flags of zero that mean nothing: a
    real fiscal memory names its version and date, and one of its flags is set."""
    if profile.options.get("storage") == "fn":
        return False
    version = data[16:18].strip(b"\0 0")
    return bool(version) and _date(data[20:23]) is not None and data[29] != 0


def _situation(flags: bytes, mode: int, submode: int, profile: Profile) -> DeviceState:
    state = profile.read(dict(enumerate(flags)), _declared(profile.sensors))
    return state.updated(_mode(mode & 0x0F)).updated(_submode(submode))


def _declared(sensors: int | None) -> dict[int, int]:
    """Byte -> the flags that mean something. Without a mask no sensor is believed in."""
    mask = sensors or 0
    valid = {0: 0xFF, 1: 0xFF}
    for (byte, bit), needed in _SENSORS.items():
        has = all(mask >> sensor & 1 for sensor in needed)
        if (byte, bit) == _DRAWER and mask >> _PRESENTER & 1:
            has = False
        if not has:
            valid[byte] &= ~(1 << bit)
    return valid


_MODES: Mapping[int, DeviceState] = {
    2: DeviceState(day_open=True, day_over_24h=False, receipt_open=False, clock_set=True, ram_reset=False),
    3: DeviceState(day_open=True, day_over_24h=True, receipt_open=False, clock_set=True, ram_reset=False),
    4: DeviceState(day_open=False, day_over_24h=False, receipt_open=False, clock_set=True, ram_reset=False),
    6: DeviceState(clock_set=False),
    8: DeviceState(day_open=True, receipt_open=True, clock_set=True, ram_reset=False),
    9: DeviceState(ram_reset=True),
}
_MODE_WORDS = {
    0: "working", 1: "sending data", 2: "shift open, less than 24 hours", 3: "shift open, more than 24 hours",
    4: "shift closed", 5: "blocked after a wrong tax password", 6: "waiting for the date to be confirmed",
    7: "the decimal point may be changed", 8: "document open",
    9: "reset allowed: the working memory was lost",
    10: "test run", 11: "printing a full report", 12: "printing a journal report", 13: "slip open",
    14: "printing a slip", 15: "slip finished",
}  # fmt: skip
_SUBMODE_WORDS = {
    0: "paper present",
    1: "no paper",
    2: "ran out of paper while printing",
    3: "waiting for the command to go on printing",
    4: "printing full reports",
    5: "printing",
}


def _mode(mode: int) -> DeviceState:
    return _MODES.get(mode, DeviceState())


def _submode(submode: int) -> DeviceState:
    if submode in (1, 2):
        return DeviceState(paper_end=True, busy=False if submode == 1 else None)
    return DeviceState(busy={0: False, 4: True, 5: True}.get(submode))


def _storage(data: bytes) -> DeviceState:
    """FF01h: phase of life, open document, its data, shift, warnings, time and number of the last document.
    The warning bits are those of the fiscal storage itself: 2 nearly full, 3 the operator did not answer in
    time, 7 failure."""
    phase, document, shift, warnings = data[0], data[1], data[3], data[4]
    return DeviceState(
        fiscalised={0: False, 1: False, 3: True}.get(phase & 0x0F),
        receipt_open={0: False, 4: True}.get(document),
        day_open={0: False, 1: True}.get(shift),
        fiscal_memory_near_full=bool(warnings & 0x04),
        tax_link_fault=bool(warnings & 0x08),
        fiscal_memory_error=bool(warnings & 0x80),
    )


_CONTROL_WORDS = {
    "ENQ": "The cash program asks whether the device is ready.",
    "ACK": "Received; or, to ENQ, the device works on a command or has an answer to give.",
    "NAK": "To ENQ: ready for a command. To a command or an answer: it was damaged, send it again.",
    "SYNC": "The cash program asks for the number of the last frame.",
}


def explain(reply: Reply, profile: Profile) -> str:
    frame = reply.frame
    if isinstance(frame.command, str):
        return _CONTROL_WORDS[frame.command]
    if frame.command is None:
        return f"The device says that the number of the last frame is {frame.sequence}."
    name = NAMES.get(frame.command, "a command that Plomba never sends")
    words = f"Command {frame.command:02X}h: {name}"
    if frame.error:
        return f"{words}: {error_words(frame.error)}."
    said = _said(frame, profile) if frame.error == 0 else ""
    return f"{words}: {said}." if said else f"{words}."


def _said(frame: Frame, profile: Profile) -> str:
    data = frame.data
    said = list(_words(frame, profile))
    if frame.command == TYPE and len(data) >= 7:
        said.append(f'"{_text(data[6:])}", model {data[4]}, protocol {data[2]}.{data[3]}')
    elif frame.command == EXCHANGE and len(data) >= 4:
        said.append(f"{_integer(data[2:4])} documents not yet sent")
    elif frame.command == STORAGE_TERM and (day := _date(data[2::-1])):
        said.append(f"the storage may be used until {day:%Y-%m-%d}")
    elif frame.command == MODEL and len(data) >= 8:
        said.append(f"sensor mask {_integer(data[:8]):016X}h")
    return "; ".join(said)


def _words(frame: Frame, profile: Profile) -> Iterator[str]:
    data = frame.data
    at = {SHORT: 1, FULL: 11}.get(frame.command if isinstance(frame.command, int) else 0)
    if at is None or len(data) < (_SHORT_BYTES if at == 1 else _FULL_BYTES):
        return
    mode, submode = data[at + 2], data[at + 3]
    yield _MODE_WORDS[mode & 0x0F]
    yield _SUBMODE_WORDS.get(submode, f"submode {submode}")
    yield from profile.notes(dict(enumerate(data[at : at + 2])), _declared(profile.sensors))
    if at == 1:
        return
    if has_fiscal_memory(data, profile):
        yield from profile.notes({_MEMORY_FLAGS: data[29]})


def _text(data: bytes) -> str:
    return data.decode("cp1251", errors="replace").strip("\0 ")


def _integer(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _date(data: bytes) -> datetime | None:
    return _time(data + b"\0\0\0")


def _time(data: bytes) -> datetime | None:
    """DD MM YY HH MM SS, plain bytes."""
    if len(data) < 6:
        return None
    try:
        return datetime(2000 + data[2], data[1], data[0], *data[3:6])  # noqa: DTZ001 - the device knows no zone
    except ValueError:
        return None
