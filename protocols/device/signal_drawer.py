"""Cash drawers and trigger boxes on a serial port that show the drawer's switch on a modem line. Most of them
open on any byte, so nothing is ever written: the lines are looked at, and nothing else."""

from collections.abc import Sequence

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

LINES = Command("modem lines", "lines", b"", When.POLL)


def _read(raw: bytes) -> Frame:
    """CTS 10h, DSR 20h, RI 40h, DCD 80h: places of the modem status register of the 16550 (National
    Semiconductor PC16550D data sheet), which Windows' GetCommModemStatus keeps."""
    if len(raw) != 1:
        raise Unparsed("frame.length", "the state of the lines is one byte")
    if raw[0] & 0x0F:
        raise Unparsed("frame.pattern", "the four lower bits of the state of the lines are never set")
    return Frame(None, LINES.code, status=raw)


def identify(replies: Sequence[Reply]) -> Identity:  # noqa: ARG001 - a line has no name
    """Nobody: a line is up or down and says nothing else."""
    return Identity()


def read_state(replies: Sequence[Reply], profile: Profile) -> DeviceState:
    """Only the line that the profile names; without one the drawer is unknown."""
    state = DeviceState()
    for reply in replies:
        if reply.frame.status:
            state = profile.read({0: reply.frame.status[0]})
    return state


def explain(reply: Reply, profile: Profile) -> str:
    if not reply.frame.status:
        return "The lines are looked at; nothing is sent."
    notes = profile.notes({0: reply.frame.status[0]})
    lines = f"Lines: {'; '.join(notes) or 'all are down'}."
    if any(bit.flag for bit in profile.bits):
        return lines
    return f"{lines} The model is not known, so none of them is taken for the drawer."


FAMILY = Family(
    name="signal_drawer",
    models=("Tysso PCD005R", "J2 625 and 650, built-in drawer", "drawers with the switch on CTS or RI"),
    ports=Ports(messages=(Way.SIGNALS,)),
    codec=MessageCodec({LINES: b""}, _read),
    identify=identify,
    read_state=read_state,
    read_only_commands=(LINES,),
    evidence=Evidence(
        Known.MANUAL,
        "2026-11-25",
        (
            "International POS, technical page on the Tysso PCD005R: opened by data, switch on pin 9 (RI)",
            "J2 625 system manual 0.1, page 44, and J2 650 system manual 0.4, page 23: opened by 07h, state on"
            " CTS and RI",
        ),
        (
            "which level means open: it depends on the drawer",
            "a line that nothing is connected to stays down: nothing proves that a drawer is there",
            "DT-100 trigger boxes: whether and on which line they show the drawer",
        ),
    ),
    explain=explain,
)
