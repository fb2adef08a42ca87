"""Tremol ZFP: fiscal printers and cash registers that answer with a packet, or with a receipt of two error
digits. Only read-only commands exist here."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from protocols.device import capture
from protocols.device.exchange import Exchange, Frame
from protocols.device.family import (
    Command,
    Direction,
    Evidence,
    Family,
    Known,
    Ports,
    Reply,
    Serial,
    Unparsed,
    When,
)
from protocols.device.framed_overhear import of_frames
from protocols.device.last_record import with_record
from protocols.device.profile import Profile
from protocols.device.tremol_packet import (
    ALIVE,
    CONTROL,
    DEVICE_ERRORS,
    END,
    FIRST_NUMBER,
    LAST_NUMBER,
    OUR_FIRST_NUMBER,
    OUR_LAST_NUMBER,
    QUICK,
    STATUS_CODE,
    STX,
    ZfpExchange,
    cut_packet,
    cut_reply,
    told,
    with_status,
    xor,
)
from protocols.errors import Unexpected, UsageError
from protocols.status.model import DeviceState, Identity

STATUS = Command("status", STATUS_CODE, b"", When.POLL)
DETAILS = Command("printer status", 0x66, b"", When.POLL)
COMMANDS = (
    Command("version", 0x21, b"", When.IDENTIFY),
    Command("device and fiscal memory numbers", 0x60, b"", When.IDENTIFY),
    Command("tax number", 0x61, b"", When.IDENTIFY),
    STATUS,
    DETAILS,
    Command("date and time", 0x68, b"", When.SLOW),
    Command("last daily report", 0x73, b"", When.SLOW),
    Command("last block of the fiscal memory", 0x6E, b"5", When.SLOW),
    Command("free fiscal records", 0x74, b"", When.SLOW),
    Command("current receipt", 0x72, b"", When.SLOW),
    Command("last receipt number", 0x71, b""),
)
_ALLOWED = {(command.code, command.data) for command in COMMANDS}
_NAMES: Mapping[int, str] = {int(c.code): c.name for c in COMMANDS}


class _Codec:
    def first_sequence(self) -> int:
        return OUR_FIRST_NUMBER

    def next_sequence(self, sequence: int) -> int:
        return sequence + 1 if OUR_FIRST_NUMBER <= sequence < OUR_LAST_NUMBER else OUR_FIRST_NUMBER

    def encode(self, command: Command, sequence: int) -> bytes:
        command.must_be_listed(_ALLOWED)
        if not FIRST_NUMBER <= sequence <= LAST_NUMBER:
            raise UsageError(f"number {sequence} is not within {FIRST_NUMBER}..{LAST_NUMBER}")
        body = bytes([0x23 + len(command.data), sequence, int(command.code)]) + command.data
        return bytes([STX]) + body + xor(body) + bytes([END])

    def exchange(self, command: Command, sequence: int) -> Exchange:
        return ZfpExchange(self.encode(command, sequence), sequence, int(command.code))

    def parse(self, raw: bytes, direction: Direction, request: bytes | None = None) -> Sequence[Reply]:
        return _LINE.replies(raw, direction, request)

    def parse_payload(
        self, payload: bytes, direction: Direction, request: bytes | None = None
    ) -> Sequence[Reply]:
        frame = _payload(payload, direction)
        if request is None or direction is Direction.HOST_TO_DEVICE:
            return [Reply(frame)]
        asked = _payload(request, Direction.HOST_TO_DEVICE)
        if frame.command != asked.command:
            raise Unparsed("reply.mismatch", "the command is not that of the request", [frame])
        return [Reply(frame, asked)]


def _host_piece(raw: bytes, at: int) -> tuple[Frame, int] | None:
    if raw[at] in (ALIVE, QUICK):
        return Frame(None, raw[at]), at + 1
    if raw[at] != STX:
        raise Unparsed("frame.preamble", f"{raw[at]:02X}h where a frame should start")
    return cut_packet(raw, at)


def _device_piece(raw: bytes, at: int) -> tuple[Frame, int] | None:
    byte = raw[at]
    if byte in CONTROL:
        return Frame(None, CONTROL[byte]), at + 1
    if byte == ALIVE:
        return Frame(None, ALIVE), at + 1
    if byte & 0xF0 == 0x40 or byte in (0x50, 0x60, 0x70):
        return Frame(None, QUICK, status=bytes([byte])), at + 1
    found = cut_reply(raw, at)
    if found and found[0].command is not None and not found[0].data:
        raise Unparsed("frame.data", "an answer of the device holds data; this is a request")
    return found


def _answers(frame: Frame, request: Frame) -> bool:
    """A receipt names no command; NACK and RETRY answer any packet, 04h and 09h only themselves."""
    if isinstance(frame.command, str):
        return request.sequence is not None
    if frame.sequence is None:
        return request.sequence is None and frame.command == request.command
    if frame.command is None:
        return frame.sequence == request.sequence
    same = (frame.sequence, frame.command) == (request.sequence, request.command)
    return same and frame.data != request.data


_LINE = capture.Line(_host_piece, _device_piece, _answers, "number")


def _payload(payload: bytes, direction: Direction) -> Frame:
    if not payload or not 0x20 <= payload[0] <= 0x7F:
        raise Unparsed("payload.command", "a payload starts with a command of 20h to 7Fh")
    frame = Frame(None, payload[0], data=payload[1:])
    return with_status(frame) if direction is Direction.DEVICE_TO_HOST else frame


# What the replies say


def _fields(frame: Frame) -> list[str]:
    """INFERENCE: cp1251 fits the Bulgarian firmware; the Baltic code page is not known."""
    return [field.strip() for field in frame.data.decode("cp1251", errors="replace").split(";")]


def identify(replies: Sequence[Reply]) -> Identity:
    """21h. Unexpected where it is not the version of a ZFP device."""
    found = Identity()
    for reply in replies:
        fields = _fields(reply.frame)
        if reply.frame.command == 0x21 and reply.frame.data:
            found = found.updated(_version(fields))
        elif reply.frame.command == 0x60 and len(fields) == 2:
            found = found.updated(Identity(serial=fields[0], fiscal_memory_number=fields[1]))
        elif reply.frame.command == 0x61 and len(fields) >= 4:
            found = found.updated(Identity(tax_number=_set_number(fields[0])))
    return found


def _version(fields: Sequence[str]) -> Identity:
    """Type, certificate, its date, model, version."""
    if len(fields) < 5 or not re.fullmatch(r"\d{1,2}", fields[0]) or not fields[3]:
        raise Unexpected(f"{';'.join(fields)!r} is not the version of a ZFP device")
    return Identity(maker="Tremol", model=fields[3], firmware=fields[4])


def _set_number(number: str) -> str:
    """Nothing but zeros is no number."""
    return number if number.strip("0") else ""


def read_state(replies: Sequence[Reply], profile: Profile) -> DeviceState:
    """The bits of all replies are read together: two commands show the paper, and the worse answer holds."""
    bits: dict[int, int] = {}
    for reply in replies:
        bits |= _bits(reply.frame)
    state = profile.read(bits)
    for reply in replies:
        state = with_record(state, _reply_state(reply.frame))
    return state


def _reply_state(frame: Frame) -> DeviceState:
    if isinstance(frame.command, str):
        return DeviceState(busy=True) if frame.command == "RETRY" else DeviceState()
    state = DeviceState(online=True)
    if frame.command is None:
        shown = DEVICE_ERRORS.get((frame.error or 0) >> 4)
        return state.with_flags({shown[1]: shown[2]}) if shown and shown[1] else state
    read = _READERS.get(frame.command)
    return state.updated(read(_fields(frame))) if read and frame.data else state


def _bits(frame: Frame) -> dict[int, int]:
    """Bytes 0..6: status (20h); 10..12: printer (66h); 20: the answer to 09h."""
    if frame.command == STATUS.code:
        return dict(enumerate(frame.status))
    if frame.command == QUICK and frame.status and frame.status[0] & 0xF0 == 0x40:
        return {20: frame.status[0]}
    data = frame.data
    if frame.command == DETAILS.code and len(data) == 8 and data[1:2] + data[6:7] == b";;":
        return {10 + n: byte for n, byte in enumerate(data[2:5])}
    return {}


def _clock(fields: Sequence[str]) -> DeviceState:
    return DeviceState(device_time=_time(fields[0], "%d-%m-%Y %H:%M"))


def _last_report(fields: Sequence[str]) -> DeviceState:
    if len(fields) < 3:
        return DeviceState()
    return DeviceState(last_z_time=_time(fields[0], "%d-%m-%Y"), last_z_number=_whole(fields[1]))


def _last_block(fields: Sequence[str]) -> DeviceState:
    """6Eh 5: numbers of the last report and of the last block, journal, time of the last block."""
    if len(fields) < 5 or fields[0] != "5":
        return DeviceState()
    return DeviceState(last_z_time=_time(fields[4], "%d-%m-%Y %H:%M"))


def _whole(field: str) -> int | None:
    return int(field) if field.isascii() and field.isdigit() and len(field) < 12 else None


def _time(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 - the device knows no zone
    except ValueError:
        return None


_READERS: Mapping[int, Callable[[Sequence[str]], DeviceState]] = {
    0x61: lambda fields: DeviceState(tax_number_set=bool(_set_number(fields[0]))),
    0x68: _clock,
    0x6E: _last_block,
    0x72: lambda fields: DeviceState(receipt_open={"0": False, "1": True}.get(fields[0])),
    0x73: _last_report,
    0x74: lambda fields: DeviceState(free_z_records=_whole(fields[0])),
}


def counters(replies: Sequence[Reply]) -> Mapping[str, int]:
    """73h: date and number of the last report, number of the last RAM reset and, in newer devices, of all receipts."""
    for reply in replies:
        fields = _fields(reply.frame)
        if reply.frame.command == 0x73 and len(fields) >= 3:
            told = zip(("ram_resets", "receipts"), map(_whole, fields[2:4]), strict=False)
            return {name: number for name, number in told if number is not None}
    return {}


def explain(reply: Reply, profile: Profile) -> str:
    frame = reply.frame
    if isinstance(frame.command, str):
        return {
            "NACK": "The device could not read the packet; send it again.",
            "RETRY": "The device is busy; ask again later.",
        }[frame.command]
    if frame.command in (ALIVE, QUICK):
        return _explain_ping(frame, profile)
    if frame.command is None:
        error = frame.error or 0
        return f"Receipt: {told(error)}." if error else "Receipt: the command was carried out."
    name = _NAMES.get(frame.command, "a command that Plomba never sends")
    bits = _bits(frame)
    notes = profile.notes(bits)
    said = f', "{"; ".join(_fields(frame))}"' if frame.data and not bits else ""
    state = f" Status: {'; '.join(notes) or 'nothing to report'}." if bits else ""
    return f"Command {frame.command:02X}h: {name}{said}.{state}"


_REFUSALS = {
    0x50: "it waits for the password",
    0x60: "another connection uses it",
    0x70: "the password is wrong",
}


def _explain_ping(frame: Frame, profile: Profile) -> str:
    if frame.command == ALIVE:
        return "04h: is the device on? It answers with the same byte."
    if not frame.status:
        return "09h: short status is asked."
    refused = _REFUSALS.get(frame.status[0])
    return f"Short status: {refused or '; '.join(profile.notes(_bits(frame))) or 'ready'}."


_CODEC = _Codec()
FAMILY = Family(
    name="tremol_zfp",
    models=("Tremol FP, M and S series, ZFP protocol",),
    ports=Ports(serial=Serial((115200, 9600, 57600, 38400, 19200)), names=("tremol",)),
    codec=_CODEC,
    identify=identify,
    read_state=read_state,
    read_only_commands=COMMANDS,
    evidence=Evidence(
        Known.MANUAL,
        "2026-11-23",
        ("Tremol ZFP protocol description BG 1910211454", "Tremol ZFP protocol description EN, new FU"),
        (
            "no capture of a real device was found",
            "over TCP the device first asks for a password; that is not done here",
            "which level of the drawer signal means open: it depends on the drawer",
            "receipt error 1 does not tell whether paper or printer is meant",
        ),
    ),
    explain=explain,
    counters=counters,
    overhear=of_frames(_CODEC, 0x2A, 0x0A),
)
