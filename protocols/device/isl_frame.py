"""What both ISL lines share around their frames: control bytes, the preamble, escaped data, and which frame
answers which."""

import re

from protocols.device.capture import Cut
from protocols.device.checksums import isl_bcc
from protocols.device.exchange import Frame
from protocols.device.family import Unparsed
from protocols.device.isl_exchange import NAK, PREAMBLE, SYN

_POSTAMBLE, _TERMINATOR, _ESCAPE = 0x05, 0x03, 0x10
_CONTROL = {SYN: "SYN", NAK: "NAK"}
CONTROL_WORDS = {
    "SYN": "The device is working on the request; wait for its answer.",
    "NAK": "The device could not read the request; send it again with the same sequence number.",
}


def device_piece(cut: Cut) -> Cut:
    """A frame of the device, or a control byte as a frame whose command is its name."""
    frame = host_piece(cut)

    def piece(raw: bytes, at: int) -> tuple[Frame, int] | None:
        return (Frame(None, _CONTROL[raw[at]]), at + 1) if raw[at] in _CONTROL else frame(raw, at)

    return piece


def host_piece(cut: Cut) -> Cut:
    def piece(raw: bytes, at: int) -> tuple[Frame, int] | None:
        if raw[at] != PREAMBLE:
            raise Unparsed("frame.preamble", f"{raw[at]:02X}h where a frame should start")
        return cut(raw, at)

    return piece


def checked(raw: bytes, start: int, stop: int) -> tuple[bytes, int] | None:
    """LEN..05 of the frame at `start`, which LEN lets end before `stop`, and the end of the whole; None while
    bytes are missing."""
    end = stop + 5
    if len(raw) < end:
        return None
    body, tail = raw[start + 1 : stop], raw[stop:end]
    if body[-1] != _POSTAMBLE or tail[4] != _TERMINATOR:
        raise Unparsed("frame.markers", "05h or 03h is not where LEN says")
    if tail[:4] != isl_bcc(body):
        raise Unparsed("frame.checksum", "the checksum does not fit")
    return body, end


def framed(body: bytes) -> bytes:
    """A whole frame around LEN, SEQ, CMD and data."""
    body += bytes([_POSTAMBLE])
    return bytes([PREAMBLE]) + body + isl_bcc(body) + bytes([_TERMINATOR])


def answers(frame: Frame, request: Frame) -> bool:
    control = isinstance(frame.command, str)
    return control or (frame.sequence, frame.command) == (request.sequence, request.command)


_CONTROL_BYTE = re.compile(rb"[\x00-\x08\x0b-\x1f]")
"""All but TAB and LF, which may stand in the data as they are."""


def unescaped(data: bytes) -> bytes:
    if not _CONTROL_BYTE.search(data):
        return data
    out, at = bytearray(), 0
    while at < len(data):
        byte = data[at]
        if byte == _ESCAPE:
            at += 1
            if at >= len(data) or not 0x40 <= data[at] <= 0x5F:
                raise Unparsed("frame.escape", "10h is not followed by a control byte with 40h added")
            byte = data[at] - 0x40
        elif byte < 0x20 and byte not in (0x09, 0x0A):
            raise Unparsed("frame.data", f"control byte {byte:02X}h in the data")
        out.append(byte)
        at += 1
    return bytes(out)
