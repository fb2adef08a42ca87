"""The line of ATOL protocol v2: the masked frame, and the dialogue around it in which each side asks for the line.
It knows no command. Source: atol4j, TransportProtocolV2 (times T1..T8 and masks)."""

from typing import NoReturn

from protocols.device.atol_reply import answer_of, fits, refused
from protocols.device.checksums import exclusive_or
from protocols.device.exchange import Done, Frame, Step, Wait, Write
from protocols.device.family import Unparsed
from protocols.errors import Busy, Garbled, NoReply, Rejected, Unexpected

STX, ETX, EOT, ENQ, ACK, DLE, NAK = 0x02, 0x03, 0x04, 0x05, 0x06, 0x10, 0x15
CONTROL = {EOT: "EOT", ENQ: "ENQ", ACK: "ACK", NAK: "NAK"}
LONGEST_BYTES = 1024
TRIES, WAIT_S, DEADLINE_S = 3, 0.5, 8.0
TURN_S = 2.0
"""After EOT the device may work on the command (T5) before it asks for the line itself."""
_PIECE = 1024
_SENT = {"line": bytes([ENQ]), "turn": bytes([EOT]), "answer": bytes([ACK]), "end": bytes([ACK])}
_NAK = bytes([NAK])


def pack(data: bytes) -> bytes:
    """ETX and DLE in the data are masked by a DLE before them; the checksum is that of the masked bytes."""
    masked = data.replace(b"\x10", b"\x10\x10").replace(b"\x03", b"\x10\x03")
    return bytes([STX]) + masked + bytes([ETX, exclusive_or(masked) ^ ETX])


def cut(raw: bytes, start: int) -> tuple[bytes, int] | None:
    """The data of the frame at `start` and where it ends; None while bytes are missing. One byte more than the
    unmasked ETX belongs to it, whatever that byte is. Unparsed where no frame stands."""
    if raw[start] != STX:
        raise Unparsed("frame.preamble", f"{raw[start]:02X}h where a frame should start")
    end = raw.find(ETX, start + 1, start + 2 + LONGEST_BYTES)
    data = raw[start + 1 : end if end >= 0 else len(raw)]
    if DLE in data:
        data, end = _unmasked(raw, start + 1)
    if len(data) > LONGEST_BYTES:
        raise Unparsed("frame.length", "longer than any answer")
    if end < 0 or end + 1 >= len(raw):
        return None
    if raw[end + 1] != exclusive_or(raw[start + 1 : end + 1]):
        raise Unparsed("frame.checksum", "the checksum does not fit")
    return data, end + 2


def _unmasked(raw: bytes, at: int) -> tuple[bytes, int]:
    """The data from `at` on, a byte longer than any answer at most, and where ETX stands; -1 while it is missing."""
    data = bytearray()
    while at < len(raw) and len(data) <= LONGEST_BYTES:
        if raw[at] == ETX:
            return bytes(data), at
        if raw[at] == DLE:
            at += 1
            if at >= len(raw):
                break
            if raw[at] not in (ETX, DLE):
                raise Unparsed("frame.escape", f"{raw[at]:02X}h needs no mask")
        data.append(raw[at])
        at += 1
    return bytes(data), -1


class AtolV2Exchange:
    """ENQ - frame - EOT from us, ENQ - frame - EOT from the device, each step confirmed. What came before a
    step was written cannot answer it and is dropped."""

    deadline_s = DEADLINE_S

    def __init__(self, request: bytes, question: Frame) -> None:
        self._request = request
        self._question = question
        self._buffer = b""
        self._tries = 0
        self._expected = "line"  # line, receipt, turn, answer, end
        self._result: Frame | None = None
        self._collisions = self._naks = 0
        self._noise = self._stale = False

    def start(self) -> Step:
        return self._write("line")

    def receive(self, data: bytes) -> Step:
        for at in range(0, len(data), _PIECE):
            self._buffer += data[at : at + _PIECE]
            step = self._scan()
            if step:
                return step
        return Wait(self._wait_s())

    def silence(self) -> Step:
        while self._buffer:  # a STX in noise made a frame that never ended
            self._noise = True
            self._buffer = self._buffer[1:]
            step = self._scan()
            if step:
                return step
        if self._result is not None:
            return Done(self._result)
        return self._write(self._expected)

    def expire(self) -> Step:
        self._fail()

    def _wait_s(self) -> float:
        return TURN_S if self._expected == "turn" else WAIT_S

    def _write(self, expected: str) -> Step:
        """`answer` again is a NAK: a second ACK would say that the frame came."""
        again = self._expected == expected
        self._tries = self._tries + 1 if again else 1
        if self._tries > TRIES:
            self._fail()
        self._expected, self._buffer = expected, b""
        sent = self._request if expected == "receipt" else _SENT[expected]
        return Write(_NAK if again and expected == "answer" else sent, self._wait_s())

    def _scan(self) -> Step | None:
        at = 0
        while at < len(self._buffer):
            byte = self._buffer[at]
            if byte == STX:
                try:
                    found = cut(self._buffer, at)
                except Unparsed as e:
                    self._noise, at = True, at + 1
                    if e.code == "frame.checksum" and self._expected == "answer":
                        return self._write("answer")
                    continue
                if found is None:
                    break
                at = found[1]
                step = self._frame(found[0])
            else:
                at += 1
                self._noise |= byte not in CONTROL
                step = self._control(byte)
            if step:
                return step
        self._buffer = self._buffer[at:]
        return None

    def _control(self, byte: int) -> Step | None:
        if byte == NAK:
            self._naks += 1
        if self._expected == "line":
            self._collisions += byte == ENQ  # both asked for the line, or an echo: wait, then ask again
            return self._write("receipt") if byte == ACK else None
        if self._expected == "receipt":
            if byte == NAK:
                return self._write("receipt")
            return self._write("turn") if byte == ACK else None
        if self._expected == "turn":
            return self._write("answer") if byte == ENQ else None
        if self._expected == "end" and byte == EOT and self._result is not None:
            return Done(self._result)
        return None

    def _frame(self, data: bytes) -> Step | None:
        """Outside its turn a frame is an echo, or a late answer to an earlier question."""
        if self._expected != "answer" or pack(data) == self._request or not data:
            return None
        frame = answer_of(data, self._question)
        reason = refused(frame, self._question)
        if not fits(frame, self._question):
            self._stale = True
            self._fail()
        if reason:
            raise Rejected(
                f"the device refuses command {self._question.command:02X}h: {reason}",
                maker_code=f"{frame.error or 0:02X}",
            )
        self._result = frame
        return self._write("end")

    def _fail(self) -> NoReturn:
        if self._stale:
            raise Garbled("an answer to another question came", code="device.stale_reply")
        if self._expected == "line" and self._collisions:
            raise Unexpected("every ENQ comes back: an echo, or a device that waits", code="device.echo")
        if self._expected == "turn":
            raise Busy("the device took the question and is still working on it")
        if self._naks:
            raise Busy("the device answers NAK: it is busy, or frames arrive damaged")
        if self._noise:
            raise Garbled("bytes came, but no valid frame")
        raise NoReply("the device does not answer")
