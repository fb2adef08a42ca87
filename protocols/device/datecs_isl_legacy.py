"""Datecs ISL with six status bytes: Datecs FP, FMP, SK1 and DP, and Eltrade, Daisy and Incotex on the same
frame. What a status bit means is data (profiles/datecs_isl_legacy.toml). Only read-only commands exist
here."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

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
from protocols.device.isl_exchange import PREAMBLE, IslExchange
from protocols.device.isl_frame import (
    CONTROL_WORDS,
    answers,
    checked,
    device_piece,
    framed,
    host_piece,
    unescaped,
)
from protocols.device.isl_reply import READERS, identify, number, text
from protocols.device.isl_wear import WearExchange
from protocols.device.last_record import with_record
from protocols.device.profile import Profile
from protocols.errors import UsageError
from protocols.status.model import DeviceState

FIRST_SEQUENCE, LAST_SEQUENCE = 0x20, 0x7F
OUR_FIRST_SEQUENCE = 0x60
"""A device takes a frame with the SEQ of the last one for a repeat: it would not execute the cash program's
command but send our answer again. Cash programs start at 20h, so ours stay in the last third."""
_BESIDE = OUR_FIRST_SEQUENCE - 1
"""For a question that goes before another one and has no number of its own."""
STATUS_BYTES = 6
_LONGEST_REQUEST = 0x24 + 213
"""LEN with as much data as a request may hold."""
_SEPARATOR = 0x04

STATUS = Command("status", 0x4A, b"X", When.POLL)
WEAR = Command("wear counters", 0x4A, b"P", When.SLOW)
IDENTIFICATION = Command("identification", 0x5A, b"", When.IDENTIFY)
COMMANDS = (
    IDENTIFICATION,
    Command("tax number", 0x63, b"", When.IDENTIFY),
    STATUS,
    Command("date and time", 0x3E, b"", When.SLOW),
    Command("last fiscal record", 0x40, b"", When.SLOW),
    Command("sums of the day", 0x41, b"", When.SLOW),  # every manual has it so; Daisy and Incotex know no 0
    Command("sums of the day, turnover", 0x41, b"0"),
    Command("free fiscal records", 0x44, b"", When.SLOW),
    Command("receipt status", 0x4C, b"", When.SLOW),
    Command("supply voltage", 0x51, b"", When.SLOW),
    Command("date of the last fiscal record", 0x56, b"T", When.SLOW),
    WEAR,
    Command("print lines left", 0x4A, b"L"),
    Command("identification with all switches", 0x5A, b"*"),
    Command("last fiscal record with time", 0x40, b"*"),
    Command("last fiscal record, sales", 0x40, b"0"),
    Command("last fiscal record, taxes", 0x40, b"1"),
    Command("day of the last fiscal record", 0x56, b""),
    Command("receipt status with payment", 0x4C, b"T"),
    Command("current receipt", 0x67, b""),
    Command("payments of the day", 0x6E, b""),
    Command("last document number", 0x71, b""),
    Command("tax rates", 0x61, b""),
    Command("last error", 0x20, b""),
)
_ALLOWED = {(command.code, command.data): command for command in COMMANDS}
_NAMES: Mapping[int, str] = {int(c.code): c.name for c in reversed(COMMANDS)}


class _Codec:
    def first_sequence(self) -> int:
        return OUR_FIRST_SEQUENCE

    def next_sequence(self, sequence: int) -> int:
        return sequence + 1 if OUR_FIRST_SEQUENCE <= sequence < LAST_SEQUENCE else OUR_FIRST_SEQUENCE

    def encode(self, command: Command, sequence: int) -> bytes:
        command.must_be_listed(_ALLOWED)
        if not FIRST_SEQUENCE <= sequence <= LAST_SEQUENCE:
            raise UsageError(f"sequence {sequence} is not within {FIRST_SEQUENCE}..{LAST_SEQUENCE}")
        body = bytes([0x24 + len(command.data), sequence, int(command.code), *command.data])
        return framed(body)

    def exchange(self, command: Command, sequence: int) -> Exchange:
        if (command.code, command.data) != (WEAR.code, WEAR.data):
            return self._question(command, sequence)
        return WearExchange(self._question(IDENTIFICATION, _BESIDE), lambda: self._question(WEAR, sequence))

    def _question(self, command: Command, sequence: int) -> Exchange:
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
        return _LINE.paired([frame], _asked_payloads(request))


def cut_reply(raw: bytes, start: int) -> tuple[Frame, int] | None:
    """The reply that starts at the 01h at `start`, strictly by its LEN. Facts: FP-800 protocol 1.00BG, part
    D."""
    cut = _cut(raw, start, 0x2B)
    if cut is None:
        return None
    body, end = cut
    marker, status = body[-8], body[-7:-1]
    if marker != _SEPARATOR:
        raise Unparsed("frame.separator", "04h does not stand before the status bytes")
    if min(status) < 0x80:
        raise Unparsed("frame.status", "a status byte without bit 7")
    return Frame(body[1], body[2], data=unescaped(body[3:-8]), status=status), end


def _cut_request(raw: bytes, start: int) -> tuple[Frame, int] | None:
    cut = _cut(raw, start, 0x24)
    if cut is None:
        return None
    body, end = cut
    if body[0] > _LONGEST_REQUEST:
        raise Unparsed("frame.length", f"LEN {body[0]:02X}h is too large for a request")
    return Frame(body[1], body[2], data=unescaped(body[3:-1])), end


def _cut(raw: bytes, start: int, shortest: int) -> tuple[bytes, int] | None:
    """The checked bytes LEN..05 of the frame at `start` and its end; None while bytes are missing. Each byte
    is judged as soon as it is there, so that noise is not waited for."""
    head = raw[start + 1 : start + 4]
    if head and head[0] < shortest:
        raise Unparsed("frame.length", f"LEN {head[0]:02X}h is too small")
    if len(head) > 1 and min(head[1:]) < 0x20:
        raise Unparsed("frame.header", "SEQ or CMD below 20h")
    if not head:
        return None
    stop = start + 1 + head[0] - 0x20
    return checked(raw, start, stop)


_LINE = capture.Line(host_piece(_cut_request), device_piece(cut_reply), answers)


def _payload(payload: bytes, direction: Direction) -> Frame:
    """CMD, data and, from the device, perhaps 04h and the status bytes."""
    if not payload or payload[0] < 0x20:
        raise Unparsed("payload.command", "a payload starts with a command of 20h or more")
    data, status = payload[1:], b""
    marked = len(data) > STATUS_BYTES and data[-7] == _SEPARATOR
    if direction is Direction.DEVICE_TO_HOST and marked:
        data, status = data[:-7], data[-6:]
        if min(status) < 0x80:
            raise Unparsed("frame.status", "a status byte without bit 7")
    return Frame(None, payload[0], data=data, status=status)


def _asked_payloads(request: bytes) -> list[Frame]:
    """A payload never starts with 01h, so a request that does is made of whole frames."""
    try:
        if request.startswith(bytes([PREAMBLE])):
            asked = capture.frames(request, _LINE.host)
            return [frame._replace(sequence=None) for frame in asked]
        return [_payload(request, Direction.HOST_TO_DEVICE)]
    except Unparsed as e:
        raise Unparsed("request.invalid", f"the request is no valid payload: {e}") from e


def _refused(frame: Frame) -> str | None:
    """An empty reply with bit 0.1 or 0.0: the command is unknown or its data are wrong. 1.1: not allowed
    now. Never for 4Ah: Incotex answers it with
    status bytes alone, and the status is all that is asked."""
    if frame.data or not frame.status or frame.command == STATUS.code:
        return None
    if frame.status[0] & 0x02:
        return "it does not know it"
    if frame.status[0] & 0x01:
        return "syntax error"
    return "not allowed in this mode" if frame.status[1] & 0x02 else None


# What the replies say


def read_state(replies: Sequence[Reply], profile: Profile) -> DeviceState:
    state = DeviceState()
    for reply in replies:
        state = with_record(state, _reply_state(reply.frame, profile))
    if replies and replies[-1].frame.command == "SYN":
        state = replace(state, busy=True)
    return state


def _reply_state(frame: Frame, profile: Profile) -> DeviceState:
    if not isinstance(frame.command, int):
        return DeviceState()
    state = DeviceState(online=True)
    status = frame.status or (_status_data(frame) or b"")
    state = state.updated(profile.read(dict(enumerate(status))))
    read = READERS.get(frame.command)
    if not read or not frame.data:
        return state
    told = read(text(frame.data))
    if state.receipt_open:  # 4Ch tells of fiscal receipts only, the status of service receipts too
        told = replace(told, receipt_open=None)
    return state.updated(told)


def _status_data(frame: Frame) -> bytes | None:
    """4Ah gives the status bytes as data too."""
    data = frame.data
    whole = frame.command == STATUS.code and len(data) == STATUS_BYTES and min(data) >= 0x80
    return data if whole else None


def counters(replies: Sequence[Reply]) -> Mapping[str, int]:
    """4Ah P: how worn the printer is (FP-800 protocol 1.00BG, 4Ah)."""
    names = ("paper_mm", "documents", "cuts", "power_ons", "modem_restarts")
    for reply in replies:
        line = text(reply.frame.data)
        if reply.frame.command == WEAR.code and line.startswith("P"):
            numbers = [number(field) for field in line[1:].split(",")]
            pairs = zip(names, numbers, strict=False)
            return MappingProxyType({name: n for name, n in pairs if n is not None})
    return {}


def explain(reply: Reply, profile: Profile) -> str:
    frame = reply.frame
    if isinstance(frame.command, str):
        return CONTROL_WORDS[frame.command]
    name = _NAMES.get(frame.command or 0, "a command that Plomba never sends")
    if not frame.status and reply.request is None and not frame.data:
        return f"Command {frame.command:02X}h: {name}."
    said = f', "{text(frame.data)}"' if frame.data and not _status_data(frame) else ""
    refused = _refused(frame)
    if refused:
        said += f"; the device refuses the command: {refused}"
    status = frame.status or (_status_data(frame) or b"")
    notes = profile.notes(dict(enumerate(status)))
    bits = f" Status: {'; '.join(notes)}." if notes else (" Status: nothing to report." if status else "")
    return f"Command {frame.command:02X}h: {name}{said}.{bits}"


_CODEC = _Codec()
FAMILY = Family(
    name="datecs_isl_legacy",
    models=(
        "Datecs FP-550, FP-650, FP-700, FP-800, FP-2000, FMP-10, SK1-21F, SK1-31F",
        "Datecs FP-300, FP-1000, FP-550F",
        "Datecs DP-05, DP-15, DP-25, DP-35, DP-50, DP-150, WP-50",
        "Eltrade A1, A3, A6, B1, B3, PRP 250F",
        "Daisy Compact, eXpert, Perfect, Micro, FX",
        "Incotex 133, 181, 300S, 300SM, 777",
    ),
    ports=Ports(
        serial=Serial((115200, 9600, 19200, 38400, 57600, 4800, 2400, 1200)),
        tcp=(3999, 4999, 9100),
        names=("datecs", "eltrade", "daisy", "incotex"),
    ),
    codec=_CODEC,
    identify=identify,
    read_state=read_state,
    read_only_commands=COMMANDS,
    evidence=Evidence(
        Known.MANUAL,
        "2026-11-22",
        (
            "Datecs FP-800/FP-2000/FP-650/SK1/FMP-10/FP-550 protocol 1.00BG",
            "Datecs FP-300/FP-1000-02 programmer's manual",
            "Datecs DP/WP protocol 2.04BG",
            "Eltrade protocol 1.1.1",
            "Daisy protocol 2019-10-02",
            "Incotex protocol 2019-02-20",
        ),
        (
            "code page and identification fields of Baltic firmware",
            "no bit of any profile shows the cash drawer",
            "56h tells when the last record of any kind was: on the day of a Z report that is taken for its time",
            "wear counters of FP-550: an older printer of that name does not know the question, so it is not asked",
        ),
    ),
    explain=explain,
    overhear=of_frames(_CODEC, 0x6A, 0x03),
    counters=counters,
)
