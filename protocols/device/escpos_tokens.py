"""Where one ESC/POS command ends and the next begins. Lengths are those of Epson's command reference (the TM
printers' quick references) and of the Star ESC/POS mode manual. A command that is not listed is not guessed
at."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

UNKNOWN = -1
_HEAD_BYTES = 16
_LONGEST_HEAD = 300
"""A bar code that ends with NUL has 255 characters at most."""
_TABS = 32

Length = Callable[[bytes], int | None]
"""The bytes of a command so far -> its whole length; None while that cannot be told, UNKNOWN where it never
can."""


@dataclass(frozen=True, slots=True)
class Token:
    """`head`: a run of text, a control byte, or the first bytes of a command with all its arguments. `hides`:
    behind them there was a DLE, which some printers obey even among data."""

    head: bytes
    hides: bool = False


def _fixed(more: int) -> Length:
    return lambda raw: 2 + more  # noqa: ARG005 - a Length


def _sized(at: int, count: int = 2) -> Length:
    """The length of the data stands in `count` bytes from `at`, low byte first."""
    end = at + count
    return lambda raw: None if len(raw) < end else end + int.from_bytes(raw[at:end], "little")


def _by(argument: int, table: Mapping[int, int]) -> Length:
    """The whole length by the byte at `argument`."""
    return lambda raw: None if len(raw) <= argument else table.get(raw[argument], UNKNOWN)


def _third(wanted: int, length: Length) -> Length:
    return lambda raw: None if len(raw) < 3 else length(raw) if raw[2] == wanted else UNKNOWN


def _bit_image(raw: bytes) -> int | None:
    if len(raw) < 5:
        return None
    each = {0: 1, 1: 1, 32: 3, 33: 3}.get(raw[2])
    return UNKNOWN if each is None else 5 + each * (raw[3] + 256 * raw[4])


def _raster(raw: bytes) -> int | None:
    return None if len(raw) < 8 else 8 + (raw[4] + 256 * raw[5]) * (raw[6] + 256 * raw[7])


def _down_loaded(raw: bytes) -> int | None:
    return None if len(raw) < 4 else 4 + raw[2] * raw[3] * 8


def _bar_code(raw: bytes) -> int | None:
    """Function A ends with NUL, function B gives its length."""
    if len(raw) < 3:
        return None
    if raw[2] <= 6:
        return _to_nul(raw, 3)
    if not 65 <= raw[2] <= 79:
        return UNKNOWN
    return None if len(raw) < 4 else 4 + raw[3]


def _to_nul(raw: bytes, start: int) -> int | None:
    end = raw.find(0, start)
    return None if end < 0 else end + 1


def _tabs(raw: bytes) -> int | None:
    """Up to 32 ascending columns and NUL; what ends otherwise ends where no two manuals agree."""
    end = raw.find(0, 2)
    columns = raw[2 : end if end >= 0 else len(raw)]
    if len(columns) > _TABS or any(b <= a for a, b in pairwise(columns)):
        return UNKNOWN
    return None if end < 0 else end + 1


def _peripheral(raw: bytes) -> int | None:
    """ESC = n: without bit 0 what follows is for a display, in a language of its own."""
    return None if len(raw) < 3 else 3 if raw[2] & 1 else UNKNOWN


_CUTS = {**dict.fromkeys((0, 1, 48, 49), 3), **dict.fromkeys((65, 66, 97, 98, 103, 104), 4)}
_REAL_TIME = {**dict.fromkeys((1, 2, 3, 4, 5, 6), 3), **dict.fromkeys((7, 8, 18), 4)}

_ARGUMENTS: Mapping[bytes, bytes] = {
    b"\x1b": b"\x0c2@LSimv",
    b"\x1b ": b" !%-3?EGJKMRTUVadertu{",
    b"\x1b  ": b"$\\c",
    b"\x1c": b"&.",
    b"\x1c ": b"!-CW",
    b"\x1c  ": b"Sp",
    b"\x1d": b":",
    b"\x1d ": b"!/BEHITabfhrwj",
    b"\x1d  ": b"$\\LPW",
    b"\x1d   ": b"^",
}
"""Prefix and a blank for each argument -> the commands that have so many."""

LENGTHS: Mapping[bytes, Length] = {
    **{
        prefix[:1] + bytes([letter]): _fixed(len(prefix) - 1)
        for prefix, letters in _ARGUMENTS.items()
        for letter in letters
    },
    b"\x10\x04": _by(2, _REAL_TIME),
    b"\x10\x05": _fixed(1),
    b"\x10\x14": _by(2, {1: 5, 2: 5, 3: 8, 7: 4, 8: 10}),
    b"\x1bp": _fixed(3),
    b"\x1bW": _fixed(8),
    b"\x1b=": _peripheral,
    b"\x1b*": _bit_image,
    b"\x1bD": _tabs,
    b"\x1b(": _sized(3),
    b"\x1c(": _sized(3),
    b"\x1d(": _sized(3),
    b"\x1d8": _third(0x4C, _sized(3, 4)),
    b"\x1d*": _down_loaded,
    b"\x1dV": _by(2, _CUTS),
    b"\x1dg": _by(2, {0x30: 6, 0x32: 6}),
    b"\x1dk": _bar_code,
    b"\x1dv": _third(0x30, _raster),
    b"\x1dz": _third(0x30, _fixed(3)),
}
_ALONE = b"\x00\x09\x0a\x0c\x0d\x18"
"""NUL does nothing on any printer; programs send it to fill up a command that was cut."""
_PREFIXES = b"\x10\x1b\x1c\x1d"
_TEXT = re.compile(rb"[\x20-\xff]+")


class Tokens:
    """Cuts a stream. After something unknown it gives nothing more until `begin`."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """The next byte begins a command."""
        self._head = bytearray()
        self._left = 0
        self._hides = False
        self.unknown = False

    @property
    def inside(self) -> bool:
        """The end of a command is still to come, or is not known."""
        return self.unknown or bool(self._head)

    def feed(self, data: bytes) -> Iterator[Token]:
        """What becomes complete. To be read to its end."""
        at = 0
        while at < len(data) and not self.unknown:
            text = None if self._head else _TEXT.match(data, at)
            if text:
                at = text.end()
                yield Token(text[0])
            elif self._left:
                at += self._take(data[at : at + self._left])
                yield from self._whole()
            else:
                self._head.append(data[at])
                at += 1
                if self._measured():
                    yield from self._whole()

    def _take(self, piece: bytes) -> int:
        self._head += piece[: max(_HEAD_BYTES - len(self._head), 0)]
        self._hides |= 0x10 in piece
        self._left -= len(piece)
        return len(piece)

    def _whole(self) -> Iterator[Token]:
        if not self._left:
            token = Token(bytes(self._head), self._hides)
            self._head.clear()
            self._hides = False
            yield token

    def _measured(self) -> bool:
        """Whether the length of the command that has begun is known; sets what is left of it."""
        head = bytes(self._head)
        if head[0] not in _PREFIXES:
            self.unknown = head[0] not in _ALONE
            return not self.unknown
        if len(head) < 2:
            return False
        length = LENGTHS.get(head[:2], _never)(head)
        if length is None:
            self.unknown = len(head) >= _LONGEST_HEAD
            return False
        self.unknown = length == UNKNOWN
        self._left = max(length - len(head), 0)
        return not self.unknown


def _never(raw: bytes) -> int:  # noqa: ARG001 - a Length
    return UNKNOWN
