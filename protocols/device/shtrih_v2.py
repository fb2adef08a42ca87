"""Shtrih-M, the second line: numbered frames with a CRC and no ENQ. What is asked and what the answers mean
stands in shtrih_command.py and shtrih_reply.py. Only read-only commands exist here."""

from collections.abc import Sequence
from typing import NoReturn

from protocols.device import capture
from protocols.device.checksums import crc16_ccitt_false
from protocols.device.exchange import Done, Exchange, Frame, Step, Wait, Write
from protocols.device.family import Command, Direction, Evidence, Family, Known, Reply, Unparsed
from protocols.device.shtrih_command import (
    MODELS,
    PORTS,
    SYNC,
    SYSTEM_ADMINISTRATOR,
    accepted,
    answers,
    commands,
    device_frame,
    frame_payload,
    host_frame,
)
from protocols.device.shtrih_reply import capabilities, explain, identify, read_state
from protocols.errors import Garbled, NoReply, Unexpected, UsageError

STX, ESCAPE = 0x8F, 0x9F
_ESCAPED = {0x81: STX, 0x83: ESCAPE}
TRIES, WAIT_S, DEADLINE_S = 3, 0.5, 8.0
WRITES = 12
"""In all, so that a device that always answers something is not asked for ever."""
LAST_NUMBER = 0xFFFF
_LONGEST = 1024
"""Of a reply that is waited for; the longest that a monitor asks for has 46 bytes of data."""
_PIECE = 512


def next_number(number: int) -> int:
    return 0 if number >= LAST_NUMBER else number + 1


def pack(body: bytes) -> bytes:
    """`body`: the number, low byte first, and the payload; empty for the synchronising frame."""
    counted = len(body).to_bytes(2, "little") + body
    return bytes([STX]) + _escaped(counted + crc16_ccitt_false(counted))


def _escaped(plain: bytes) -> bytes:
    return plain.replace(b"\x9f", b"\x9f\x83").replace(b"\x8f", b"\x9f\x81")


SYNCHRONISE = pack(b"")


class _Codec:
    def __init__(self, password: int) -> None:
        self._allowed = frozenset((c.code, c.data) for c in commands(password))

    def first_sequence(self) -> int:
        return 1

    def next_sequence(self, sequence: int) -> int:
        return next_number(sequence)

    def encode(self, command: Command, sequence: int) -> bytes:
        payload = frame_payload(command, self._allowed)
        if not 0 <= sequence <= LAST_NUMBER:
            raise UsageError(f"frame number {sequence} is not within 0..{LAST_NUMBER}")
        return pack(sequence.to_bytes(2, "little") + payload)

    def exchange(self, command: Command, sequence: int) -> Exchange:  # noqa: ARG002 - the device tells it
        """The device tells its number first: the cash program has counted on since the last time."""
        return _Dialogue(self, command)

    def parse(self, raw: bytes, direction: Direction, request: bytes | None = None) -> Sequence[Reply]:
        return _LINE.replies(raw, direction, request)

    def parse_payload(
        self, payload: bytes, direction: Direction, request: bytes | None = None
    ) -> Sequence[Reply]:
        if direction is Direction.HOST_TO_DEVICE:
            return [Reply(host_frame(payload))]
        frame = device_frame(payload)
        return [Reply(frame)] if request is None else _LINE.paired([frame], [host_frame(request)])


def _host_piece(raw: bytes, at: int) -> tuple[Frame, int] | None:
    """The synchronising frame is empty."""
    found = _framed(raw, at)
    if not found:
        return None
    body, end = found
    return (host_frame(*_numbered(body)) if body else Frame(None, SYNC)), end


def _device_piece(raw: bytes, at: int) -> tuple[Frame, int] | None:
    found = _framed(raw, at)
    return found and (_understood(found[0]), found[1])


_LINE = capture.Line(_host_piece, _device_piece, answers, "number")


def _understood(body: bytes) -> Frame:
    """The device's answer to the synchronising frame has a number alone."""
    payload, number = _numbered(body)
    return device_frame(payload, number) if payload else Frame(number, None)


def _numbered(body: bytes) -> tuple[bytes, int]:
    if len(body) < 2:
        raise Unparsed("frame.length", "LEN leaves no room for the number")
    return body[2:], int.from_bytes(body[:2], "little")


def _framed(raw: bytes, at: int) -> tuple[bytes, int] | None:
    if raw[at] != STX:
        raise Unparsed("frame.preamble", f"{raw[at]:02X}h where a frame should start")
    return _cut(raw, at, LAST_NUMBER)


def _cut(raw: bytes, at: int, longest: int) -> tuple[bytes, int] | None:
    """The checked number and payload of the frame at `at`, and its end; None while bytes are missing."""
    plain, end = _plain(raw, at + 1, 2)
    if len(plain) < 2:
        return None
    size = int.from_bytes(plain, "little")
    if size > longest:
        raise Unparsed("frame.length", f"LEN {size} is too long")
    rest, end = _plain(raw, end, size + 2)
    if len(rest) < size + 2:
        return None
    if rest[size:] != crc16_ccitt_false(plain + rest[:size]):
        raise Unparsed("frame.checksum", "the checksum does not fit")
    return rest[:size], end


def _plain(raw: bytes, at: int, size: int) -> tuple[bytes, int]:
    """Up to `size` unescaped bytes from `at` on, and where they end."""
    out = raw[at : at + size]
    if STX not in out and ESCAPE not in out:
        return out, at + len(out)
    return _unescaped(raw, at, size)


def _unescaped(raw: bytes, at: int, size: int) -> tuple[bytes, int]:
    out = bytearray()
    while at < len(raw) and len(out) < size:
        byte = raw[at]
        if byte == STX:
            raise Unparsed("frame.escape", "8Fh within a frame")
        if byte == ESCAPE:
            at += 1
            if at == len(raw):
                break
            if raw[at] not in _ESCAPED:
                raise Unparsed("frame.escape", f"9Fh before {raw[at]:02X}h")
            byte = _ESCAPED[raw[at]]
        out.append(byte)
        at += 1
    return bytes(out), at


class _Dialogue:
    """Ask for the device's number, then send the command with the next one (protocol of the maker's own
    driver, PrinterProtocol_2). Only a reply with that number and that command counts."""

    deadline_s = DEADLINE_S

    def __init__(self, codec: _Codec, command: Command) -> None:
        self._codec = codec
        self._command = command
        self._request = b""
        self._number: int | None = None
        self._buffer = b""
        self._silences = self._writes = 0
        self._echo = self._noise = self._stale = False
        codec.encode(command, 0)

    def start(self) -> Step:
        return self._synchronise()

    def receive(self, data: bytes) -> Step:
        step: Step | None = None
        for at in range(0, len(data), _PIECE):
            self._buffer += data[at : at + _PIECE]
            step = self._scan() or step
            if isinstance(step, Done):
                return step
        return step or Wait(WAIT_S)

    def silence(self) -> Step:
        step = self._resync()
        if step:
            return step
        self._silences += 1
        if self._silences >= TRIES:
            self._fail()
        return self._synchronise() if self._number is None else self._write(self._request)

    def expire(self) -> Step:
        self._fail()

    def _synchronise(self) -> Write:
        self._number = None
        return self._write(SYNCHRONISE)

    def _write(self, data: bytes) -> Write:
        self._writes += 1
        if self._writes > WRITES:
            self._fail()
        return Write(data, WAIT_S)

    def _resync(self) -> Step | None:
        """What looked like a frame never became one: the true one may stand behind it."""
        while self._buffer:
            self._noise = True
            self._buffer = self._buffer[1:]
            step = self._scan()
            if step:
                return step
        return None

    def _scan(self) -> Step | None:
        """Takes all that is complete; the last step that it asks for holds."""
        step: Step | None = None
        while self._buffer:
            start = self._buffer.find(STX)
            self._noise |= start != 0
            self._buffer = self._buffer[start:] if start >= 0 else b""
            try:
                found = _cut(self._buffer, 0, _LONGEST) if self._buffer else None
            except Unparsed:
                self._noise = True
                self._buffer = self._buffer[1:]
                continue
            if found is None:
                return step
            body, end = found
            raw, self._buffer = self._buffer[:end], self._buffer[end:]
            step = self._frame(body, raw) or step
            if isinstance(step, Done):
                return step
        return step

    def _frame(self, body: bytes, raw: bytes) -> Step | None:
        if raw in (SYNCHRONISE, self._request):
            self._echo |= raw == SYNCHRONISE
            self._noise = True  # sent back, or refused with just the error code that the question held
            return None
        try:
            frame = _understood(body)
        except Unparsed:
            self._noise = True
            return None
        if frame.command is None:
            return self._send(frame.sequence or 0) if self._number is None else None
        if self._number is None:
            self._stale = True
            return None
        if (frame.sequence, frame.command) != (self._number, self._command.code):
            self._stale = True
            return self._synchronise()
        return Done(accepted(frame))

    def _send(self, number: int) -> Write:
        self._number = next_number(number)
        self._request = self._codec.encode(self._command, self._number)
        return self._write(self._request)

    def _fail(self) -> NoReturn:
        if self._echo:
            raise Unexpected("the port sends back what is written to it", code="device.echo")
        if self._stale:
            raise Garbled("only answers to other requests came", code="device.stale_reply")
        if self._noise:
            raise Garbled("bytes came, but no valid frame")
        raise NoReply("the device does not answer")


def family(password: int = SYSTEM_ADMINISTRATOR) -> Family:
    """For a device whose system administrator has another password."""
    return Family(
        name="shtrih_v2",
        models=MODELS,
        ports=PORTS,
        codec=_Codec(password),
        identify=identify,
        read_state=read_state,
        read_only_commands=commands(password),
        evidence=EVIDENCE,
        explain=explain,
        capabilities=capabilities,
    )


EVIDENCE = Evidence(
    Known.MANUAL,
    "2026-11-23",
    ("KKT protocol 1.16", "shtrih-m/javapos_shtrih, the maker's own driver"),
    (
        "what a device does with a repeated frame number: only a reply with our number counts",
        "a cash program that keeps counting without asking for the number anew after we asked",
        "constant fiscal memory fields of models with a fiscal storage: told by version, date and flags",
    ),
)

FAMILY = family()
