"""Posiflex cash drawers that are USB HID devices. They are asked whether they are open, and nothing else: the
same report with another second byte opens the drawer, or puts it into its boot loader."""

from collections.abc import Sequence
from dataclasses import replace

from protocols.device.exchange import Frame
from protocols.device.family import (
    Command,
    Evidence,
    Family,
    Known,
    Ports,
    Reply,
    Unparsed,
    Way,
    When,
)
from protocols.device.message import MessageCodec
from protocols.device.profile import Profile
from protocols.status.model import DeviceState, Identity

REPORT_BYTES = 120
"""Size of both reports, from the HID descriptor; neither has a number."""
FIRST_PRODUCT, DRAWERS, USUAL = 0x0200, 8, 7
"""The low digit of the USB product id is the number of the drawer, 0 to 7."""
STATUS = Command("drawer status", "status", b"", When.POLL)
_CLOSED = 0x01
_BOOT_LOADER = 0xF0


def _request(number: int) -> bytes:
    return bytes([number, number + 1]).ljust(REPORT_BYTES, b"\0")


def _read(raw: bytes) -> Frame:
    """The first byte is the drawer's number times 16, plus 1 when it is closed; the rest means nothing."""
    if len(raw) != REPORT_BYTES:
        raise Unparsed("frame.length", f"a report has {REPORT_BYTES} bytes")
    if raw[0] >> 4 >= DRAWERS or raw[0] & 0x0F & ~_CLOSED:
        raise Unparsed("frame.pattern", "the first byte is no state of a drawer")
    return Frame(None, STATUS.code, status=raw[:1])


class _Codec(MessageCodec):
    """For the drawer of this number. Captures of any drawer are understood."""

    def __init__(self, number: int) -> None:
        super().__init__({STATUS: _request(number)}, _read)
        self._number = number

    def _question(self, raw: bytes) -> Frame:
        number, command = raw[:2] if len(raw) == REPORT_BYTES and not any(raw[2:]) else (DRAWERS, 0)
        names = {number: "open", number + 1: STATUS.code, _BOOT_LOADER: "boot loader"}
        if number >= DRAWERS or command not in names:
            raise Unparsed("frame.command", "these bytes are no request of a cash drawer")
        return Frame(None, names[command], data=bytes([number]))

    def _answer(self, raw: bytes, asked: Frame) -> Frame:
        frame = super()._answer(raw, asked)
        number = asked.data[0] if asked.data else self._number
        if frame.status[0] >> 4 != number:
            raise Unparsed("reply.mismatch", "this is the state of another drawer", [frame])
        return frame


def identify(replies: Sequence[Reply]) -> Identity:  # noqa: ARG001 - no report says who the drawer is
    """Nobody: the answer fits the question, and that is all."""
    return Identity()


def read_state(replies: Sequence[Reply], profile: Profile) -> DeviceState:  # noqa: ARG001 - all models are alike
    """The drawer says itself whether it is closed, so no level has to be found out."""
    state = DeviceState()
    for reply in replies:
        if reply.frame.status:
            state = DeviceState(drawer_open=not reply.frame.status[0] & _CLOSED)
    return state


def explain(reply: Reply, profile: Profile) -> str:  # noqa: ARG001 - all models are alike
    frame = reply.frame
    if frame.status:
        is_closed = frame.status[0] & _CLOSED
        return f"Drawer {frame.status[0] >> 4} is {'closed' if is_closed else 'open'}."
    said = {
        STATUS.code: "is asked whether it is open.",
        "open": "is told to open. Plomba never sends it.",
        "boot loader": "is put into its boot loader and is no drawer any more. Plomba never sends it.",
    }
    return f"Drawer {frame.data[0]} {said[str(frame.command)]}"


def at(product: int) -> Family:
    """A product id of another device leaves the usual number: `Ports.vid_pids` keep it from being asked."""
    number = product - FIRST_PRODUCT
    return replace(FAMILY, codec=_Codec(number)) if 0 <= number < DRAWERS else FAMILY


FAMILY = Family(
    name="posiflex_hid",
    models=("Posiflex CR-4000 series and CR-4115G2, USB HID",),
    ports=Ports(
        vid_pids=tuple((0x0D3A, FIRST_PRODUCT + number) for number in range(DRAWERS)), messages=(Way.HID,)
    ),
    codec=_Codec(USUAL),
    identify=identify,
    read_state=read_state,
    read_only_commands=(STATUS,),
    evidence=Evidence(
        Known.MANUAL,
        "2026-11-25",
        ("posiflex-hidcd 1.0.0, protocol notes and HID descriptor of a CR-4115G2",),
        (
            "a drawer whose cable to the switch is off: which of the two it says",
            "whether a drawer answers to the number of another",
        ),
    ),
    explain=explain,
    at=at,
)
