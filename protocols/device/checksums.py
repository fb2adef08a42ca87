"""Sums that device families share. Each is checked against the worked examples of its manual."""


def isl_bcc(body: bytes) -> bytes:
    """Datecs ISL: the 16-bit arithmetic sum of the bytes from LEN to the postamble 05h, both included, as
    four hex digits with 30h added to each (1AE3h is sent as 31h 3Ah 3Eh 33h; Datecs FP-800 protocol 1.00BG,
    "BCC")."""
    total = sum(body) & 0xFFFF
    return bytes(0x30 + (total >> shift & 0x0F) for shift in (12, 8, 4, 0))


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
    total = 0
    for byte in body:
        total ^= byte
    return bytes([total])


def crc16_ccitt_false(body: bytes) -> bytes:
    """Shtrih-M, second line: polynomial 1021h from FFFFh, high bit first, nothing reflected ("123456789" has
    29B1h), sent low byte first."""
    crc = 0xFFFF
    for byte in body:
        crc = (crc << 8 & 0xFFFF) ^ _CCITT[crc >> 8 ^ byte]
    return crc.to_bytes(2, "little")


def _ccitt(index: int) -> int:
    crc = index << 8
    for _ in range(8):
        crc = (crc << 1 ^ 0x1021) & 0xFFFF if crc & 0x8000 else crc << 1
    return crc


_CCITT = tuple(map(_ccitt, range(256)))
