"""Shtrih-M, the standard line: ENQ, ACK and NAK around frames that carry no number. What is asked and what the
answers mean stands in shtrih_command.py and shtrih_reply.py. Only read-only commands exist here."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import NoReturn

from protocols.device import capture
from protocols.device.checksums import xor
from protocols.device.exchange import Done, Exchange, Frame, Step, Wait, Write
from protocols.device.family import Command, Direction, Evidence, Family, Known, Reply, Unparsed
from protocols.device.shtrih_command import (
    MODELS,
    PORTS,
    SYSTEM_ADMINISTRATOR,
    accepted,
    answers,
    commands,
    device_frame,
    frame_payload,
    host_frame,
)
from protocols.device.shtrih_reply import capabilities, explain, identify, read_state
from protocols.errors import Busy, Garbled, NoReply, Rejected, Unexpected

STX, ENQ, ACK, NAK, STRAY = 0x02, 0x05, 0x06, 0x15, 0xFF
_CONTROL = {ENQ: "ENQ", ACK: "ACK", NAK: "NAK"}
TRIES, WAIT_S, DEADLINE_S = 3, 0.5, 8.0
LAST_WAIT_S = 0.02
WRITES = 16
"""In all, so that a device that always answers something is not asked for ever."""
_PIECE = 512


class _Codec:
    def __init__(self, password: int) -> None:
        self._allowed = frozenset((c.code, c.data) for c in commands(password))

    def first_sequence(self) -> int:
        return 0

    def next_sequence(self, sequence: int) -> int:  # noqa: ARG002 - the frames carry no number
        return 0

    def encode(self, command: Command, sequence: int) -> bytes:  # noqa: ARG002 - the frames carry no number
        payload = frame_payload(command, self._allowed)
        body = bytes([len(payload)]) + payload
        return bytes([STX]) + body + xor(body)

    def exchange(self, command: Command, sequence: int) -> Exchange:
        return _Dialogue(self.encode(command, sequence), command.code)

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
    if raw[at] in _CONTROL:
        return Frame(None, _CONTROL[raw[at]]), at + 1
    found = _framed(raw, at)
    return found and (host_frame(found[0]), found[1])


def _device_piece(raw: bytes, at: int) -> tuple[Frame, int] | None:
    """A stray FFh, as some networks put before ACK and NAK, is passed over there and only there."""
    if raw[at] == STRAY and raw[at + 1 : at + 2] in (b"\x06", b"\x15"):
        at += 1
    if raw[at] in (ACK, NAK):
        return Frame(None, _CONTROL[raw[at]]), at + 1
    found = _framed(raw, at)
    return found and (device_frame(found[0]), found[1])


_LINE = capture.Line(_host_piece, _device_piece, answers, "number")


def _framed(raw: bytes, at: int) -> tuple[bytes, int] | None:
    if raw[at] != STX:
        raise Unparsed("frame.preamble", f"{raw[at]:02X}h where a frame should start")
    return _cut(raw, at)


def _cut(raw: bytes, at: int) -> tuple[bytes, int] | None:
    """The checked payload of the frame at `at` and its end; None while bytes are missing."""
    if len(raw) < at + 2:
        return None
    if not raw[at + 1]:
        raise Unparsed("frame.length", "LEN is 0")
    stop = at + 2 + raw[at + 1]
    if len(raw) <= stop:
        return None
    if raw[stop : stop + 1] != xor(raw[at + 1 : stop]):
        raise Unparsed("frame.checksum", "the checksum does not fit")
    return raw[at + 2 : stop], stop + 1


class _Stage(Enum):
    ASKING = auto()  # ENQ is out; a frame now is left over from another conversation
    SENT = auto()  # the command is out, and the reply may come
    CHECKING = auto()  # no reply came; ENQ asks whether there is one


class _Dialogue:
    """ENQ, NAK, frame, ACK, reply, ACK (protocol 1.10, "Exchange algorithm"). A frame carries no number: a
    reply counts only after the device said with NAK that nothing else waited to be given."""

    deadline_s = DEADLINE_S

    def __init__(self, request: bytes, command: int | str) -> None:
        self._request = request
        self._command = command
        self._buffer = b""
        self._stage = _Stage.ASKING
        self._silences = self._writes = 0
        self._echo = self._noise = self._stale = self._working = self._damaged = False
        self._spoiled = False  # an answer came damaged or in part: the device does not just work
        self._refusal: Busy | Garbled | Rejected | None = None

    def start(self) -> Step:
        return self._write(bytes([ENQ]), _Stage.ASKING)

    def receive(self, data: bytes) -> Step:
        self._raise_refusal()
        step: Step | None = None
        for at in range(0, len(data), _PIECE):
            self._buffer += data[at : at + _PIECE]
            step = self._scan() or step
            if isinstance(step, Done):
                return step
        return step or Wait(WAIT_S)

    def silence(self) -> Step:
        self._raise_refusal()
        step = self._resync()
        if step:
            return step
        self._silences += 1
        if self._silences >= TRIES:
            self._fail()
        asking = self._stage is _Stage.ASKING
        return self._write(bytes([ENQ]), _Stage.ASKING if asking else _Stage.CHECKING)

    def expire(self) -> Step:
        self._fail()

    def _raise_refusal(self) -> None:
        if self._refusal:
            raise self._refusal

    def _write(self, data: bytes, stage: _Stage) -> Write:
        self._writes += 1
        if self._writes > WRITES:
            self._fail()
        self._stage = stage
        return Write(data, WAIT_S)

    def _resync(self) -> Step | None:
        """What looked like a frame never became one: the true one may stand behind it."""
        while self._buffer:
            self._noise = self._spoiled = True
            self._buffer = self._buffer[1:]
            step = self._scan()
            if step:
                return step
        return None

    def _scan(self) -> Step | None:
        """Takes all that is complete; the last step that it asks for holds."""
        step: Step | None = None
        while self._buffer:
            if self._buffer[0] == STX:
                try:
                    found = _cut(self._buffer, 0)
                except Unparsed:
                    self._noise = self._spoiled = True
                    found = b"", 1
                if found is None:
                    return step
                payload, end = found
                raw, self._buffer = self._buffer[:end], self._buffer[end:]
                step = (self._frame(payload, raw) if payload else None) or step
            else:
                byte, self._buffer = self._buffer[0], self._buffer[1:]
                step = self._control(byte) or step
            if isinstance(step, Done):
                return step
        return step

    def _control(self, byte: int) -> Step | None:
        """NAK to ENQ: ready. NAK to the command: it came damaged. Both times the command goes out."""
        if byte == NAK:
            self._damaged |= self._stage is _Stage.SENT
            return self._write(self._request, _Stage.SENT)
        self._echo |= byte == ENQ
        self._working |= byte == ACK
        self._noise |= byte not in (ENQ, ACK, STRAY)
        return None

    def _frame(self, payload: bytes, raw: bytes) -> Step | None:
        if raw == self._request:
            return None if self._echo else self._sent_back()
        try:
            frame = device_frame(payload)
        except Unparsed:
            self._noise = True
            return None
        if self._stage is _Stage.ASKING:
            self._stale = True
            return self._write(bytes([ACK, ENQ]), _Stage.ASKING)
        if frame.command != self._command:
            self._stale = True
            return self._write(bytes([ACK, ENQ]), _Stage.CHECKING)
        try:
            return Done(accepted(frame), bytes([ACK]))
        except (Busy, Rejected) as e:
            self._refusal = e  # raised once the answer is acknowledged, else the cash program would get it
            return Write(bytes([ACK]), LAST_WAIT_S)

    def _sent_back(self) -> Write:
        """A line that sends back a whole frame, or a device that refuses with just the error code that the
        question held: it is acknowledged, and believed of neither."""
        self._refusal = Garbled("what came back is the question itself", code="device.echo")
        return Write(bytes([ACK]), LAST_WAIT_S)

    def _fail(self) -> NoReturn:
        self._raise_refusal()
        if self._echo:
            raise Unexpected("the port sends back what is written to it", code="device.echo")
        if self._stale:
            raise Garbled("only answers to other requests came", code="device.stale_reply")
        if self._damaged:
            raise Garbled("the device reports damaged frames", code="device.nak")
        if self._working and not self._spoiled:
            raise Busy("the device is still working")
        if self._noise:
            raise Garbled("bytes came, but no valid frame")
        raise NoReply("the device does not answer")


def family(password: int = SYSTEM_ADMINISTRATOR) -> Family:
    """For a device whose system administrator has another password."""
    return Family(
        name="shtrih_v1",
        models=MODELS,
        ports=PORTS,
        codec=_Codec(password),
        identify=identify,
        read_state=read_state,
        read_only_commands=commands(password),
        evidence=EVIDENCE,
        explain=explain,
        capabilities=capabilities,
        unmarked_answers=True,
    )


EVIDENCE = Evidence(
    Known.CAPTURE,
    "2026-11-25",
    (
        "SHTRIH-M fiscal printer protocol 1.10 (English)",
        "KKT protocol 1.16",
        "shtrih-m/javapos_shtrih, the maker's own driver",
        "pyshtrih 2.0.6, an independent client, against the emulator",
        "a published log of a live SHTRIH-MINI-01F: answers to 10h and 11h",
    ),
    (
        "constant fiscal memory fields of models with a fiscal storage: told by version, date and flags",
        "sensor masks of single models: only what F7h itself says is used",
        "registers (1Ah, 1Bh) count sales and reports, by numbers of their own in each model: they are not read",
        "no manual names a counter of wear",
        "the long number of models with a fiscal storage stands in a table that is not read: 11h tells its last digits",
    ),
)

FAMILY = family()
