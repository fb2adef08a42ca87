"""What a printer in Star Line Mode sends, told apart by its fixed bits and marks. It does not know what a
status bit means. Sources: Star Micronics, STAR Line Mode Command Specifications Rev. 0.09, 5.2; STAR Graphic
Mode Command Specifications Rev. 2.31, 4-1 and 4-2."""

import re
from enum import StrEnum

from protocols.device.unmarked_exchange import Piece

VERSION_MARK = b"\x1b#*,"
INFORMATION_MARK = b"\x1b\x1d)I\x01\x001"
SHORTEST, LONGEST = 7, 15
"""Bytes of an automatic status, both headers included."""
_END = b"\n\0"
_TEXT_BYTES = 256
_EXTRA_BYTES = 0x200
_CONTROL = {0x11: b"XON", 0x13: b"XOFF"}


class Kind(StrEnum):
    ASB = "ASB"  # header 1, header 2, five to thirteen bytes of printer status
    VERSION = "version"  # ESC # * , text LF NUL
    INFORMATION = "information"  # ESC GS ) I pL pH fn tags LF NUL
    ENQ = "ENQ"  # the status byte of ENQ as the network form carries it
    EOT = "EOT"
    OTHER = "other"  # an answer to a question that Plomba never asks
    CONTROL = "control"
    NOISE = "noise"


_TYPES = {b"01": Kind.ENQ, b"02": Kind.EOT, b"11": Kind.VERSION, b"A1": Kind.INFORMATION}


def cut(raw: bytes, at: int) -> tuple[Piece, int] | None:
    """The piece that starts at `at` and its end; None while bytes are missing. A byte that starts nothing is
    noise by itself. ASB: the whole status; VERSION and INFORMATION: the text; ENQ, EOT: the status byte."""
    if raw[at] in _CONTROL:
        return Piece(Kind.CONTROL, _CONTROL[raw[at]]), at + 1
    if raw[at] == 0x1B:
        return _marked(raw, at)
    return _status(raw, at) if raw[at] & 0x91 == 0x01 else _noise(raw, at)


def _noise(raw: bytes, at: int) -> tuple[Piece, int]:
    return Piece(Kind.NOISE, raw[at : at + 1]), at + 1


def status_bytes(header: int) -> int:
    """The length of an automatic status: bits 1, 2, 3 and 5 of header 1 (0Fh is 7, 21h is 8, 23h is 9, 2Fh is
    15)."""
    return header >> 1 & 0x07 | header >> 2 & 0x08


def _status(raw: bytes, at: int) -> tuple[Piece, int] | None:
    """Header 1 is 0**0***1, all others 0**0***0, but for bit 7 of header 2: a length and data follow, which is
    the form on Ethernet and wireless lines. Each byte is judged as soon as it is there."""
    size = status_bytes(raw[at])
    found = raw[at : at + size]
    wrong = any(byte & 0x91 for byte in found[2:]) or any(byte & 0x11 for byte in found[1:2])
    if not SHORTEST <= size <= LONGEST or wrong:
        return _noise(raw, at)
    if len(found) < size:
        return None
    return _extended(raw, at, found) if found[1] & 0x80 else (Piece(Kind.ASB, found), at + size)


def _extended(raw: bytes, at: int, status: bytes) -> tuple[Piece, int] | None:
    """INFERENCE: the length stands high byte first, as the manual writes it (0x000A)."""
    start = at + len(status) + 2
    if len(raw) < start:
        return None
    size = int.from_bytes(raw[start - 2 : start], "big")
    if size > _EXTRA_BYTES:
        return _noise(raw, at)
    extra = raw[start : start + size]
    if len(extra) < size:
        return None
    if not extra:
        return Piece(Kind.ASB, status), start
    found = _answer(extra)
    return (found, start + size) if found else _noise(raw, at)


_EXTRA = re.compile(rb"([0-9A-F]{2})(?:..)?:B(..)(.*);", re.DOTALL)


def _answer(extra: bytes) -> Piece | None:
    """Type of two or four characters, ":", "B", length, status, ";" (Graphic Mode, 4-2)."""
    match = _EXTRA.fullmatch(extra)
    if not match or int.from_bytes(match[2], "big") != len(match[3]):
        return None
    kind = _TYPES.get(match[1], Kind.OTHER)
    whole = match[3]
    if whole.startswith((VERSION_MARK, INFORMATION_MARK)):
        marked = _marked(whole, 0)
        return marked[0] if marked and marked[1] == len(whole) and marked[0].kind == kind else None
    return Piece(kind, whole)


def _marked(raw: bytes, at: int) -> tuple[Piece, int] | None:
    for mark, kind in ((VERSION_MARK, Kind.VERSION), (INFORMATION_MARK, Kind.INFORMATION)):
        here = raw[at : at + len(mark)]
        if here == mark[: len(here)]:
            return _text(raw, at, at + len(mark), kind)
    return _noise(raw, at)


def _text(raw: bytes, at: int, start: int, kind: Kind) -> tuple[Piece, int] | None:
    """Up to LF NUL. Short numbers are filled up with NUL."""
    end = raw.find(_END, start)
    text = raw[start:end] if end >= 0 else raw[start:].removesuffix(b"\n")
    if len(text) >= _TEXT_BYTES or any(byte and not 0x20 <= byte < 0x7F for byte in text):
        return _noise(raw, at)
    return None if end < 0 else (Piece(kind, text), end + len(_END))
