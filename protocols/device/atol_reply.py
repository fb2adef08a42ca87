"""What ATOL printers are asked and what they answer, above both of their lines (atol_v2, atol_v3): commands,
state, identity. It knows no framing. Source: atol4j, from the maker's protocol 3.1."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from protocols.device.exchange import Frame
from protocols.device.family import Command, Evidence, Known, Reply, Unparsed, When
from protocols.device.profile import Profile
from protocols.errors import Unexpected
from protocols.status.model import DeviceState, Identity

PASSWORD = b"\x00\x00"
RESULT, STATE_MARK = 0x55, 0x44
STATE, STATE_CODE, DEVICE_TYPE, FIRMWARE, CASH = 0x3F, 0x45, 0xA5, 0x9D, 0x4D
LAST_ERROR, STORAGE = 0xB3, 0xA4

COMMANDS = (
    Command("state", STATE, b"", When.POLL),
    Command("state code", STATE_CODE, b"", When.POLL),
    Command("device type", DEVICE_TYPE, b"", When.IDENTIFY),
    Command("state, for the serial number", STATE, b"", When.IDENTIFY),
    Command("firmware version", FIRMWARE, b"\x01", When.IDENTIFY),
    Command("fiscal storage number", STORAGE, b"\x31", When.IDENTIFY),
    Command("shift state", STORAGE, b"\x10", When.SLOW),
    Command("data exchange state", STORAGE, b"\x20", When.SLOW),
    Command("fiscal storage expiry", STORAGE, b"\x32"),
    Command("boot block version", FIRMWARE, b"\x03"),
    Command("cash in the drawer", CASH),
    Command("totals of the last shift", 0x58),
    Command("last error", LAST_ERROR),
)
_ALLOWED = {(command.code, command.data) for command in COMMANDS}
_NAMES = {(c.code, c.data): c.name for c in reversed(COMMANDS)}

_WHOLE_STATE, _FLAGS_AT, _RECEIPT_AT = 30, 9, 22
_SHORTEST_TYPE = 11
_SHORTEST: Mapping[tuple[int | str | None, bytes], int] = {
    (FIRMWARE, b"\x01"): 8,
    (FIRMWARE, b"\x03"): 8,
    (STORAGE, b"\x10"): 3,
    (STORAGE, b"\x20"): 15,
    (STORAGE, b"\x31"): 18,
    (STORAGE, b"\x32"): 7,
}
"""Bytes of an answer without an error: a checksum of one byte alone does not tell a shortened one."""


def request_bytes(command: Command) -> bytes:
    """Password, command and data. UsageError for what is not allow-listed."""
    command.must_be_listed(_ALLOWED)
    return PASSWORD + bytes([int(command.code)]) + command.data


def request_of(payload: bytes, sequence: int | None = None) -> Frame:
    """What a host asks: two bytes of password, then the command."""
    if len(payload) < 3:
        raise Unparsed("frame.short", "there is no password with a command")
    return Frame(sequence, payload[2], data=payload[3:])


def answer_of(
    payload: bytes, request: Frame | None = None, sequence: int | None = None, status: bytes = b""
) -> Frame:
    """A mark, mostly 55h, then an error byte behind 55h; the answer to 45h has none there."""
    if not payload:
        raise Unparsed("frame.short", "there is no answer in the frame")
    without_error = request is not None and request.command == STATE_CODE
    if payload[0] == RESULT and len(payload) > 1 and not without_error:
        return Frame(sequence, RESULT, payload[1], payload[2:], status)
    return Frame(sequence, payload[0], None, payload[1:], status)


def fits(frame: Frame, request: Frame) -> bool:
    """Whether this can be the answer to that request. No answer names its request: only form can tell."""
    size = len(_payload(frame))
    if request.command == STATE_CODE:
        return frame.command == RESULT and size == 3
    if frame.command == RESULT:
        if frame.error:
            return size <= 3 or request.command == LAST_ERROR
        whole = size >= _SHORTEST.get((request.command, request.data), 1)
        return whole and request.command not in (STATE, DEVICE_TYPE, CASH)
    if request.command == STATE:
        return frame.command == STATE_MARK and size >= _WHOLE_STATE
    if request.command == DEVICE_TYPE:
        return frame.command == 0 and size >= _SHORTEST_TYPE
    return frame.command == CASH and request.command == CASH


def refused(frame: Frame, request: Frame) -> str | None:
    """The device's reason, where the answer refuses the request. 67h of B3h is told, not refused."""
    if not frame.error or request.command == LAST_ERROR:
        return None
    return error_words(frame.error)


def _payload(frame: Frame) -> bytes:
    if not isinstance(frame.command, int):
        return b""
    error = b"" if frame.error is None else bytes([frame.error])
    return bytes([frame.command]) + error + frame.data


# State


def read_state(replies: Sequence[Reply], profile: Profile) -> DeviceState:
    """Both state commands show the paper; the worse of the two holds."""
    bits: dict[int, int] = {}
    state = DeviceState()
    for reply in replies:
        bits |= status_bits(reply)
        state = state.updated(_reply_state(reply))
    return state.updated(profile.read(bits))


def _reply_state(reply: Reply) -> DeviceState:
    state = DeviceState(online=True)
    asked = (reply.request.command, reply.request.data) if reply.request else (None, b"")
    if _is_state(reply):
        state = state.updated(_of_state(_payload(reply.frame)))
    elif asked == (STORAGE, b"\x10") and reply.frame.error == 0 and reply.frame.data:
        state = replace(state, day_open={0: False, 1: True}.get(reply.frame.data[0]))
    elif reply.frame.error and asked[0] not in (None, LAST_ERROR):
        state = state.with_flags(_ERROR_FLAGS.get(reply.frame.error, {}))
    return state


def status_bits(reply: Reply) -> dict[int, int]:
    """Byte 0 is the flags of 3Fh, byte 1 those of 45h."""
    if _is_state(reply):
        return {0: _payload(reply.frame)[_FLAGS_AT]}
    asked = reply.request.command if reply.request else None
    if asked == STATE_CODE and reply.frame.command == RESULT and len(reply.frame.data) == 2:
        return {1: reply.frame.data[1]}
    return {}


def _is_state(reply: Reply) -> bool:
    """Without its request only the whole form, with a date that exists, is believed."""
    payload = _payload(reply.frame)
    if payload[:1] != bytes([STATE_MARK]):
        return False
    if reply.request:
        return reply.request.command == STATE and len(payload) >= _WHOLE_STATE
    return len(payload) == _WHOLE_STATE and _time(payload) is not None


def _of_state(payload: bytes) -> DeviceState:
    return DeviceState(device_time=_time(payload), receipt_open=payload[_RECEIPT_AT] != 0)


def _time(payload: bytes) -> datetime | None:
    try:
        year, month, day, hour, minute, second = map(_bcd, payload[3:9])
        return datetime(2000 + year, month, day, hour, minute, second)  # noqa: DTZ001 - it knows no zone
    except ValueError:
        return None


def _bcd(byte: int) -> int:
    if byte >> 4 > 9 or byte & 0x0F > 9:
        raise ValueError(f"{byte:02X}h is no BCD")
    return 10 * (byte >> 4) + (byte & 0x0F)


_ERRORS = {
    0x15: "blocked until the date is entered",
    0x16: "the date must be confirmed",
    0x1F: "check date and time",
    0x66: "the command does not exist in this mode",
    0x67: "no paper",
    0x68: "no link with the printing unit",
    0x69: "mechanical error of the printing unit",
    0x7A: "this model cannot execute the command",
    0x88: "the shift is longer than 24 hours",
    0x8A: "fiscal memory is full",
    0x8C: "wrong password",
    0xA8: "the device is not fiscalised",
    0xD1: "print head is too hot",
    0xD8: "archive of the fiscal storage is full",
    0xF0: "the shift of the fiscal storage is longer than 24 hours",
    0xF2: "wrong command",
}
_ERROR_FLAGS: Mapping[int, Mapping[str, bool]] = {
    0x15: {"clock_set": False},
    0x16: {"clock_set": False},
    0x1F: {"clock_set": False},
    0x67: {"paper_end": True},
    0x69: {"mechanism_error": True},
    0x88: {"day_over_24h": True},
    0x8A: {"fiscal_memory_full": True},
    0xA8: {"fiscalised": False},
    0xD1: {"head_overheat": True},
    0xD8: {"fiscal_memory_full": True},
    0xF0: {"day_over_24h": True},
}


def error_words(error: int) -> str:
    return f"error {error:02X}h, {_ERRORS.get(error, 'meaning not known')}"


# Identity


def identify(replies: Sequence[Reply]) -> Identity:
    """A5h proves the maker. Unexpected where the answer is not the device type of an ATOL printer."""
    found = Identity()
    for reply in replies:
        asked = (reply.request.command, reply.request.data) if reply.request else (None, b"")
        payload = _payload(reply.frame)
        if asked[0] == DEVICE_TYPE:
            found = found.updated(_device_type(payload))
        elif _is_state(reply):
            found = found.updated(Identity(serial=_serial(payload)))
        elif reply.frame.error == 0 and asked == (FIRMWARE, b"\x01"):
            found = found.updated(Identity(firmware=_firmware(reply.frame.data)))
        elif reply.frame.error == 0 and asked == (STORAGE, b"\x31"):
            found = found.updated(Identity(fiscal_memory_number=_text(reply.frame.data)))
    return found


def _device_type(payload: bytes) -> Identity:
    if len(payload) <= _SHORTEST_TYPE or payload[0] != 0:
        raise Unexpected("the answer to A5h is not the device type of an ATOL printer")
    return Identity(maker="ATOL", model=_text(payload[_SHORTEST_TYPE:]))


def _serial(payload: bytes) -> str:
    digits = payload[10:14].hex()
    return digits if digits.isdigit() else ""


def _firmware(data: bytes) -> str:
    """9Dh: a second error byte, major, minor, language and two bytes of build, all BCD."""
    digits = data[1:6].hex()
    if len(digits) != 10 or not digits.isdigit():
        return ""
    return f"{int(digits[:2])}.{int(digits[2:4])}.{int(digits[4:6])}.{int(digits[6:])}"


def _text(data: bytes) -> str:
    """INFERENCE: the device's letters are those of cp866 where it has no signs of its own."""
    return data.decode("cp866", errors="replace").strip("\0 ")


# Words


def explain_request(frame: Frame) -> str:
    if not isinstance(frame.command, int):
        return "There is no command."
    name = _NAMES.get((frame.command, frame.data), "a command that Plomba never sends")
    return f"Command {frame.command:02X}h: {name}."


def explain_answer(reply: Reply, profile: Profile) -> str:
    frame = reply.frame
    asked = explain_request(reply.request) if reply.request else "Answer to a command that is not known."
    if frame.error and reply.request and reply.request.command == LAST_ERROR:
        return f"{asked} The last error was: {error_words(frame.error)}."
    if frame.error:
        doubt = "" if reply.request else " (or the mode, where command 45h was asked)"
        return f"{asked} The device answers {error_words(frame.error)}{doubt}."
    bits = status_bits(reply)
    if not bits:
        return f"{asked} Data: {_payload(frame).hex(' ').upper()}."
    notes = profile.notes(bits)
    return f"{asked} Status: {'; '.join(notes) if notes else 'nothing to report'}."


VID_PIDS = ((0x2912, 0x0005),)
"""Of the virtual COM port; udev rules and programs of others for ATOL's driver name these numbers."""
NAMES = ("atol", "атол")
EVIDENCE = Evidence(
    Known.MANUAL,
    "2026-11-23",
    ("atol4j (transport v2 and v3, commands, error messages), written from ATOL's protocol 3.1",),
    (
        "bit 2 of 3Fh is the drawer, but which level means open differs between models: read as a sensor level",
        "bit 4 of 45h covers head temperature and other printer errors: explained, no fault is made of it",
        "the mark 44h before the answer to 3Fh and 00h before that to A5h are inferred",
        "bit 6 of 3Fh cleared is read as fiscal memory missing; it may also be one that is not yet active",
        "no answer names its request: the form of the answer is all that can be checked",
        "91h (registers) is not asked: which registers change nothing is not known for every model",
        "whether the shift number of 3Fh and A4h 10h is that of the open or of the last closed shift: it is not read",
        "the tax number: no readable source names the register that holds it",
    ),
)
