"""Takes what a host sends apart into commands and arguments, and puts such bytes together. Written from the
manuals (fiscal protocol facts, sections 1 to 7, and the ESC/POS and Star facts); nothing of protocols/ is used,
so that a mistake there is not made here too."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that a host said. `command` is its code as it stands on the wire, the name of a text command,
    or what the line itself needs, such as b"ENQ"."""

    command: bytes
    data: bytes = b""


class NotOfTheFamily(Exception):
    """The bytes are no whole frames of a host."""


def _need(true: bool, why: str) -> None:
    if not true:
        raise NotOfTheFamily(why)


@dataclass(frozen=True, slots=True)
class Wire:
    read: Callable[[bytes], list[Said]]
    craft: Callable[[Said], bytes]


def _hex30(total: int, digits: int) -> bytes:
    return bytes(int(c, 16) + 0x30 for c in f"{total:0{digits}x}")


# Datecs ISL, sections 1.2 and 2


def _isl(raw: bytes, width: int) -> list[Said]:
    """`width`: bytes of LEN and of CMD; 1 as they are, 4 as nibbles with 30h added."""
    said: list[Said] = []
    while raw:
        _need(raw[0] == 0x01, "no preamble")
        length = raw[1] if width == 1 else int("".join(f"{b - 0x30:x}" for b in raw[1 : 1 + width]), 16)
        body, rest = raw[1 : 1 + length - 0x20], raw[1 + length - 0x20 :]
        _need(body[-1:] == b"\x05" and rest[4:5] == b"\x03", "the markers are not where LEN says")
        _need(rest[:4] == _hex30(sum(body) & 0xFFFF, 4), "BCC")
        _need(0x20 <= body[width] <= 0xFF, "SEQ")
        code = body[width + 1 : 2 * width + 1]
        command = code if width == 1 else bytes([int("".join(f"{b - 0x30:x}" for b in code), 16)])
        said.append(Said(command, body[2 * width + 1 : -1]))
        raw = rest[5:]
    return said


def _isl_frame(said: Said, width: int) -> bytes:
    command = said.command if width == 1 else _hex30(said.command[0], 4)
    length = 0x20 + width + 1 + width + len(said.data) + 1
    head = bytes([length]) if width == 1 else _hex30(length, 4)
    body = head + b"\x60" + command + said.data + b"\x05"
    return b"\x01" + body + _hex30(sum(body) & 0xFFFF, 4) + b"\x03"


# Shtrih-M, section 3


def _shtrih_split(payload: bytes) -> Said:
    size = 2 if payload[:1] == b"\xff" else 1
    _need(len(payload) >= size, "no command")
    return Said(payload[:size], payload[size:])


def _xor(data: bytes) -> int:
    total = 0
    for byte in data:
        total ^= byte
    return total


def _shtrih_1(raw: bytes) -> list[Said]:
    said: list[Said] = []
    names = {0x05: b"ENQ", 0x06: b"ACK", 0x15: b"NAK"}
    while raw:
        if raw[0] in names:
            said.append(Said(names[raw[0]]))
            raw = raw[1:]
            continue
        _need(raw[0] == 0x02 and len(raw) > raw[1] + 2, "no frame")
        end = raw[1] + 2
        _need(raw[end] == _xor(raw[1:end]), "LRC")
        said.append(_shtrih_split(raw[2:end]))
        raw = raw[end + 1 :]
    return said


def _shtrih_1_frame(said: Said) -> bytes:
    payload = said.command + said.data
    body = bytes([len(payload)]) + payload
    return b"\x02" + body + bytes([_xor(body)])


def _crc_16(data: bytes, crc: int) -> int:
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021) if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
    return crc


def _shtrih_2(raw: bytes) -> list[Said]:
    said: list[Said] = []
    for piece in raw.split(b"\x8f")[1:]:
        plain = piece.replace(b"\x9f\x81", b"\x8f").replace(b"\x9f\x83", b"\x9f")
        size = int.from_bytes(plain[:2], "little")
        _need(len(plain) == size + 4, "LEN")
        _need(_crc_16(plain[:-2], 0xFFFF) == int.from_bytes(plain[-2:], "little"), "CRC")
        said.append(_shtrih_split(plain[4:-2]) if size else Said(b"SYNC"))
    _need(bool(said) and raw[:1] == b"\x8f", "no frame")
    return said


def _shtrih_2_frame(said: Said) -> bytes:
    payload = b"\x8f\x9f" + said.command + said.data
    plain = len(payload).to_bytes(2, "little") + payload
    plain += _crc_16(plain, 0xFFFF).to_bytes(2, "little")
    return b"\x8f" + plain.replace(b"\x9f", b"\x9f\x83").replace(b"\x8f", b"\x9f\x81")


# ATOL, section 4


def _atol_task(payload: bytes) -> Said:
    _need(len(payload) >= 3, "no command")
    if payload[:2] != b"\0\0":
        return Said(b"PASSWORD", payload[:2])
    return Said(payload[2:3], payload[3:])


def _atol_2(raw: bytes) -> list[Said]:
    said: list[Said] = []
    names = {0x04: b"EOT", 0x05: b"ENQ", 0x06: b"ACK", 0x15: b"NAK"}
    while raw:
        if raw[0] in names:
            said.append(Said(names[raw[0]]))
            raw = raw[1:]
            continue
        _need(raw[0] == 0x02, "no frame")
        at, data = 1, b""
        while raw[at] != 0x03:
            at += raw[at] == 0x10
            data += raw[at : at + 1]
            at += 1
        _need(raw[at + 1] == _xor(raw[1 : at + 1]), "CRC")
        said.append(_atol_task(data))
        raw = raw[at + 2 :]
    return said


def _atol_2_frame(said: Said) -> bytes:
    data = b"\0\0" + said.command + said.data
    if said.command == b"PASSWORD":
        data = said.data + b"\x3f"
    masked = data.replace(b"\x10", b"\x10\x10").replace(b"\x03", b"\x10\x03") + b"\x03"
    return b"\x02" + masked + bytes([_xor(masked)])


def _crc_8(data: bytes) -> int:
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x31) & 0xFF if crc & 0x80 else crc << 1
    return crc


def _atol_3(raw: bytes) -> list[Said]:
    said: list[Said] = []
    for piece in raw.split(b"\xfe")[1:]:
        plain = piece[3:].replace(b"\xfd\xee", b"\xfe").replace(b"\xfd\xed", b"\xfd")
        _need(len(plain) == (piece[0] | piece[1] << 7) + 1, "LEN")
        _need(piece[2] <= 0xDF, "ID of the host")
        _need(_crc_8(piece[2:3] + plain[:-1]) == plain[-1], "CRC")
        said += _atol_buffer(plain[:-1])
    _need(bool(said) and raw[:1] == b"\xfe", "no packet")
    return said


def _atol_buffer(data: bytes) -> list[Said]:
    """Add, with its flags, carries a command; the others are about the buffer alone."""
    if data[:1] == b"\xc1":
        return [Said(b"ADD", data[1:2]), _atol_task(data[3:])]
    names = {0xC2: b"ACKNOWLEDGE", 0xC3: b"REQUEST", 0xC4: b"ABORT", 0xC5: b"ACKNOWLEDGE AND ADD"}
    _need(data[:1] != b"" and data[0] in names, "no command of the task buffer")
    return [Said(names[data[0]])]


def _atol_3_frame(said: Said) -> bytes:
    data = b"\xc1\x01\xfe\0\0" + said.command + said.data
    if said.command in (b"ABORT", b"ACKNOWLEDGE AND ADD"):
        data = b"\xc4" if said.command == b"ABORT" else b"\xc5\x01\x01\x02\0\0\x5a"
    elif said.command == b"PASSWORD":
        data = b"\xc1\x01\xfe" + said.data + b"\x3f"
    elif said.command == b"ADD":
        data = b"\xc1" + said.data + b"\xfe\0\0\x3f"
    plain = data + bytes([_crc_8(b"\x01" + data)])
    escaped = plain.replace(b"\xfd", b"\xfd\xed").replace(b"\xfe", b"\xfd\xee")
    return b"\xfe" + bytes([len(data) & 0x7F, len(data) >> 7, 1]) + escaped


# Tremol, section 6


def _tremol(raw: bytes) -> list[Said]:
    said: list[Said] = []
    while raw:
        if raw[0] in (0x04, 0x09):
            said.append(Said(raw[:1]))
            raw = raw[1:]
            continue
        _need(raw[0] == 0x02, "no packet")
        end = 1 + raw[1] - 0x20
        _need(0x20 <= raw[2] <= 0x9F and raw[end + 2 : end + 3] == b"\n", "NBL or 0Ah")
        _need(raw[end : end + 2] == _hex30(_xor(raw[1:end]), 2), "CS")
        said.append(Said(raw[3:4], raw[4:end]))
        raw = raw[end + 3 :]
    return said


def _tremol_frame(said: Said) -> bytes:
    body = bytes([0x23 + len(said.data), 0x60]) + said.command + said.data
    return b"\x02" + body + _hex30(_xor(body), 2) + b"\n"


# Posnet, section 7


def _posnet(raw: bytes) -> list[Said]:
    said: list[Said] = []
    for piece in raw.split(b"\x02")[1:]:
        body, _, tail = piece.rpartition(b"#")
        _need(len(tail) == 5 and tail[4:] == b"\x03", "no end")
        _need(int(tail[:4], 16) == _crc_16(body, 0), "CRC")
        name, *params = body.split(b"\t")
        _need(params[-1:] == [b""], "no TAB at the end")
        said.append(Said(name, b"\t".join(p for p in params[:-1] if not p.startswith(b"@"))))
    _need(bool(said) and raw[:1] == b"\x02", "no frame")
    return said


def _posnet_frame(said: Said) -> bytes:
    body = said.command + b"\t@0060\t" + (said.data + b"\t" if said.data else b"")
    return b"\x02" + body + f"#{_crc_16(body, 0):04X}".encode() + b"\x03"


# ESC/POS and Star: commands of a known length; whatever else stands there is printed


def _by_length(lengths: Mapping[bytes, int]) -> Callable[[bytes], list[Said]]:
    """Command -> bytes of its arguments. A byte that starts none of them is said by itself."""

    def read(raw: bytes) -> list[Said]:
        said: list[Said] = []
        while raw:
            command = next((c for c in sorted(lengths, key=len, reverse=True) if raw.startswith(c)), raw[:1])
            end = len(command) + lengths.get(command, 0)
            said.append(Said(command, raw[len(command) : end]))
            raw = raw[end:]
        return said

    return read


ESCPOS_LENGTHS = {
    b"\x10\x04": 1, b"\x10\x05": 1, b"\x10\x14": 3, b"\x1dI": 1, b"\x1dr": 1, b"\x1da": 1, b"\x1bp": 3,
    b"\x1b@": 0, b"\x1dV": 1, b"\x1bd": 1, b"\x1bu": 1, b"\x1bv": 0, b"\x1b=": 1, b"\x1dg": 4,
}  # fmt: skip
STAR_LENGTHS = {
    b"\x1b\x06\x01": 0, b"\x05": 0, b"\x04": 0, b"\x1b\x1ea": 1, b"\x17": 0, b"\x07": 0, b"\x1a": 0,
    b"\x19": 0, b"\x1c": 0, b"\x1b\x07": 2, b"\x1b@": 0, b"\x1bd": 1, b"\x1b#*": 2, b"\x1b\x1d)I": 3,
}  # fmt: skip


def _glued(said: Said) -> bytes:
    return said.command + said.data


WIRES: Mapping[str, Wire] = {
    "datecs_isl_legacy": Wire(lambda raw: _isl(raw, 1), lambda said: _isl_frame(said, 1)),
    "datecs_isl_x": Wire(lambda raw: _isl(raw, 4), lambda said: _isl_frame(said, 4)),
    "shtrih_v1": Wire(_shtrih_1, _shtrih_1_frame),
    "shtrih_v2": Wire(_shtrih_2, _shtrih_2_frame),
    "atol_v2": Wire(_atol_2, _atol_2_frame),
    "atol_v3": Wire(_atol_3, _atol_3_frame),
    "tremol_zfp": Wire(_tremol, _tremol_frame),
    "posnet": Wire(_posnet, _posnet_frame),
    "escpos": Wire(_by_length(ESCPOS_LENGTHS), _glued),
    "star_line": Wire(_by_length(STAR_LENGTHS), _glued),
}
