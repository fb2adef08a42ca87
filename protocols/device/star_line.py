"""Star printers in Star Line Mode (TSP100, TSP650, TSP700, TSP800 and their kin) and the drawer on their
connector: the whole status at once, the version and the serial number. Nothing here prints, kicks, resets or
switches automatic status on or off. What a bit means is data (profiles/star_line.toml)."""

import re
from collections.abc import Mapping, Sequence

from protocols.device.exchange import Exchange, Frame
from protocols.device.family import (
    Command,
    Direction,
    Evidence,
    Family,
    Known,
    Ports,
    Reply,
    Serial,
    Unparsed,
    When,
)
from protocols.device.profile import Profile
from protocols.device.star_line_packet import Kind, cut
from protocols.device.unmarked_capture import UnmarkedLine, whole
from protocols.device.unmarked_exchange import BufferedExchange, Piece, PollExchange, Question, Script
from protocols.status.model import DeviceState, Identity

STATUS, VERSION, INFORMATION, ENQ, EOT = 0x1B0601, 0x1B232A, 0x1B1D2949, 0x05, 0x04
_SWITCH_STATUS, _ETB = 0x1B1E61, 0x17
_TAGS_BY_MODEL = re.compile(r"TSP100III(W|LAN|BI|U)")
"""The models of which a manual says that they know ESC GS ) I (STAR Graphic Mode Rev. 2.31, 4-4). One that
does not know it might print it, so it is asked only after the version names one of these."""
_TAGS = b"\x01\x001"
_OFFLINE = 0x08

POLL = Command("printer status", STATUS, b"", When.POLL)
IDENTITY = Command("identification", VERSION, b"\n\0", When.IDENTIFY)
"""The version, and the serial number where the version names a model that tells it."""
COMMANDS = (POLL, IDENTITY)
_REQUESTS: Mapping[tuple[int | str, bytes], tuple[bytes, ...]] = {
    (STATUS, b""): (b"\x1b\x06\x01",),
    (VERSION, b"\n\0"): (b"\x1b#*\n\0", b"\x1b\x1d)I" + _TAGS),
}

# Host commands that a capture may hold, longest first: bytes -> (name, number of argument bytes). Only those
# of COMMANDS can be encoded.
_SEEN: Mapping[bytes, tuple[str, int]] = {
    b"\x1b\x1d)I": ("printer information", 3),
    b"\x1b\x06\x01": ("status at once", 0),
    b"\x1b\x06\x18": ("reset at once", 0),
    b"\x1b#*": ("version", 2),
    b"\x1b\x1ea": ("automatic status on or off", 1),
    b"\x1b\x1eE": ("clear the ETB counter", 1),
    b"\x1b\x07": ("set the drawer pulse", 2),
    b"\x1b@": ("initialise", 0),
    b"\x1b?": ("reset and print a test", 2),
    b"\x1bd": ("cut", 1),
    b"\x04": ("status byte EOT", 0),
    b"\x05": ("status byte ENQ", 0),
    b"\x07": ("drawer 1 kick", 0),
    b"\x17": ("count ETB", 0),
    b"\x18": ("cancel the print data", 0),
    b"\x19": ("drawer 2 kick at once", 0),
    b"\x1a": ("drawer 2 kick", 0),
    b"\x1c": ("drawer 1 kick at once", 0),
}
_NAMES = {int.from_bytes(head, "big"): name for head, (name, _) in _SEEN.items()}
_ANSWERS = {
    STATUS: Kind.ASB,
    VERSION: Kind.VERSION,
    INFORMATION: Kind.INFORMATION,
    ENQ: Kind.ENQ,
    EOT: Kind.EOT,
}
_KIND_COMMANDS: Mapping[str, int | str] = {kind: code for code, kind in _ANSWERS.items()} | {Kind.ASB: "ASB"}


class _Codec:
    def first_sequence(self) -> int:
        return 0

    def next_sequence(self, sequence: int) -> int:  # noqa: ARG002 - the line has no sequence numbers
        return 0

    def encode(self, command: Command, sequence: int) -> bytes:  # noqa: ARG002 - the line has no sequence numbers
        return b"".join(_requests(command))

    def exchange(self, command: Command, sequence: int) -> Exchange:  # noqa: ARG002 - the line has no sequence numbers
        requests = _requests(command)
        status = PollExchange(_requests(POLL)[0], cut, Kind.ASB, _status_frame)
        if command.code == STATUS:
            return status
        return BufferedExchange(status, _online, cut, _identity_script(*requests))

    def parse(self, raw: bytes, direction: Direction, request: bytes | None = None) -> Sequence[Reply]:
        return _LINE.replies(raw, direction, request)

    def parse_payload(
        self, payload: bytes, direction: Direction, request: bytes | None = None
    ) -> Sequence[Reply]:
        return self.parse(payload, direction, request)


def _requests(command: Command) -> tuple[bytes, ...]:
    command.must_be_listed(_REQUESTS)
    return _REQUESTS[command.code, command.data]


def _status_frame(status: bytes, _beside: bytes) -> Frame:
    return Frame(None, STATUS, status=status)


def _online(frame: Frame) -> bool:
    return not frame.status[2] & _OFFLINE


def _identity_script(version: bytes, information: bytes) -> Script:
    """The answers bear marks, so none can be taken for another's."""
    first = Question(version, Kind.VERSION)
    second = Question(information, Kind.INFORMATION, repeated=True)

    def ask(answers: Sequence[bytes]) -> Question | None:
        if not answers:
            return first
        known = len(answers) == 1 and _TAGS_BY_MODEL.fullmatch(_version(answers[0])[0])
        return second if known else None

    return Script(ask, lambda answers: Frame(None, VERSION, data=b"\n\0".join(answers)), optional=True)


# What stands in a capture


def _request(raw: bytes, at: int) -> tuple[Frame, int]:
    head = next((head for head in _SEEN if raw.startswith(head, at)), None)
    if head is None:
        raise Unparsed("frame.command", f"{raw[at : at + 2].hex()} is no status command")
    end = at + len(head) + _SEEN[head][1]
    if end > len(raw):
        raise Unparsed("frame.truncated", "the command is not complete")
    return Frame(None, int.from_bytes(head, "big"), data=raw[at + len(head) : end]), end


def _pieces(raw: bytes, asked: Sequence[Frame]) -> Sequence[Piece]:
    """On a serial line the answer to ENQ or EOT is one byte, which only the request can tell."""
    if asked and len(raw) == len(asked) and all(question.command in (ENQ, EOT) for question in asked):
        return [_single(byte, question) for byte, question in zip(raw, asked, strict=True)]
    return whole(raw, cut, Kind.NOISE, "Star Line Mode")


def _single(byte: int, question: Frame) -> Piece:
    """ENQ is answered with ***0****, EOT with ***1***0."""
    enquiry = question.command == ENQ
    fits = byte & 0x10 == 0 if enquiry else byte & 0x11 == 0x10
    if not fits:
        raise Unparsed("reply.mismatch", f"{byte:02X}h has not the fixed bits of this answer")
    return Piece(Kind.ENQ if enquiry else Kind.EOT, bytes([byte]))


def _kind(question: Frame) -> Kind | None:
    return _ANSWERS.get(int(question.command or 0))


def _frame(piece: Piece, question: Frame | None) -> Frame:
    if piece.kind == Kind.CONTROL:
        return Frame(None, piece.data.decode())
    if piece.kind == Kind.OTHER:
        return Frame(None, "other", data=piece.data)
    code = question.command if question else _KIND_COMMANDS[piece.kind]
    if piece.kind in (Kind.VERSION, Kind.INFORMATION):
        return Frame(None, code, data=piece.data)
    return Frame(None, code, status=piece.data)


_LINE = UnmarkedLine(_request, _pieces, _kind, _frame, (_SWITCH_STATUS, _ETB), Kind.ASB)


# What the replies say


def identify(replies: Sequence[Reply]) -> Identity:
    """Whoever answered ESC ACK SOH with its fixed bits is a Star printer; not every one tells its model."""
    found = Identity()
    for reply in replies:
        if reply.frame.command not in (VERSION, INFORMATION):
            continue
        found = found.updated(Identity(maker="Star"))
        version, _, tags = reply.frame.data.partition(b"\n\0")
        if reply.frame.command == INFORMATION:
            version, tags = b"", version
        model, firmware = _version(version)
        found = found.updated(Identity(model=model, firmware=firmware, serial=_serial(tags)))
    return found


_VERSION = re.compile(r"(.+?)\s*Ver\.?\s*(\d.*)")
_SERIAL = re.compile(rb"(?:^|,)PrSrN=([0-9A-Za-z]{1,16})\0*(?:,|$)")


def _version(text: bytes) -> tuple[str, str]:
    """Model and firmware: "HSP7000 Ver. 1.0", "TSP100IIIWVer1.0"."""
    words = text.strip(b"\n\0").decode("ascii", errors="replace").strip()
    match = _VERSION.fullmatch(words)
    return (match[1], match[2]) if match else (words, "")


def _serial(tags: bytes) -> str:
    match = _SERIAL.search(tags)
    return match[1].decode("ascii") if match else ""


def read_state(replies: Sequence[Reply], profile: Profile) -> DeviceState:
    state = DeviceState()
    for reply in replies:
        state = state.updated(profile.read(_bits(reply.frame)))
    return state


def _bits(frame: Frame) -> dict[int, int]:
    """Number -> byte: 1 to 7 as the manual counts the bytes of printer status, 8 for ENQ, 9 for EOT."""
    if frame.command in (STATUS, "ASB"):
        return dict(enumerate(frame.status[2:9], 1))
    return {8 if frame.command == ENQ else 9: frame.status[0]} if frame.status else {}


def explain(reply: Reply, profile: Profile) -> str:
    frame = reply.frame
    if frame.command in ("XON", "XOFF"):
        return (
            "The printer can receive again." if frame.command == "XON" else "The printer cannot receive now."
        )
    if frame.command == "other":
        return "An answer to a question that Plomba never asks."
    if frame.status:
        notes = profile.notes(_bits(frame))
        name = _NAMES[int(frame.command)] if isinstance(frame.command, int) else "automatic status"
        return f"{name.capitalize()}: {'; '.join(notes) if notes else 'nothing to report'}."
    if frame.command in (VERSION, INFORMATION) and frame.data not in (b"\n\0", _TAGS):
        said = frame.data.replace(b"\0", b"").decode("ascii", errors="replace")
        return f'{_NAMES[int(frame.command)].capitalize()}: "{said}".'
    return _explain_request(frame)


def _explain_request(frame: Frame) -> str:
    code = int(frame.command or 0)
    sent = "" if code in (STATUS, VERSION, INFORMATION) else " Plomba never sends it."
    return f"Request: {_NAMES[code]} {frame.data.hex(' ').upper()}".rstrip() + "." + sent


FAMILY = Family(
    name="star_line",
    models=(
        "Star TSP600, TSP650, TSP700, TSP700II, TSP800, TSP828L, TSP1000, TUP900, HSP7000",
        "Star TSP100IIIW, TSP100IIILAN, TSP100IIIBI, TSP100IIIU",
        "other Star printers that answer ESC ACK SOH, without what only some models have",
    ),
    ports=Ports(
        serial=Serial((9600, 19200, 38400, 4800, 115200)),
        tcp=(9100,),
        vid_pids=((0x0519, 0x0003),),
        usb_printer_class=True,
        names=("star",),
        languages=("STAR", "STARLINE"),
    ),
    codec=_Codec(),
    identify=identify,
    read_state=read_state,
    read_only_commands=COMMANDS,
    evidence=Evidence(
        Known.MANUAL,
        "2026-11-25",
        (
            "Star Micronics, STAR Line Mode Command Specifications Rev. 0.09",
            "Star Micronics, STAR Line Mode Command Specifications for HSP7000 Rev. 0.00",
            "Star Micronics, STAR Graphic Mode Command Specifications Rev. 2.31",
            "Star Micronics, TSP700 and TSP600 programmer's manuals",
        ),
        (
            "which state of the drawer's contact means open: it depends on the drawer",
            "the order of the two bytes of the length on Ethernet and wireless lines, where it is not zero",
            "how the version is packed on Ethernet and wireless lines",
            "the status of mC-Print, TSP650II, TSP800II and TSP100IV beyond what all models share",
        ),
    ),
    explain=explain,
    unmarked_answers=True,
)
