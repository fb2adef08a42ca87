"""What the replies of Datecs ISL legacy say: identification and values, read from the text of one reply. It
knows no frame and no status bit."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from protocols.device.family import Reply
from protocols.errors import Unexpected
from protocols.status.model import DeviceState, Identity

_MAKERS = {"DT": "Datecs", "DA": "Datecs", "ED": "Eltrade", "DY": "Daisy", "IN": "Incotex"}
"""First two letters of the Bulgarian device number (ErpNet.FP, one driver per maker)."""
_SERIAL = re.compile(r"[A-Z]{2}\d{6}")
_GLUED = re.compile(r"(.+?)(\d\.\d{2}\D.*)")


def text(data: bytes) -> str:
    """INFERENCE: cp1251 fits the Bulgarian and Ukrainian firmware; the Baltic code page is not known."""
    return data.decode("cp1251", errors="replace").strip()


def identify(replies: Sequence[Reply]) -> Identity:
    """5Ah. Unexpected where it is not the identification of an ISL printer."""
    found = Identity()
    for reply in replies:
        if reply.frame.command == 0x5A and reply.frame.data:
            found = found.updated(_diagnostic(text(reply.frame.data)))
        elif reply.frame.command == 0x63:
            found = found.updated(Identity(tax_number=_set_tax_number(text(reply.frame.data))))
    return found


def _diagnostic(line: str) -> Identity:
    """Name, firmware, checksum, switches, then the device's number and that of the fiscal memory. Countries
    put fields between, and the DP manual turns the two numbers round: they are told by their form."""
    fields = [field.strip() for field in line.split(",")]
    if len(fields) < 5:
        raise Unexpected(f"the identification {line!r} is not that of an ISL printer")
    at = next((i for i, field in enumerate(fields) if i > 2 and _SERIAL.fullmatch(field)), -2)
    serial = fields[at]
    maker = _MAKERS.get(serial[:2], "") if _SERIAL.fullmatch(serial) else ""
    memory = fields[at + 1] if at + 1 < len(fields) else fields[at - 1]
    model, firmware = _name(fields, maker)
    return Identity(maker=maker, model=model, firmware=firmware, serial=serial, fiscal_memory_number=memory)


def _name(fields: Sequence[str], maker: str) -> tuple[str, str]:
    """Model and firmware. Daisy: "name version date time", older firmware without the name; Incotex: no name;
    FP-1000 and FP-300: no comma between name and version (each manual's 5Ah; ErpNet.FP's drivers, from live
    devices)."""
    first = fields[0]
    if maker == "Incotex":
        return "", first
    if maker == "Daisy":
        words = first.split()
        return " ".join(words[:-3]), " ".join(words[-3:])
    glued = _GLUED.fullmatch(first)
    if glued:
        return glued[1], glued[2]
    return first, fields[2] if maker == "Eltrade" and len(fields) > 6 else fields[1]


def _clock(line: str) -> DeviceState:
    """Incotex gives no seconds."""
    when = _time(line, "%d-%m-%y %H:%M:%S") or _time(line, "%d-%m-%y %H:%M")
    return DeviceState(device_time=when)


def _last_record(line: str) -> DeviceState:
    """Datecs: P, number, sums, date; or F. Daisy and Incotex: number, ten sums and more, date (40h of each
    manual)."""
    fields = line.split(",")
    if fields[0] == "P" and len(fields) >= 3:
        fields = fields[1:]
    elif number(fields[0]) is None or len(fields) < 11:
        return DeviceState()
    return DeviceState(last_z_number=number(fields[0]), last_z_time=_record_time(fields[-1]))


_RECORD_TIMES = {6: "%d%m%y", 10: "%d%m%y%H%M", 12: "%d%m%y%H%M%S"}
"""By the count of digits: strptime alone would cut 8 digits into any date."""


def _record_time(field: str) -> datetime | None:
    digits = "".join(c for c in field if c.isdigit())
    form = _RECORD_TIMES.get(len(digits))
    return _time(digits, form) if form else None


def _last_record_time(line: str) -> DeviceState:
    line = line.split(",", maxsplit=1)[0]
    when = _time(line, "%d-%m-%Y %H:%M:%S") or _time(line, "%d-%m-%Y")
    return DeviceState(last_z_time=when)


def _free_records(line: str) -> DeviceState:
    return DeviceState(free_z_records=number(line.split(",", maxsplit=1)[0]))


def _receipt(line: str) -> DeviceState:
    return DeviceState(receipt_open={"1": True, "0": False}.get(line.split(",", maxsplit=1)[0]))


def _voltage(line: str) -> DeviceState:
    try:
        volts = float(line.split(",", maxsplit=1)[0])
    except ValueError:
        return DeviceState()
    return DeviceState(supply_voltage=volts if 0 < volts < 100 else None)


def _tax_number(line: str) -> DeviceState:
    return DeviceState(tax_number_set=bool(_set_tax_number(line)))


def _set_tax_number(line: str) -> str:
    """63h: number, name of the number; Incotex: number of the device, number. Nothing but zeros is no
    number."""
    fields = [field.strip() for field in line.split(",")]
    digits = fields[1] if len(fields) > 1 and _SERIAL.fullmatch(fields[0]) else fields[0]
    return digits if digits.strip("0") else ""


def _day_sums(line: str) -> DeviceState:
    return DeviceState(day_open=_any_sum(line.split(",")))


def _day_payments(line: str) -> DeviceState:
    """Cash, credit, debit, cheque and up to four more, then two counters; more payments may follow these
    (FP-800 protocol 1.00BG, 6Eh)."""
    fields = line.split(",")
    paid = fields[: min(8, max(4, len(fields) - 2))]
    return DeviceState(day_open=_any_sum(paid + fields[10:]))


def _any_sum(fields: Sequence[str]) -> bool | None:
    if not all(re.fullmatch(r"[+-]?\d+(\.\d+)?", field.strip()) for field in fields):
        return None
    return any(field.strip("+-0. ") for field in fields)


def number(field: str) -> int | None:
    field = field.strip()
    return int(field) if field.isascii() and field.isdigit() and len(field) < 12 else None


def _time(line: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(line, form)  # noqa: DTZ007 - the device knows no zone
    except ValueError:
        return None


READERS: Mapping[int, Callable[[str], DeviceState]] = {
    0x3E: _clock,
    0x40: _last_record,
    0x41: _day_sums,
    0x44: _free_records,
    0x4C: _receipt,
    0x51: _voltage,
    0x56: _last_record_time,
    0x63: _tax_number,
    0x6E: _day_payments,
}
