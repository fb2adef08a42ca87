"""The IEEE 1284 device id: what a printer says of itself over USB, in text. Pure; believes no length that the
text does not bear out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_ALIASES = {
    "MANUFACTURER": "MFG",
    "MODEL": "MDL",
    "COMMAND SET": "CMD",
    "CLASS": "CLS",
    "DESCRIPTION": "DES",
    "SERIALNUMBER": "SN",
    "SERIAL NUMBER": "SN",
    "SERN": "SN",
}
"""Long and maker's own spellings of the same keys (IEEE 1284-2000, 7.6, for the first three)."""
_KEY = re.compile(r"[A-Z][A-Z0-9 _-]*")
_LENGTH_BYTES = 2


@dataclass(frozen=True, slots=True)
class DeviceId:
    """`fields`: every key, upper case, short spelling, with its text; of a key that stands twice the first
    counts. `whole` is False where the length that the device gave is not that of its text."""

    fields: Mapping[str, str] = field(default_factory=dict)
    whole: bool = True

    @property
    def maker(self) -> str:
        return self.fields.get("MFG", "")

    @property
    def model(self) -> str:
        return self.fields.get("MDL", "")

    @property
    def serial(self) -> str:
        return self.fields.get("SN", "")

    @property
    def commands(self) -> tuple[str, ...]:
        """The languages that the printer understands, such as ESC/POS or STAR."""
        listed = (part.strip() for part in self.fields.get("CMD", "").split(","))
        return tuple(part for part in listed if part)


def parse_answer(answer: bytes) -> DeviceId | None:
    """What GET_DEVICE_ID gave: two bytes of length, big-endian and counting themselves (USB printer class
    1.1, 4.2.1), then the text. None where no text with keys stands there."""
    if len(answer) <= _LENGTH_BYTES:
        return None
    text, whole = _cut(answer)
    return parse_text(text, whole=whole)


def parse_text(text: bytes, *, whole: bool = True) -> DeviceId | None:
    """The text alone, as the kernel's printer driver keeps it. None where it has no keys."""
    fields: dict[str, str] = {}
    for part in text.split(b"\0", 1)[0].decode("ascii", errors="replace").split(";"):
        key, colon, value = part.partition(":")
        key = " ".join(key.upper().split())
        if colon and _KEY.fullmatch(key):
            fields.setdefault(_ALIASES.get(key, key), value.strip())
    return DeviceId(MappingProxyType(fields), whole) if fields else None


def _cut(answer: bytes) -> tuple[bytes, bool]:
    """The text by the length as it should be; else by a length that leaves itself out or stands the wrong way
    round; else all that came. A text that was cut would name another model."""
    came = answer[_LENGTH_BYTES:]
    right = int.from_bytes(answer[:_LENGTH_BYTES], "big")
    turned = int.from_bytes(answer[:_LENGTH_BYTES], "little")
    for length in (right, right + _LENGTH_BYTES, turned, turned + _LENGTH_BYTES):
        text = came[: max(length - _LENGTH_BYTES, 0)]
        if length <= len(answer) and _ends(text):
            return text, length == right
    return came, False


def _ends(text: bytes) -> bool:
    return text.rstrip(b"\0 \r\n").endswith(b";")
