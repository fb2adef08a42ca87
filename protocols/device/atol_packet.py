"""One packet of ATOL protocol v3: FEh, length, ID, escaped data and CRC. It knows no task and no command. Source:
atol4j, TransportProtocolV3."""

from protocols.device.checksums import crc8_31
from protocols.device.family import Unparsed

START, ESCAPE = 0xFE, 0xFD
IDS, ASYNC_ID = 0xE0, 0xF0
"""The host counts its packets 00h..DFh; F0h is what the device sends unasked."""
LONGEST_BYTES = 1024
ADD = 0xC1
TASK_STATUS = {
    0xA1: "waits for its turn",
    0xA2: "in progress",
    0xA3: "done",
    0xA4: "ended with an error",
    0xA5: "stopped",
    0xA6: "done, told unasked",
    0xA7: "ended with an error, told unasked",
    0xA8: "waits",
    0xB1: "the buffer is full",
    0xB2: "the number is taken by another task",
    0xB3: "no task has this number",
    0xB4: "illegal value",
}
_ESCAPED = {0xEE: START, 0xED: ESCAPE}
_ESCAPES = {START: b"\xfd\xee", ESCAPE: b"\xfd\xed"}


def pack(number: int, data: bytes) -> bytes:
    head = bytes([START, len(data) & 0x7F, len(data) >> 7, number])
    tail = data + bytes([crc8_31(bytes([number]) + data)])
    return head + b"".join(_ESCAPES.get(byte, bytes([byte])) for byte in tail)


def cut(raw: bytes, start: int) -> tuple[int, bytes, int] | None:
    """ID, data and end of the packet at `start`; None while bytes are missing. Each byte is judged as soon as
    it is there. Unparsed where no packet stands."""
    head = raw[start : start + 4]
    if head[:1] != bytes([START]):
        raise Unparsed("frame.preamble", f"{raw[start]:02X}h where a packet should start")
    size = _size(head)
    if len(head) < 4:
        return None
    if head[3] >= IDS and head[3] != ASYNC_ID:
        raise Unparsed("frame.id", f"{head[3]:02X}h is no packet ID")
    found = _unescaped(raw, start + 4, size + 1)
    if found is None:
        return None
    body, end = found
    if body[-1] != crc8_31(bytes([head[3]]) + body[:-1]):
        raise Unparsed("frame.checksum", "the checksum does not fit")
    return head[3], body[:-1], end


def _unescaped(raw: bytes, at: int, size: int) -> tuple[bytes, int] | None:
    """`size` bytes and where they end; None while some are missing."""
    whole = raw[at : at + size]
    if START not in whole and ESCAPE not in whole:
        return (whole, at + size) if len(whole) == size else None
    body = bytearray()
    while len(body) < size:
        if at >= len(raw):
            return None
        byte, at = raw[at], at + 1
        if byte == START:
            raise Unparsed("frame.escape", "an unescaped FEh within a packet")
        if byte == ESCAPE:
            if at >= len(raw):
                return None
            byte, at = _ESCAPED.get(raw[at], -1), at + 1
            if byte < 0:
                raise Unparsed("frame.escape", f"FDh is followed by {raw[at - 1]:02X}h")
        body.append(byte)
    return bytes(body), at


def _size(head: bytes) -> int:
    if len(head) > 1 and head[1] > 0x7F:
        raise Unparsed("frame.length", f"{head[1]:02X}h holds more than seven bits of a length")
    size = (head[1] if len(head) > 1 else 0) | (head[2] << 7 if len(head) > 2 else 0)
    if size > LONGEST_BYTES:
        raise Unparsed("frame.length", f"{size} bytes are more than any answer has")
    return size
