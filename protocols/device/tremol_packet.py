"""The line of Tremol ZFP: packets, receipts, and the question and answer. It does not know what data mean."""

from collections.abc import Mapping
from typing import NoReturn

from protocols.device.checksums import exclusive_or
from protocols.device.exchange import Done, Frame, Step, Wait, Write
from protocols.device.family import Unparsed
from protocols.errors import Busy, Garbled, NoReply, Rejected, Unexpected

STX, ACK, END, NACK, RETRY, ALIVE, QUICK = 0x02, 0x06, 0x0A, 0x15, 0x0E, 0x04, 0x09
FIRST_NUMBER, LAST_NUMBER = 0x20, 0x9F
OUR_FIRST_NUMBER, OUR_LAST_NUMBER = 0x60, 0x7F
"""Cash programs count from 20h; ours stay apart, so that a late answer of theirs is never taken for ours."""
TRIES, WAIT_S, DEADLINE_S = 3, 0.5, 5.0
_PIECE = 1024
CONTROL = {NACK: "NACK", RETRY: "RETRY"}
STATUS_CODE = 0x20

DEVICE_ERRORS: Mapping[int, tuple[str, str | None, bool]] = {
    0x1: ("out of paper or printer failure", None, True),
    0x2: ("overflow of the registers", None, True),
    0x3: ("clock failure or wrong date and time", "clock_set", False),
    0x4: ("a fiscal receipt is open", "receipt_open", True),
    0x5: ("an account is not settled", None, True),
    0x6: ("a non-fiscal receipt is open", "receipt_open", True),
    0x7: ("a receipt is paid but not closed", "receipt_open", True),
    0x8: ("fiscal memory failure", "fiscal_memory_error", True),
    0x9: ("wrong password", None, True),
    0xA: ("no external display", None, True),
    0xB: ("24 hours without a Z report", "day_over_24h", True),
    0xC: ("print head is too hot", "head_overheat", True),
    0xD: ("power went off during a fiscal receipt", None, True),
    0xE: ("electronic journal is full", "journal_full", True),
    0xF: ("conditions are not sufficient", None, True),
}
"""STE1: what it means, and the flag that it shows where it shows only one."""
_COMMAND_ERRORS: Mapping[int, str] = {
    1: "invalid command",
    2: "illegal command",
    3: "the Z daily report is not zero",
    4: "syntax error",
    5: "overflow of the input registers",
    6: "zero input registers",
    7: "unavailable transaction for correction",
    8: "insufficient amount on hand",
}
"""STE2."""


def xor(body: bytes) -> bytes:
    total = exclusive_or(body)
    return bytes([0x30 + (total >> 4), 0x30 + (total & 0x0F)])


def told(error: int) -> str:
    device = DEVICE_ERRORS.get(error >> 4)
    words = [device[0]] if device else []
    if error & 0x0F:
        words.append(_COMMAND_ERRORS.get(error & 0x0F, "an error of the command without a name"))
    return " and ".join(words) or "nothing to be told"


class ZfpExchange:
    """The packet with our number and command, or the receipt with our number, which refuses what we ask."""

    deadline_s = DEADLINE_S

    def __init__(self, request: bytes, number: int, command: int) -> None:
        self._request = request
        self._number, self._command, self._data = number, command, request[4:-3]
        self._buffer = bytearray()
        self._seen = b""
        self._tries = 0
        self._nack = False
        self._said: set[str] = set()

    def start(self) -> Step:
        if self._tries >= TRIES:
            self._fail()
        self._tries += 1
        self._nack = False
        return Write(self._request, WAIT_S)

    def receive(self, data: bytes) -> Step:
        for at in range(0, len(data), _PIECE):
            piece = data[at : at + _PIECE]
            seen = self._seen + piece
            if self._request in seen:
                self._said.add("echo")
            self._seen = seen[-len(self._request) :]
            self._buffer += piece
            done = self._scan()
            if done:
                return done
        return self.start() if self._nack else Wait(WAIT_S)

    def silence(self) -> Step:
        """What looked like a packet never became one: a 02h or 06h in noise."""
        while self._buffer:
            del self._buffer[0]
            self._said.add("noise")
            done = self._scan()
            if done:
                return done
        return self.start()

    def expire(self) -> Step:
        self._fail()

    def _scan(self) -> Done | None:
        raw, at = bytes(self._buffer), 0
        try:
            while at < len(raw):
                found = self._piece(raw, at)
                if found is None:
                    return None
                frame, at = found
                if frame and self._ours(frame):
                    return self._done(frame)
            return None
        finally:
            del self._buffer[:at]

    def _piece(self, raw: bytes, at: int) -> tuple[Frame | None, int] | None:
        if raw[at] in CONTROL:
            self._said.add(CONTROL[raw[at]])
            self._nack |= raw[at] == NACK
            return None, at + 1
        try:
            return cut_reply(raw, at)
        except Unparsed:
            self._said.add("noise")
            return None, at + 1

    def _ours(self, frame: Frame) -> bool:
        """An echo has our number and command too, but is what we sent."""
        if frame.sequence != self._number or frame.command not in (None, self._command):
            self._said.add("stale")
            return False
        return frame.command is None or frame.data not in (b"", self._data)

    def _done(self, frame: Frame) -> Done:
        if frame.command is None:
            raise Rejected(
                f"the device refuses command {self._command:02X}h: {told(frame.error or 0)}",
                maker_code=f"{frame.error or 0:02X}",
            )
        return Done(frame)

    def _fail(self) -> NoReturn:
        if "echo" in self._said:
            raise Unexpected("the port sends back what is written to it", code="device.echo")
        if "stale" in self._said:
            raise Garbled("only answers to other requests came", code="device.stale_reply")
        if "RETRY" in self._said:
            raise Busy("the device is still working")
        if "NACK" in self._said:
            raise Garbled("the device reports damaged packets", code="device.nak")
        if "noise" in self._said:
            raise Garbled("bytes came, but no valid packet")
        raise NoReply("the device does not answer")


def cut_reply(raw: bytes, start: int) -> tuple[Frame, int] | None:
    """The packet or receipt of the device that starts at `start` and its end; None while bytes are missing."""
    if raw[start] == ACK:
        return _receipt(raw[start : start + 7], start)
    if raw[start] == STX:
        found = cut_packet(raw, start)
        return found and (with_status(found[0]), found[1])
    raise Unparsed("frame.preamble", f"{raw[start]:02X}h where a frame should start")


def _receipt(raw: bytes, start: int) -> tuple[Frame, int] | None:
    """06 NBL STE1 STE2 CS CS 0A. The error is one number: STE1 times 16 plus STE2."""
    if len(raw) > 1 and not FIRST_NUMBER <= raw[1] <= LAST_NUMBER:
        raise Unparsed("frame.header", "NBL is not within 20h..9Fh")
    if any(not 0x30 <= byte <= 0x3F for byte in raw[2:6]):
        raise Unparsed("frame.header", "an error or checksum digit is not within 30h..3Fh")
    if len(raw) < 7:
        return None
    if raw[6] != END:
        raise Unparsed("frame.markers", "0Ah is not at the end")
    if raw[4:6] != xor(raw[1:4]):
        raise Unparsed("frame.checksum", "the checksum does not fit")
    return Frame(raw[1], None, (raw[2] & 0x0F) << 4 | raw[3] & 0x0F), start + 7


def cut_packet(raw: bytes, start: int) -> tuple[Frame, int] | None:
    """02 LEN NBL CMD DATA CS CS 0A, in both directions alike (protocol description, 1.1)."""
    head = raw[start + 1 : start + 4]
    if head and head[0] < 0x23:
        raise Unparsed("frame.length", f"LEN {head[0]:02X}h is too small")
    if len(head) > 1 and not FIRST_NUMBER <= head[1] <= LAST_NUMBER:
        raise Unparsed("frame.header", "NBL is not within 20h..9Fh")
    if len(head) > 2 and not 0x20 <= head[2] <= 0x7F:
        raise Unparsed("frame.header", "CMD is not within 20h..7Fh")
    if not head:
        return None
    stop = start + 1 + head[0] - 0x20
    if len(raw) < stop + 3:
        return None
    body, tail = raw[start + 1 : stop], raw[stop : stop + 3]
    if tail[2] != END:
        raise Unparsed("frame.markers", "0Ah is not where LEN says")
    if tail[:2] != xor(body):
        raise Unparsed("frame.checksum", "the checksum does not fit")
    return Frame(body[1], body[2], data=body[3:]), stop + 3


def with_status(frame: Frame) -> Frame:
    """20h answers with the status bytes; they stand in the data too."""
    if frame.command != STATUS_CODE or not frame.data:
        return frame
    if len(frame.data) not in (5, 6, 7) or min(frame.data) < 0x80:
        raise Unparsed("frame.status", "the status is not made of 5 to 7 bytes with bit 7")
    return frame._replace(status=frame.data)
