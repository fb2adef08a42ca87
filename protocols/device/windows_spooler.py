"""A printer as Windows' spooler sees it, for tills whose program prints through a driver. Nothing is asked of the
printer itself: what is read is what the driver last told, and many drivers never tell anything."""

from collections.abc import Mapping, Sequence
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

QUEUE = Command("queue", "queue", b"", When.POLL)
STATUS_BYTES = 8
"""Status and attributes of PRINTER_INFO_2, four bytes each, lowest first; then the driver's name in UTF-8, and
00h."""
_LONGEST_NAME = 1024
_BIDIRECTIONAL = 0x08
"""PRINTER_ATTRIBUTE_ENABLE_BIDI in byte 5."""


def _read(raw: bytes) -> Frame:
    name = raw[STATUS_BYTES:-1]
    if not STATUS_BYTES < len(raw) <= STATUS_BYTES + _LONGEST_NAME or raw[-1] or 0 in name:
        raise Unparsed(
            "frame.length", f"the spooler's answer has {STATUS_BYTES} bytes and a name with its end"
        )
    try:
        name.decode("utf-8")
    except UnicodeDecodeError as e:
        raise Unparsed("frame.name", "the driver's name is not UTF-8") from e
    return Frame(None, QUEUE.code, status=raw[:STATUS_BYTES], data=name)


def identify(replies: Sequence[Reply]) -> Identity:  # noqa: ARG001 - the spooler knows a driver, no device
    """Nobody: the name of a driver is what somebody chose."""
    return Identity()


def _bits(frame: Frame) -> Mapping[int, int]:
    return dict(enumerate(frame.status))


def _heeded(profile: Profile, frame: Frame) -> Profile:
    """Through a one-way driver a bit that is not set says nothing; through a bidirectional one it does."""
    if not frame.status[5] & _BIDIRECTIONAL:
        return profile
    return replace(profile, bits=tuple(replace(bit, set_only=False) for bit in profile.bits))


def read_state(replies: Sequence[Reply], profile: Profile) -> DeviceState:
    state = DeviceState()
    for reply in replies:
        if reply.frame.status:
            state = _heeded(profile, reply.frame).read(_bits(reply.frame))
    return state


def explain(reply: Reply, profile: Profile) -> str:
    frame = reply.frame
    if not frame.status:
        return "The spooler is looked at; nothing is printed."
    driver = frame.data.decode("utf-8", errors="replace")
    notes = [note for note in profile.notes(_bits(frame)) if note != "bidirectional"]
    said = f"The spooler says of a printer with the driver {driver!r}: {'; '.join(notes) or 'nothing'}."
    if frame.status[5] & _BIDIRECTIONAL:
        return said
    return f"{said} The driver is one-way, so what it does not say is unknown."


FAMILY = Family(
    name="windows_spooler",
    models=("any printer of the Windows spooler",),
    ports=Ports(messages=(Way.SPOOLER,)),
    codec=MessageCodec({QUEUE: b""}, _read),
    identify=identify,
    read_state=read_state,
    read_only_commands=(QUEUE,),
    evidence=Evidence(
        Known.MANUAL,
        "2026-11-25",
        ("Microsoft, PRINTER_INFO_2 structure and winspool.h: PRINTER_STATUS and PRINTER_ATTRIBUTE values",),
        (
            "which bits the driver of a printer ever sets, and whether it does so while nothing is printed",
            "a bidirectional driver may still not know of a bit: then it is read as not set",
        ),
    ),
    explain=explain,
)
