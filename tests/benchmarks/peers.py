"""What the decoding of each family is compared with: the parsing of another program where there is one that
runs, else a plain reader that finds the frame, checks its sum and cuts out the data, and no more."""

import json
from binascii import crc_hqx
from collections.abc import Callable, Mapping, Sequence

from escpos.printer import Dummy
from pyshtrih.protocol import Protocol

Run = Callable[[], int]
Peer = tuple[str, Callable[[Sequence[bytes]], Run]]


class _Line:
    """A serial line that has the answer already."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._at = 0

    def read(self, size: int = 1) -> bytearray:
        self._at += size
        return bytearray(self._answer[self._at - size : self._at])

    def write(self, data: bytes) -> None:
        self._at = 0


def _pyshtrih(answers: Sequence[bytes]) -> Run:
    """`handle_response`: one reply, its checksum, its fields. The short status has a reader there."""
    protocols = []
    for answer in answers:
        protocol = Protocol.__new__(Protocol)
        protocol.serial, protocol.fs = _Line(answer[answer.index(b"\x02") :]), True
        protocols.append(protocol)

    def run() -> int:
        for protocol in protocols:
            protocol.handle_response()
        return len(protocols)

    return run


class _Printer(Dummy):
    def _read(self) -> bytes:
        return b"\x12"


def _python_escpos(answers: Sequence[bytes]) -> Run:
    """`is_online` and `paper_status` of python-escpos: it writes the question, reads a byte, looks at bits."""
    printer = _Printer()

    def run() -> int:
        printer.clear()
        printer.is_online()
        printer.paper_status()
        return 2

    return run


def _each(read: Callable[[bytes], object]) -> Callable[[Sequence[bytes]], Run]:
    def made(answers: Sequence[bytes]) -> Run:
        def run() -> int:
            for answer in answers:
                if read(answer) is None:
                    raise ValueError("the plain reader does not read this")
            return len(answers)

        return run

    return made


def _digits(total: int) -> bytes:
    return bytes(0x30 + (total >> shift & 15) for shift in (12, 8, 4, 0))


def _isl(raw: bytes) -> tuple[int, int, bytes, bytes] | None:
    body, sum_ = raw[1:-5], raw[-5:-1]
    if _digits(sum(body) & 0xFFFF) != sum_:
        return None
    return body[1], body[2], body[3:-8], body[-7:-1]


def _isl_x(raw: bytes) -> tuple[int, bytes, bytes, bytes] | None:
    body, sum_ = raw[1:-5], raw[-5:-1]
    if _digits(sum(body) & 0xFFFF) != sum_:
        return None
    return body[4], body[5:9], body[9:-10], body[-9:-1]


def _shtrih_2(raw: bytes) -> tuple[int, int, int, bytes] | None:
    plain = raw[1:].replace(b"\x9f\x81", b"\x8f").replace(b"\x9f\x83", b"\x9f")
    if crc_hqx(plain[:-2], 0xFFFF) != int.from_bytes(plain[-2:], "little"):
        return None
    return int.from_bytes(plain[2:4], "little"), plain[4], plain[5], plain[6:-2]


def _xor(data: bytes) -> int:
    total = 0
    for byte in data:
        total ^= byte
    return total


def _atol_2(raw: bytes) -> bytes | None:
    if _xor(raw[1:-1]) != raw[-1]:
        return None
    return raw[1:-2].replace(b"\x10\x03", b"\x03").replace(b"\x10\x10", b"\x10")


_TABLE = []
for _n in range(256):
    for _ in range(8):
        _n = (_n << 1 ^ 0x31) & 0xFF if _n & 0x80 else _n << 1
    _TABLE.append(_n)


def _atol_3(raw: bytes) -> tuple[int, bytes] | None:
    plain = raw[4:].replace(b"\xfd\xee", b"\xfe").replace(b"\xfd\xed", b"\xfd")
    crc = _TABLE[0xFF ^ raw[3]]
    for byte in plain[:-1]:
        crc = _TABLE[crc ^ byte]
    return (raw[3], plain[:-1]) if crc == plain[-1] else None


def _tremol(raw: bytes) -> tuple[int, int, bytes] | None:
    total = _xor(raw[1:-3])
    if raw[-3] != 0x30 + (total >> 4) or raw[-2] != 0x30 + (total & 15):
        return None
    return raw[2], raw[3], raw[4:-3]


def _posnet(raw: bytes) -> list[bytes] | None:
    body, _, tail = raw[1:-1].rpartition(b"#")
    return body.split(b"\t") if crc_hqx(body, 0) == int(tail, 16) else None


def _star(raw: bytes) -> bytes | None:
    return raw[2:] if raw and raw[0] & 0x91 == 0x01 else None


PLAIN = "a plain reader of a few lines"
PEERS: Mapping[str, Peer] = {
    "escpos": ("python-escpos is_online, paper_status", _python_escpos),
    "star_line": (PLAIN, _each(_star)),
    "datecs_isl_legacy": (PLAIN, _each(_isl)),
    "datecs_isl_x": (PLAIN, _each(_isl_x)),
    "shtrih_v1": ("pyshtrih handle_response", _pyshtrih),
    "shtrih_v2": (PLAIN, _each(_shtrih_2)),
    "atol_v2": (PLAIN, _each(_atol_2)),
    "atol_v3": (PLAIN, _each(_atol_3)),
    "posnet": (PLAIN, _each(_posnet)),
    "tremol_zfp": (PLAIN, _each(_tremol)),
    "signal_drawer": (PLAIN, _each(lambda raw: raw[0] & 0x50)),
    "posiflex_hid": (PLAIN, _each(lambda raw: raw[0] & 1)),
    "erpnet_fp": ("json of the standard library", _each(json.loads)),
}
