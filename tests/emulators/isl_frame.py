"""The two Datecs ISL frames as a device takes them out of a stream, for the emulators of both generations: each
notices a whole frame of the other one, which a device answers with SYN NAK. An X frame of 22 bytes is a sound
legacy frame too; each generation takes it for its own."""

OTHER_VARIANT = b"\x16\x15"
"""What ErpNet.FP met: a device of one generation answers so to every frame of the other."""


def four(number: int) -> bytes:
    return bytes(int(digit, 16) + 0x30 for digit in f"{number:04x}")


def value(digits: bytes) -> int:
    """-1 for anything that is not four digits of 30h..3Fh."""
    if len(digits) != 4 or any(digit >> 4 != 3 for digit in digits):
        return -1
    return int("".join(f"{digit - 0x30:x}" for digit in digits), 16)


def sound(frame: bytes) -> bool:
    """Ends as it must, and with its checksum; the same rule for both."""
    body = frame[1:-5]
    return frame[-1:] == b"\x03" and body[-1:] == b"\x05" and frame[-5:-1] == four(sum(body) % 65536)


def legacy_size(raw: bytes) -> int:
    """Bytes of the legacy frame at the start of `raw`; 0 where LEN says that there is none."""
    return raw[1] - 0x20 + 6 if len(raw) > 1 and raw[1] >= 0x24 else 0


def x_size(raw: bytes) -> int:
    """Bytes of the X frame at the start of `raw`; 0 where its four digits say that there is none."""
    size = value(raw[1:5]) - 0x20 + 6
    return size if 16 <= size <= 512 else 0


def whole(raw: bytes, size: int) -> bool:
    """A whole, sound frame of that size stands at the start."""
    return size > 0 and len(raw) >= size and sound(raw[:size])
