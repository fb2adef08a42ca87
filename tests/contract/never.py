"""What a monitor must never send to a device of each family, what it may send because the manual says that it
only reads, and what moves something without being fiscal. Data, from the manuals named there; `source` is the
section of the collected protocol facts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tests.contract.dissect import Said

ANY, SOME, NONE = rb".*", rb".+", rb""
"""Patterns of the arguments."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`data`: a pattern that the whole of the arguments has; `example`: arguments that have it."""

    command: bytes
    data: bytes
    source: str
    example: bytes = b""

    def holds(self, said: Said) -> bool:
        return said.command == self.command and re.fullmatch(self.data, said.data, re.DOTALL) is not None

    @property
    def said(self) -> Said:
        return Said(self.command, self.example)


def _codes(text: str) -> list[bytes]:
    """ "26-28 3C FF06-FF08": hexadecimal, one or two bytes."""
    codes: list[bytes] = []
    for part in text.split():
        first, _, last = part.partition("-")
        size = len(first) // 2
        codes += [n.to_bytes(size, "big") for n in range(int(first, 16), int(last or first, 16) + 1)]
    return codes


def _rules(source: str, text: str, data: bytes = ANY, example: bytes = b"") -> list[Rule]:
    return [Rule(code, data, source, example) for code in _codes(text)]


def _names(source: str, *names: bytes, data: bytes = ANY, example: bytes = b"") -> list[Rule]:
    return [Rule(name, data, source, example) for name in names]


_KEY = rb"\x1e\x00\x00\x00"
"""30, the factory's password of the system administrator: always the one, never another (section 3.3)."""
_LEGACY, _X, _SHTRIH, _ATOL, _TREMOL, _POSNET = (
    "1.4 NEVER", "2 NEVER", "3.3 NEVER", "4 NEVER", "6 Never", "7 Never",
)  # fmt: skip
_STAR, _EPSON = "escpos-and-drawers 1.5", "escpos-and-drawers 1.2-1.4, 1.10"

_SHTRIH_NEVER = [
    *_rules(_SHTRIH, "01-03 0D 0E 12 14 16-19 1C 1E 20-25 27 29-2C 2F 40-43 50-52 60 61 64-68 70-7E 80-8E"),
    *_rules(_SHTRIH, "A0-AA B0 B2 C0-C7 E0 E1 F0-F3 FD FF06-FF38 FF45-FF46"),
    *_rules("3.3 Wrong passwords", "10 11 62 63 FF01 FF03 FF39 FF40", b"(?!" + _KEY + rb").*", bytes(4)),
    *_rules("3.3 Wrong passwords", "0F 15 1A 1B 1F 26 2D 2E", b"(?!" + _KEY + rb").*", bytes(5)),
]
_ATOL_NEVER = _rules(_ATOL, "48 56 4A 5A 67 9A CE")

NEVER: Mapping[str, list[Rule]] = {
    "datecs_isl_legacy": [
        *_rules(_LEGACY, "26-2A 2C-2E 30-3A 3C 3D 45 46 48 49 4F 59 62 65 66 69 6C 6D 6F 73 75-77 79-7C 80"),
        *_rules(_LEGACY, "85-87 90 21 23 2F 3F 64 47"),
        *_rules(_LEGACY, "2B 42 53 55 57 58 5B 6B", SOME, b"1"),
        *_rules("1.4, 4Ah: W waits for printing", "4A", b"W", b"W"),
        *_rules("1.4, 5Ah: 1 computes the firmware checksum", "5A", b"1", b"1"),
        *_rules("1.4, 20h: never CLEAR", "20", b"CLEAR.*", b"CLEAR"),
    ],
    "datecs_isl_x": [
        *_rules(_X, "26-2C 2E 30-3A 3C 3D 45 46 48 59 5B 5E 5F 62 65 69 6D 6F 7F CA CB"),
        *_rules(_X, "42 53 6B FF", SOME, b"1\t"),
        *_rules("2, 47h: all but 2 print or test", "47", rb"(?!2\t\Z).*", b"1\t"),
        *_rules("2, 7Bh: 4 verifies the whole journal", "7B", rb"4.*", b"4\t"),
    ],
    "shtrih_v1": _SHTRIH_NEVER,
    "shtrih_v2": _SHTRIH_NEVER,
    "atol_v2": [*_ATOL_NEVER, *_names("4, password", b"PASSWORD", example=b"\x12\x34")],
    "atol_v3": [
        *_ATOL_NEVER,
        *_names("4, password", b"PASSWORD", example=b"\x12\x34"),
        *_names("4, C4 clears the till's tasks", b"ABORT"),
        *_names("4, C5 adds without its own flags", b"ACKNOWLEDGE AND ADD"),
        *_names("4, flags of C1: only a result may be asked for", b"ADD", data=rb"[^\x01]", example=b"\x04"),
    ],
    "tremol_zfp": _rules(_TREMOL, "22 24-29 2B 30-3F 41-5F 76-7F"),
    "posnet": [
        *_names(_POSNET, b"trinit", b"trline", b"trend", b"trpayment", b"prncancel", b"dailyrep", b"shiftrep"),
        *_names(_POSNET, b"rtcset", b"vatset", b"hdrset", b"progid", b"maintenance", b"fiscalize", b"formstart"),
        *_names(_POSNET, b"cash", b"dsptxtline", b"periodicrepbydate"),
        *_names("7, arguments set something", b"scomm", b"sfsk", b"rtcget", data=SOME, example=b"fsT"),
    ],
    "escpos": [
        *_names(_EPSON, b"\x1da", data=ANY, example=b"\xff"),
        *_names(_EPSON, b"\x1b@", b"\x1dV", b"\x1bd", b"\x10\x05", b"\x1b=", data=ANY, example=b"\x01"),
        *_names("escpos-and-drawers 1.1: n of DLE EOT that is not looked up", b"\x10\x04", data=rb"[^\x01-\x04]",
                example=b"\x05"),
        *_names("TM-T90 specification p. 170, sets a counter back and wears the memory", b"\x1dg", data=rb"[^2].*",
                example=b"0\0\x14\0"),
        *_rules("escpos-and-drawers 1.6: any other byte prints, or opens a drawer", "00-06 08-FF"),
    ],
    "star_line": [
        *_names(f"{_STAR}: changes what the cash program gets", b"\x1b\x1ea", data=ANY, example=b"\x01"),
        *_names(f"{_STAR}: counts, prints or feeds", b"\x17", b"\x1b@", b"\x1bd", data=ANY, example=b"\x01"),
        *_rules(f"{_STAR}: any other byte prints", "00-03 06 08-16 18 1B 1D-FF"),
    ],
}  # fmt: skip

PHYSICAL: Mapping[str, list[Rule]] = {
    "datecs_isl_legacy": _rules("1.4, physical", "6A 50"),
    "datecs_isl_x": _rules("2, drawer", "6A 50"),
    "shtrih_v1": _rules("3.3, physical only", "28 13", ANY, b"\x1e\0\0\0\0"),
    "shtrih_v2": _rules("3.3, physical only", "28 13", ANY, b"\x1e\0\0\0\0"),
    "atol_v2": _rules("4, physical", "80 88"),
    "atol_v3": _rules("4, physical", "80 88"),
    "tremol_zfp": _rules("6, physical", "2A"),
    "posnet": _names("7, physical", b"opendrwr", b"beep"),
    "escpos": [
        *_names("escpos-and-drawers 1.4", b"\x1bp", data=ANY, example=b"\0\x19\xfa"),
        *_names("escpos-and-drawers 1.4", b"\x10\x14", data=ANY, example=b"\x01\0\x01"),
        *_rules("escpos-and-drawers 1.6", "07"),
    ],
    "star_line": [
        *_rules("escpos-and-drawers 1.5", "07 1A 19 1C"),
        *_names("Star Line spec, pulse of the drawer", b"\x1b\x07", data=ANY, example=b"\x0b\x37"),
    ],
}
"""Drawer, beep: an operator's job alone."""


_SHTRIH_ALLOWED = [
    *_rules("3.3", "FC", NONE),
    *_rules("3.3", "F7", rb"\x01"),
    *_rules("3.3", "10 11 62 63 0F 1D FF01 FF03 FF39 FF40", _KEY),
    *_rules("3.3, a register, a port, a table, a font, a type", "1A 1B 15 26 2D 63", _KEY + rb"."),
    *_rules("3.3, a field of a table", "2E", _KEY + rb".."),
    *_rules("3.3, a value of a table", "1F", _KEY + rb"...."),
    *_rules("3.3, words for an error code", "6B", rb"."),
]
_ATOL_ALLOWED = [
    *_rules("4", "3F 45 A5 4D 58 B3", NONE),
    *_rules("4", "9D", rb"[\x01\x03]"),
    *_rules("4, a register", "91", SOME),
    *_rules("4, shift, exchange, number and term of the storage", "A4", rb"[\x10\x20\x31\x32]"),
]

ALLOWED: Mapping[str, list[Rule]] = {
    "datecs_isl_legacy": [
        *_rules("1.4", "4A", rb"[XPL]"),
        *_rules("1.4", "3E 44 51 61 63 67 6E 71 20", NONE),
        *_rules("1.4", "5A", rb"\*?"),
        *_rules("1.4", "40", rb"[*01]?"),
        *_rules("1.4", "56 4C", rb"T?"),
        *_rules("1.4", "41", rb"0"),
        *_rules("41h in each maker's manual: without data the sums of the day", "41", NONE),
    ],
    "datecs_isl_x": [
        *_rules("2", "4A 3E 44 56 4C 67 63 2D", NONE),
        *_rules("2", "5A", rb"1?\t?"),
        *_rules("2", "7B", rb"[123]\t"),
        *_rules("2", "40 41", rb"0\t"),
        *_rules("2", "6E", rb"[0-5]\t"),
        *_rules("2", "47", rb"2\t"),
        *_rules("2", "64", rb"-?\d+\t"),
    ],
    "shtrih_v1": _SHTRIH_ALLOWED,
    "shtrih_v2": _SHTRIH_ALLOWED,
    "atol_v2": _ATOL_ALLOWED,
    "atol_v3": [*_ATOL_ALLOWED, *_names("4, need result", b"ADD", data=rb"\x01")],
    "tremol_zfp": [
        *_rules("6, safe", "04 09 20 21 60 61 66 68 71 72 73 74", NONE),
        *_rules("6, safe", "6E", rb"[0-9]?"),
    ],
    "posnet": [
        *_names("7, read-only", b"!sdev", b"!sprn", b"!sdrwr", b"scomm", b"sfsk", b"scnt", b"stot", b"strns",
                b"rtcget", b"sid", data=NONE),
        *_names("POT-I-DEV-37, nearendsensorcfgget: reads a setting", b"nearendsensorcfgget", data=NONE),
    ],
    "escpos": [
        *_names("escpos-and-drawers 1.1", b"\x10\x04", data=rb"[\x01-\x04]"),
        *_names("escpos-and-drawers 1.3", b"\x1dI", data=rb"[\x01-\x03A-E]"),
        *_names("escpos-and-drawers 1.3", b"\x1dr", data=rb"[\x01\x0212]"),
        *_names("TM-T90 specification p. 171, counters that nobody can set back", b"\x1dg",
                data=rb"2\0[\x94\x95\xb2\xc6]\0"),
    ],
    "star_line": [
        *_names("escpos-and-drawers 1.5", b"\x1b\x06\x01", b"\x05", b"\x04", data=NONE),
        *_names("STAR Line Mode Command Specifications 3-87, inquire printer version", b"\x1b#*", data=rb"\n\0"),
        *_names("STAR Graphic Mode Rev. 2.31, 3-5, send printer information", b"\x1b\x1d)I", data=rb"\x01\x001"),
    ],
}  # fmt: skip
"""What only reads. Nothing else may be written, listed above or not."""

LINE: Mapping[str, frozenset[bytes]] = {
    "shtrih_v1": frozenset({b"ENQ", b"ACK"}),
    "shtrih_v2": frozenset({b"SYNC"}),
    "atol_v2": frozenset({b"ENQ", b"ACK", b"NAK", b"EOT"}),
    "atol_v3": frozenset({b"ADD", b"REQUEST", b"ACKNOWLEDGE"}),
}
"""What the line itself needs. A walk that does not meet all of it did not go everywhere."""


def broken(family: str, said: Said) -> str:
    """Why this must not be sent; "" where it may."""
    for rule in (*NEVER[family], *PHYSICAL[family]):
        if rule.holds(said):
            return f"{said.command!r} with {said.data!r} is forbidden: {rule.source}"
    if said.command in LINE.get(family, ()) and (said.command != b"ADD" or said.data == b"\x01"):
        return ""
    if any(rule.holds(said) for rule in ALLOWED[family]):
        return ""
    return f"{said.command!r} with {said.data!r} is not known to change nothing"
