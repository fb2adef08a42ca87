"""Numbers of any size in few bytes: LEB128, seven bits a byte, the lowest first; a signed one is folded (0, -1, 1...).
Used inside encrypted directories and maps (docs/backup-format.md)."""

from collections.abc import Iterable

from protocols.errors import IntegrityError

_MOST = 1 << 63


def put(out: bytearray, *numbers: int) -> None:
    for number in numbers:
        left = number
        while left > 0x7F:
            out.append(left & 0x7F | 0x80)
            left >>= 7
        out.append(left)


def put_all(out: bytearray, numbers: Iterable[int]) -> None:
    for number in numbers:
        put(out, number)


def fold(number: int) -> int:
    return number << 1 if number >= 0 else (-number << 1) - 1


def unfold(number: int) -> int:
    return -((number + 1) >> 1) if number & 1 else number >> 1


class Cursor:
    """Reads them again. IntegrityError at anything that `put` does not write."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = data
        self._at = 0

    def take(self) -> int:
        number = shift = 0
        while True:
            if self._at >= len(self._data) or shift > 63:
                raise IntegrityError("a list of numbers is cut short")
            byte = self._data[self._at]
            self._at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        if number >= _MOST:
            raise IntegrityError("a number is out of all bounds")
        return number

    def count(self, least_bytes: int = 1) -> int:
        """A number of things that follow, each of so many bytes at least: never more than there is room for."""
        number = self.take()
        if number * least_bytes > len(self._data) - self._at:
            raise IntegrityError("a list of numbers is cut short")
        return number

    def signed(self) -> int:
        return unfold(self.take())

    def raw(self, length: int) -> bytes:
        data = bytes(self._data[self._at : self._at + length])
        if len(data) != length:
            raise IntegrityError("a list of numbers is cut short")
        self._at += length
        return data

    def end(self) -> None:
        if self._at != len(self._data):
            raise IntegrityError("something follows a list of numbers")
