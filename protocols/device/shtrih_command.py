"""What a monitor may ask a Shtrih-M cash register, the same on both lines, and the words for it. It knows no
checksum and does not read what a reply says."""

from collections.abc import Mapping

from protocols.device.exchange import Frame
from protocols.device.family import Command, Ports, Serial, Unparsed, When
from protocols.device.shtrih_error import BUSY, error_words, is_condition
from protocols.errors import Busy, Rejected, UsageError

SYSTEM_ADMINISTRATOR = 30
"""The password that the manual gives the system administrator: 1 to 28 are cashiers, 29 is the
administrator."""

TYPE, MODEL, SHORT, FULL = 0xFC, 0xF7, 0x10, 0x11
SYNC = "SYNC"
"""Not a command: the empty frame of the second line, which asks for the number of the last frame."""
LONG_SERIAL, LAST_RECORD, STORAGE, STORAGE_TERM, EXCHANGE, DAY = 0x0F, 0x63, 0xFF01, 0xFF03, 0xFF39, 0xFF40


def commands(password: int = SYSTEM_ADMINISTRATOR) -> tuple[Command, ...]:
    """Every request that the family may send, with the password of the device in it. One password and never
    another: a device counts wrong ones."""
    if not 0 <= password <= 0xFFFFFFFF:
        raise UsageError("a Shtrih-M password is a number of four bytes")
    key = password.to_bytes(4, "little")
    return (
        Command("short status", SHORT, key, When.POLL),
        Command("device type", TYPE, b"", When.IDENTIFY),
        Command("sensors of the model", MODEL, b"\x01", When.IDENTIFY),
        Command("full status", FULL, key, When.IDENTIFY),
        Command("long serial number", LONG_SERIAL, key, When.IDENTIFY),
        Command("fiscal storage", STORAGE, key, When.IDENTIFY),
        Command("exchange with the tax operator", EXCHANGE, key, When.SLOW),
        Command("current shift", DAY, key, When.SLOW),
        Command("last record of the fiscal memory", LAST_RECORD, key, When.SLOW),
        Command("term of the fiscal storage", STORAGE_TERM, key),
        Command("line settings", 0x15, key + b"\x00"),
        Command("font", 0x26, key + b"\x01"),
        Command("structure of the settings table", 0x2D, key + b"\x01"),
        Command("first field of the settings table", 0x2E, key + b"\x01\x01"),
        Command("grand totals", 0x62, key),
        Command("meaning of the error no paper", 0x6B, b"\x6b"),
    )


NAMES: Mapping[int, str] = {int(command.code): command.name for command in commands()}

PORTS = Ports(
    serial=Serial((115200, 4800, 9600, 57600, 38400, 19200, 2400)),
    tcp=(7778,),
    names=("shtrih", "штрих", "poscenter"),
)
MODELS = (
    "Shtrih-M: SHTRIH-M-FR-K, SHTRIH-FR-K, SHTRIH-MINI-FR-K, SHTRIH-LIGHT-FR-K, SHTRIH-COMBO-FR-K",
    "Shtrih-M with a fiscal storage: SHTRIH-M-01F, SHTRIH-M-02F, SHTRIH-LIGHT-01F, SHTRIH-NANO-F",
    "Retail, POScenter, Elves-FR and others on the same protocol",
)


def code_bytes(code: int) -> bytes:
    """One byte, or two for the commands of a fiscal storage, which all start with FFh."""
    return code.to_bytes(2 if code > 0xFF else 1, "big")


def frame_payload(command: Command, allowed: frozenset[tuple[int | str, bytes]]) -> bytes:
    """Command and parameters. UsageError for all that is not allowed."""
    command.must_be_listed(allowed)
    return code_bytes(int(command.code)) + command.data


def host_frame(payload: bytes, sequence: int | None = None) -> Frame:
    code, rest = _split(payload)
    return Frame(sequence, code, data=rest)


def device_frame(payload: bytes, sequence: int | None = None) -> Frame:
    """Command, error code, data. With an error nothing follows it (protocol 1.10, "Error codes"), so that our
    own request, sent back, is no reply."""
    code, rest = _split(payload)
    if not rest:
        raise Unparsed("frame.length", "there is no error byte")
    if rest[0] and len(rest) > 1:
        raise Unparsed("frame.error_data", "data after an error code")
    return Frame(sequence, code, rest[0], rest[1:])


def _split(payload: bytes) -> tuple[int, bytes]:
    size = 2 if payload[:1] == b"\xff" else 1
    if len(payload) < size:
        raise Unparsed("frame.length", "there is no command")
    return int.from_bytes(payload[:size], "big"), payload[size:]


def answers(frame: Frame, request: Frame) -> bool:
    """Control bytes belong to whatever is going on. To the question for the number of the last frame any
    number is an answer."""
    if isinstance(frame.command, str):
        return True
    if request.command == SYNC:
        return frame.command is None
    return (frame.sequence, frame.command) == (request.sequence, request.command)


def accepted(frame: Frame) -> Frame:
    """The reply, where it says how the device is; Busy or Rejected where it only refuses."""
    code = frame.error or 0
    if code == BUSY:
        raise Busy("the device is still printing", maker_code=f"{code:02X}")
    if code and isinstance(frame.command, int) and not is_condition(code, frame.command):
        raise Rejected(
            f"the device refuses command {frame.command:02X}h: {error_words(code)}", maker_code=f"{code:02X}"
        )
    return frame
