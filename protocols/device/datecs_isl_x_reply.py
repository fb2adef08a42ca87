"""What the replies of Datecs ISL X say: error codes, identification, status and values. It knows no frame."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from protocols.device.exchange import Frame
from protocols.device.family import Reply
from protocols.device.last_record import with_record
from protocols.device.profile import Profile
from protocols.errors import Unexpected
from protocols.status.model import DeviceState, Identity

STATUS_CODE, STATUS_BYTES = 0x4A, 8

FM_BUSY = -100100
SHOWN_BY_ERROR: Mapping[int, tuple[str, bool]] = {
    FM_BUSY: ("busy", True),
    -100101: ("fiscal_memory_error", True),
    -100105: ("fiscal_memory_missing", True),
    -100106: ("fiscal_memory_error", True),
    -100114: ("fiscal_memory_full", True),
    -100116: ("fiscal_memory_error", True),
    -100400: ("power_supply_fault", True),
    -100401: ("power_supply_fault", True),
    -100402: ("head_overheat", True),
    -100403: ("paper_end", True),
    -100404: ("cover_open", True),
    -100405: ("paper_near_end", True),
    -100407: ("cutter_error", True),
    -100501: ("ram_reset", True),
    -100505: ("fiscal_memory_error", True),
    -100506: ("battery_low", True),
    -100508: ("clock_set", False),
    -110811: ("day_over_24h", True),
    -111024: ("day_over_24h", True),
}
"""Error codes that say something of the device, not of the command (Datecs group C protocol 2.08, error list).
-100502 (flash) and -100503 (SD card) have no state of their own; they are told in words."""

_SERIAL = re.compile(r"[A-Z]{2}\d{6}")


def told(frame: Frame) -> list[str]:
    """INFERENCE: cp1251 fits the Bulgarian firmware; the Baltic code page is not known."""
    text = frame.data.decode("cp1251", errors="replace")
    return [field.strip() for field in text.removesuffix("\t").split("\t")]


def identify(replies: Sequence[Reply]) -> Identity:
    """5Ah. Unexpected where it is not the identification of a Datecs printer."""
    found = Identity()
    for reply in replies:
        frame = reply.frame
        if frame.command == 0x5A and frame.data:
            found = found.updated(_diagnostic(frame))
        elif frame.command == 0x7B and reply.request and reply.request.data == b"1\t":
            found = found.updated(_numbers(told(frame)))
        elif frame.command == 0x63 and not frame.error:
            found = found.updated(Identity(tax_number=_set_number(told(frame)[0])))
    return found


def _diagnostic(frame: Frame) -> Identity:
    """With TAB: name, firmware, its date, its time, checksum, switches, serial, fiscal memory. Without: name,
    "firmware date time", checksum, switches, serial, fiscal memory."""
    fields = told(frame)
    if len(fields) == 1:
        name, firmware, *rest = [field.strip() for field in fields[0].split(",")] + [""]
        fields = [name, *[*firmware.split(), "", "", ""][:3], *rest]
    if len(fields) < 8 or not _SERIAL.fullmatch(fields[6]):
        raise Unexpected(f"{' '.join(fields)!r} is not the identification of an ISL X printer")
    return Identity(
        maker="Datecs",
        model=fields[0],
        firmware=" ".join(fields[1:4]),
        serial=fields[6],
        fiscal_memory_number=fields[7],
    )


def _numbers(fields: Sequence[str]) -> Identity:
    if len(fields) < 5:
        return Identity()
    return Identity(serial=fields[0], fiscal_memory_number=fields[1], tax_number=_set_number(fields[4]))


def _set_number(number: str) -> str:
    """Nothing but zeros is no number."""
    return number if number.strip("0") else ""


def read_state(replies: Sequence[Reply], profile: Profile) -> DeviceState:
    state = DeviceState()
    for reply in sorted(replies, key=_is_exact):
        newer = _reply_state(reply, profile)
        state = state.updated(newer) if _is_exact(reply) else with_record(state, newer)
    if replies and replies[-1].frame.command == "SYN":
        state = replace(state, busy=True)
    return state


def _is_exact(reply: Reply) -> bool:
    """7Bh 3 tells the time of the last Z report itself."""
    return reply.frame.command == 0x7B


def _reply_state(reply: Reply, profile: Profile) -> DeviceState:
    frame = reply.frame
    if not isinstance(frame.command, int):
        return DeviceState()
    state = DeviceState(online=True).updated(profile.read(dict(enumerate(status_bytes(frame)))))
    read = _READERS.get((frame.command, reply.request.data if reply.request else b""))
    read = read or _READERS.get((frame.command, b""))
    if read and not frame.error and frame.data:
        state = state.updated(read(told(frame)))
    shown = SHOWN_BY_ERROR.get(frame.error or 0)
    return state.with_flags({shown[0]: shown[1]}) if shown else state


def status_bytes(frame: Frame) -> bytes:
    """4Ah gives the status bytes as data too."""
    data = frame.data.removesuffix(b"\t")
    told = frame.command == STATUS_CODE and len(data) == STATUS_BYTES and min(data) >= 0x80
    return frame.status or (data if told else b"")


def _clock(fields: Sequence[str]) -> DeviceState:
    return DeviceState(device_time=_time(fields[0].removesuffix(" DST"), "%d-%m-%y %H:%M:%S"))


def _last_record(fields: Sequence[str]) -> DeviceState:
    if len(fields) != 10:
        return DeviceState()
    return DeviceState(last_z_number=_whole(fields[0]), last_z_time=_time(fields[9], "%d-%m-%y"))


def _last_record_time(fields: Sequence[str]) -> DeviceState:
    return DeviceState(last_z_time=_time(fields[0].removesuffix(" DST"), "%d-%m-%Y %H:%M:%S"))


def _last_report(fields: Sequence[str]) -> DeviceState:
    """Number and time of the last receipt, then of the last Z report."""
    if len(fields) != 4:
        return DeviceState()
    return DeviceState(last_z_number=_whole(fields[2]), last_z_time=_time(fields[3], "%d-%m-%Y %H:%M:%S"))


def _day_sums(fields: Sequence[str]) -> DeviceState:
    return DeviceState(day_open=_any_sum(fields[1:9]) if len(fields) == 9 else None)


def _any_sum(fields: Sequence[str]) -> bool | None:
    if not all(re.fullmatch(r"[+-]?\d+(\.\d+)?", field) for field in fields):
        return None
    return any(field.strip("+-0.") for field in fields)


def _whole(field: str) -> int | None:
    return int(field) if field.isascii() and field.isdigit() and len(field) < 12 else None


def _time(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 - the device knows no zone
    except ValueError:
        return None


def _receipt(fields: Sequence[str]) -> DeviceState:
    return DeviceState(receipt_open={"0": False, "1": True, "2": True, "3": True, "4": True}.get(fields[0]))


_READERS: Mapping[tuple[int, bytes], Callable[[Sequence[str]], DeviceState]] = {
    (0x3E, b""): _clock,
    (0x40, b""): _last_record,
    (0x41, b""): _day_sums,
    (0x44, b""): lambda fields: DeviceState(free_z_records=_whole(fields[0])),
    (0x4C, b""): _receipt,
    (0x56, b""): _last_record_time,
    (0x63, b""): lambda fields: DeviceState(tax_number_set=bool(_set_number(fields[0]))),
    (0x7B, b"3\t"): _last_report,
    (0x6E, b"0\t"): lambda fields: DeviceState(day_open=_any_sum(fields[:7]) if len(fields) >= 6 else None),
}
"""By command and its data; with b"", whatever the data were."""
