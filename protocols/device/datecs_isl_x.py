"""Datecs ISL "X": FP-700X, FMP-350X, WP-500X, DP-25X and their kin, with LEN and CMD as four nibbles, eight
status bytes and an error code before the data. Only read-only commands exist here."""

import re
from collections.abc import Mapping, Sequence

from protocols.device import capture
from protocols.device.checksums import isl_digits
from protocols.device.datecs_isl_x_reply import (
    SHOWN_BY_ERROR,
    STATUS_BYTES,
    STATUS_CODE,
    identify,
    read_state,
    status_bytes,
    told,
)
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
from protocols.device.isl_exchange import IslExchange
from protocols.device.isl_frame import (
    CONTROL_WORDS,
    answers,
    checked,
    device_piece,
    framed,
    host_piece,
    unescaped,
)
from protocols.device.profile import Profile
from protocols.errors import UsageError

FIRST_SEQUENCE, LAST_SEQUENCE = 0x20, 0xFF
OUR_FIRST_SEQUENCE, OUR_LAST_SEQUENCE = 0x60, 0x7F
"""A device takes a frame with the SEQ of the last one for a repeat and does not execute it. Cash programs start
at 20h, so ours stay apart from theirs."""
_SEPARATOR = 0x04
_SHORTEST_REQUEST, _SHORTEST_REPLY, _LONGEST = 0x2A, 0x33, 0x0420
"""LEN. The 2.02 manual allows 218 bytes of data, later firmware sends more; a frame of 1 KiB is the limit here."""

STATUS = Command("status", STATUS_CODE, b"", When.POLL)
COMMANDS = (
    Command("identification", 0x5A, b"\t", When.IDENTIFY),
    Command("tax number", 0x63, b"", When.IDENTIFY),
    STATUS,
    Command("date and time", 0x3E, b"", When.SLOW),
    Command("last fiscal record", 0x40, b"0\t", When.SLOW),
    Command("sums of the day", 0x41, b"0\t", When.SLOW),
    Command("free fiscal records", 0x44, b"", When.SLOW),
    Command("receipt status", 0x4C, b"", When.SLOW),
    Command("date of the last fiscal record", 0x56, b"", When.SLOW),
    Command("identification, comma style", 0x5A, b""),
    Command("numbers and header", 0x7B, b"1\t"),
    Command("battery and signal", 0x7B, b"2\t"),
    Command("last receipt and Z report", 0x7B, b"3\t", When.SLOW),
    Command("link to the tax server", 0x47, b"2\t"),
    Command("check of PC mode", 0x2D, b""),
    Command("current receipt", 0x67, b""),
    Command("payments of the day", 0x6E, b"0\t"),
    Command("storno payments of the day", 0x6E, b"1\t"),
    Command("sales of the day", 0x6E, b"2\t"),
    Command("discounts of the day", 0x6E, b"3\t"),
    Command("corrections of the day", 0x6E, b"4\t"),
    Command("cash in and out of the day", 0x6E, b"5\t"),
)
_ALLOWED = {(command.code, command.data) for command in COMMANDS}
_NAMES: Mapping[int, str] = {int(c.code): c.name for c in reversed(COMMANDS)}

_ERRORS: Mapping[int, str] = {
    -100502: "flash memory error",
    -100503: "SD card error",
    -112001: "the syntax of the command is wrong",
}


class _Codec:
    def first_sequence(self) -> int:
        return OUR_FIRST_SEQUENCE

    def next_sequence(self, sequence: int) -> int:
        return sequence + 1 if OUR_FIRST_SEQUENCE <= sequence < OUR_LAST_SEQUENCE else OUR_FIRST_SEQUENCE

    def encode(self, command: Command, sequence: int) -> bytes:
        command.must_be_listed(_ALLOWED)
        if not FIRST_SEQUENCE <= sequence <= LAST_SEQUENCE:
            raise UsageError(f"sequence {sequence} is not within {FIRST_SEQUENCE}..{LAST_SEQUENCE}")
        length = isl_digits(_SHORTEST_REQUEST + len(command.data))
        head = length + bytes([sequence]) + isl_digits(int(command.code))
        return framed(head + command.data)

    def exchange(self, command: Command, sequence: int) -> Exchange:
        request = self.encode(command, sequence)
        return IslExchange(request, sequence, int(command.code), cut_reply, _refused)

    def parse(self, raw: bytes, direction: Direction, request: bytes | None = None) -> Sequence[Reply]:
        return _LINE.replies(raw, direction, request)

    def parse_payload(
        self, payload: bytes, direction: Direction, request: bytes | None = None
    ) -> Sequence[Reply]:
        frame = _payload(payload, direction)
        if request is None or direction is Direction.HOST_TO_DEVICE:
            return [Reply(frame)]
        return _LINE.paired([frame], [_payload(request, Direction.HOST_TO_DEVICE)])


def _joined(digits: bytes) -> int:
    """Four, as `isl_digits` makes them."""
    first, second, third, fourth = digits
    return (first & 0x0F) << 12 | (second & 0x0F) << 8 | (third & 0x0F) << 4 | fourth & 0x0F


def cut_reply(raw: bytes, start: int) -> tuple[Frame, int] | None:
    """The reply that starts at the 01h at `start`, strictly by its LEN (Datecs X protocol 2.02, part D)."""
    cut = _cut(raw, start, _SHORTEST_REPLY)
    if cut is None:
        return None
    body, end = cut
    marker, status = body[-10], body[-9:-1]
    if marker != _SEPARATOR:
        raise Unparsed("frame.separator", "04h does not stand before the status bytes")
    if min(status) < 0x80:
        raise Unparsed("frame.status", "a status byte without bit 7")
    return _reply(body[4], _joined(body[5:9]), unescaped(body[9:-10]), status), end


def _reply(sequence: int | None, command: int, data: bytes, status: bytes) -> Frame:
    """The data start with an error code and TAB; but an empty answer, and the comma style of 5Ah."""
    match = _ERROR.match(data)
    if not match:
        return Frame(sequence, command, data=data, status=status)
    return Frame(sequence, command, int(match[1]), data[match.end() :], status)


_ERROR = re.compile(rb"(-?\d{1,7})\t")


def _cut_request(raw: bytes, start: int) -> tuple[Frame, int] | None:
    cut = _cut(raw, start, _SHORTEST_REQUEST)
    if cut is None:
        return None
    body, end = cut
    return Frame(body[4], _joined(body[5:9]), data=unescaped(body[9:-1])), end


_DIGITS = bytes(range(0x30, 0x40))


def _cut(raw: bytes, start: int, shortest: int) -> tuple[bytes, int] | None:
    """The checked bytes LEN..05 of the frame at `start` and its end; None while bytes are missing. Each byte
    is judged as soon as it is there, so that noise is not waited for."""
    head = raw[start + 1 : start + 10]
    if (head[:4] + head[5:]).translate(None, _DIGITS):
        raise Unparsed("frame.header", "LEN or CMD is not made of bytes 30h..3Fh")
    if len(head) > 4 and head[4] < FIRST_SEQUENCE:
        raise Unparsed("frame.header", "SEQ below 20h")
    if len(head) < 4:
        return None
    length = _joined(head[:4])
    if not shortest <= length <= _LONGEST:
        raise Unparsed("frame.length", f"LEN {length:04X}h is too small or too large")
    stop = start + 1 + length - 0x20
    return checked(raw, start, stop)


_LINE = capture.Line(host_piece(_cut_request), device_piece(cut_reply), answers)


def _payload(payload: bytes, direction: Direction) -> Frame:
    """CMD as four nibbles, data and, from the device, perhaps 04h and the status bytes."""
    if len(payload) < 4 or any(byte & 0xF0 != 0x30 for byte in payload[:4]):
        raise Unparsed("payload.command", "a payload starts with a command of four bytes 30h..3Fh")
    command, data, status = _joined(payload[:4]), payload[4:], b""
    if direction is Direction.HOST_TO_DEVICE:
        return Frame(None, command, data=data)
    if len(data) > STATUS_BYTES and data[-9] == _SEPARATOR:
        data, status = data[:-9], data[-8:]
        if min(status) < 0x80:
            raise Unparsed("frame.status", "a status byte without bit 7")
    return _reply(None, command, data, status)


def _refused(frame: Frame) -> str | None:
    """Why the device does not do it. An error code that tells of the device itself is an answer, and so is
    every status."""
    if frame.command == STATUS.code and frame.status:
        return None
    if frame.error is None and not frame.data and frame.status:
        return _refused_bystatus_bytes(frame.status)
    if not frame.error or frame.error in SHOWN_BY_ERROR:
        return None
    return f"error {frame.error}"


def _refused_bystatus_bytes(status: bytes) -> str | None:
    if status[0] & 0x02:
        return "it does not know it"
    if status[0] & 0x01:
        return "syntax error"
    return "not allowed now" if status[1] & 0x02 else None


def explain(reply: Reply, profile: Profile) -> str:
    frame = reply.frame
    if isinstance(frame.command, str):
        return CONTROL_WORDS[frame.command]
    status = status_bytes(frame)
    said = f', "{"; ".join(told(frame))}"' if frame.data and frame.command != STATUS.code else ""
    refused = _refused(frame)
    if refused:
        said += f"; the device refuses the command: {_ERRORS.get(frame.error or 0, refused)}"
    elif frame.error:
        said += f"; the device reports error {frame.error}"
    notes = profile.notes(dict(enumerate(status)))
    bits = f" Status: {'; '.join(notes)}." if notes else (" Status: nothing to report." if status else "")
    return f"Command {frame.command:02X}h: {_name(reply)}{said}.{bits}"


def _name(reply: Reply) -> str:
    command = reply.frame.command or 0
    asked = reply.request.data if reply.request else reply.frame.data
    exact = next((c.name for c in COMMANDS if (c.code, c.data) == (command, asked)), None)
    return exact or _NAMES.get(int(command), "a command that Plomba never sends")


_CODEC = _Codec()
FAMILY = Family(
    name="datecs_isl_x",
    models=(
        "Datecs FMP-350X, FMP-55X, FP-700X, FP-700XE, FP-700MX",
        "Datecs WP-500X, WP-50X, DP-25X, DP-150X, DP-150MX, DP-05C",
    ),
    ports=Ports(serial=Serial((115200, 57600, 38400, 19200, 9600)), tcp=(4999, 3999), names=("datecs",)),
    codec=_CODEC,
    identify=identify,
    read_state=read_state,
    read_only_commands=COMMANDS,
    evidence=Evidence(
        Known.MANUAL,
        "2026-11-23",
        (
            "Datecs FMP-350X/FMP-55X/FP-700X/WP-500X/WP-50X/DP-25X/DP-150X protocol 2.02",
            "Datecs fiscal devices group C protocol 2.08, error list",
        ),
        (
            "code page and identification fields of Baltic firmware",
            "no bit shows the cash drawer; an overheated head or a jammed cutter is known only by an error code",
        ),
    ),
    explain=explain,
    overhear=of_frames(_CODEC, 0x6A, 0x03),
)
