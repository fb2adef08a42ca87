"""Sums that device families share. Each is checked against the worked examples of its manual."""

import operator
from binascii import crc_hqx
from functools import reduce


def isl_bcc(body: bytes) -> bytes:
    """Datecs ISL: the 16-bit arithmetic sum of the bytes from LEN to the postamble 05h, both included, as
    four hex digits with 30h added to each (1AE3h is sent as 31h 3Ah 3Eh 33h; Datecs FP-800 protocol 1.00BG,
    "BCC")."""
    return isl_digits(sum(body) & 0xFFFF)


def isl_digits(number: int) -> bytes:
    """Datecs ISL: up to FFFFh as four hex digits with 30h added to each."""
    return (b"%04X" % number).translate(_ISL_DIGITS)


_ISL_DIGITS = bytes.maketrans(b"ABCDEF", b"\x3a\x3b\x3c\x3d\x3e\x3f")


def crc8_31(data: bytes) -> int:
    """ATOL protocol v3: CRC-8 with polynomial 31h from FFh, high bit first, over ID and unescaped data (an
    empty packet with ID 01h has 9Dh; atol4j, TransportProtocolV3)."""
    crc = 0xFF
    for byte in data:
        crc = _CRC8_31[crc ^ byte]
    return crc


def _crc8_31_of(byte: int) -> int:
    for _ in range(8):
        byte = (byte << 1 ^ 0x31) & 0xFF if byte & 0x80 else byte << 1
    return byte


_CRC8_31 = bytes(map(_crc8_31_of, range(256)))


def xor(body: bytes) -> bytes:
    """Shtrih-M, standard line: all bytes from LEN on (the manual says "addition"; the frames on record show
    exclusive or)."""
    return bytes([exclusive_or(body)])


def exclusive_or(body: bytes) -> int:
    """Of all bytes; 0 of none."""
    return reduce(operator.xor, body, 0)


def crc16_ccitt_false(body: bytes) -> bytes:
    """Shtrih-M, second line: polynomial 1021h from FFFFh, high bit first, nothing reflected ("123456789" has
    29B1h), sent low byte first."""
    return crc_hqx(body, 0xFFFF).to_bytes(2, "little")
