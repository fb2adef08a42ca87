"""What both ISL lines share around their frames: control bytes, the preamble, escaped data, and which frame
answers which."""

from protocols.device.capture import Cut
from protocols.device.exchange import Frame
from protocols.device.family import Unparsed
from protocols.device.isl_exchange import NAK, PREAMBLE, SYN

_ESCAPE = 0x10
_CONTROL = {SYN: "SYN", NAK: "NAK"}


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


def answers(frame: Frame, request: Frame) -> bool:
    control = isinstance(frame.command, str)
    return control or (frame.sequence, frame.command) == (request.sequence, request.command)


def unescaped(data: bytes) -> bytes:
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
