"""ESC/POS receipt printers and the drawer on their connector: real-time status, printer identification, and
nothing that prints, kicks or changes a setting. Automatic status (ASB) is read when it comes, never switched on
(docs/decisions/0006)."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from protocols.device import escpos_counter
from protocols.device.escpos_counter import GS_G
from protocols.device.escpos_exchange import (
    DLE_EOT,
    GS_I,
    GS_R,
    Kind,
    Piece,
    cut,
    identity,
    poll,
    sensor,
    wear,
)
from protocols.device.escpos_overhear import EscPosOverhearing
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
from protocols.device.unmarked_capture import UnmarkedLine, whole
from protocols.status.model import DeviceState, Identity

_IDENTITY = {67: "model", 66: "maker", 68: "serial", 65: "firmware"}
IDENTITY = Command("identification", GS_I, bytes(_IDENTITY), When.IDENTIFY)
WEAR = Command("wear counters", GS_G, escpos_counter.ARGUMENTS, When.SLOW)
COMMANDS = (
    IDENTITY,
    Command("printer status", DLE_EOT, b"\x01", When.POLL),
    Command("cause of offline", DLE_EOT, b"\x02", When.POLL),
    Command("paper sensor", DLE_EOT, b"\x04", When.POLL),
    Command("cause of error", DLE_EOT, b"\x03", When.POLL),
    WEAR,
    Command("paper sensor, buffered", GS_R, b"\x01"),
    Command("drawer connector, buffered", GS_R, b"\x02"),
)
_ALLOWED = {(command.code, command.data) for command in COMMANDS}

_ESC_U, _ESC_V, _GS_A = 0x1B75, 0x1B76, 0x1D61

# Host commands that a capture may hold and that are understood: command -> (name, number of argument bytes).
# Only the first four kinds can be encoded.
_SEEN = {
    DLE_EOT: ("real-time status", 1),
    GS_I: ("identification", 1),
    GS_R: ("buffered status", 1),
    GS_G: ("maintenance counter", 4),
    _GS_A: ("automatic status on or off", 1),
    0x1B40: ("initialise", 0),
    0x1B70: ("drawer kick", 3),
    _ESC_U: ("drawer status, obsolete", 1),
    _ESC_V: ("paper status, obsolete", 0),
    0x1005: ("real-time request", 1),
    0x1014: ("real-time drawer kick", 3),
}
_ANSWERS = {
    DLE_EOT: Kind.STATUS,
    GS_I: Kind.BLOCK,
    GS_R: Kind.PLAIN,
    GS_G: Kind.BLOCK,
    _ESC_U: Kind.PLAIN,
    _ESC_V: Kind.PLAIN,
}
_REAL_TIME = b"\x01\x02\x03\x04\x05\x07\x08\x12"
"""n of DLE EOT: printer, offline, error, roll, slip or presenter; the last three take a second byte."""
_ASB_BYTES = 4
_SHORT_IDENTITY = b"\x01\x02\x03123"
"""GS I with these answers with one byte."""


class _Codec:
    def first_sequence(self) -> int:
        return 0

    def next_sequence(self, sequence: int) -> int:  # noqa: ARG002 - the line has no sequence numbers
        return 0

    def encode(self, command: Command, sequence: int) -> bytes:  # noqa: ARG002 - the line has no sequence numbers
        return b"".join(_requests(command))

    def exchange(self, command: Command, sequence: int) -> Exchange:  # noqa: ARG002 - the line has no sequence numbers
        requests = _requests(command)
        if command.code == DLE_EOT:
            return poll(requests[0])
        if command.code == GS_R:
            return sensor(requests[0])
        return wear(requests) if command.code == GS_G else identity(requests)

    def parse(self, raw: bytes, direction: Direction, request: bytes | None = None) -> Sequence[Reply]:
        return _LINE.replies(raw, direction, request)

    def parse_payload(
        self, payload: bytes, direction: Direction, request: bytes | None = None
    ) -> Sequence[Reply]:
        return self.parse(payload, direction, request)


def _requests(command: Command) -> tuple[bytes, ...]:
    command.must_be_listed(_ALLOWED)
    head = int(command.code).to_bytes(2, "big")
    size = escpos_counter.ARGUMENT_BYTES if command.code == GS_G else 1
    return tuple(head + command.data[at : at + size] for at in range(0, len(command.data), size))


def _request(raw: bytes, at: int) -> tuple[Frame, int]:
    code = int.from_bytes(raw[at : at + 2], "big")
    if len(raw) < at + 2 or code not in _SEEN:
        raise Unparsed("frame.command", f"{raw[at : at + 2].hex()} is no status command")
    size = _SEEN[code][1]
    if code == DLE_EOT and raw[at + 2 : at + 3] in (b"\x07", b"\x08", b"\x12"):
        size = 2
    data = raw[at + 2 : at + 2 + size]
    if len(data) < size:
        raise Unparsed("frame.truncated", "the command is not complete")
    if code == DLE_EOT and data[0] not in _REAL_TIME:
        raise Unparsed("frame.argument", f"there is no real-time status {data[0]}")
    return Frame(None, code, data=data), at + 2 + size


def _pieces(raw: bytes, _asked: Sequence[Frame]) -> Sequence[Piece]:
    return whole(raw, cut, Kind.NOISE, "ESC/POS")


def _frame(piece: Piece, question: Frame | None) -> Frame:
    if question is None and piece.kind in (Kind.CONTROL, Kind.PLAIN, Kind.ASB):
        return _unasked(piece)
    command = question.command if question else None
    if piece.kind is Kind.BLOCK or command == GS_I:
        return Frame(None, command or GS_I, data=piece.data)
    return Frame(None, command or DLE_EOT, status=piece.data)


def _unasked(piece: Piece) -> Frame:
    if piece.kind is Kind.PLAIN:
        raise Unparsed("reply.ambiguous", "only the request can tell what this byte answers")
    if piece.kind is Kind.CONTROL:
        return Frame(None, piece.data.decode())
    return Frame(None, "ASB", status=piece.data)


def _answer_kind(question: Frame) -> Kind | None:
    if question.command == GS_I and question.data in [bytes([n]) for n in _SHORT_IDENTITY]:
        return Kind.PLAIN
    if question.command == GS_G and question.data[:1] != b"2":
        return None  # GS g 0 sets a counter back
    return _ANSWERS.get(int(question.command or 0))


_LINE = UnmarkedLine(_request, _pieces, _answer_kind, _frame, (_GS_A,), Kind.ASB)


# What the replies say


def identify(replies: Sequence[Reply]) -> Identity:
    """Whoever answered DLE EOT with its fixed bits is an ESC/POS printer; many clones say no more."""
    found: dict[str, str] = {}
    for reply in replies:
        if reply.frame.command == GS_I and reply.request:
            found.update(zip_identity(reply.request.data, reply.frame.data))
    return Identity(**found)


def zip_identity(asked: bytes, answered: bytes) -> dict[str, str]:
    """One answer per question, each but a lone one ended by 00h."""
    texts = [answered] if len(asked) == 1 else answered.split(b"\0")[:-1]
    pairs = zip(asked, texts, strict=False)
    return {
        _IDENTITY[n]: text.rstrip(b"\0").decode("ascii", errors="replace").strip()
        for n, text in pairs
        if n in _IDENTITY
    }


def read_state(replies: Sequence[Reply], profile: Profile) -> DeviceState:
    status, mask = _bits(replies)
    return profile.read(status, mask)


def _bits(replies: Sequence[Reply]) -> tuple[dict[int, int], dict[int, int]]:
    """Every reply told in the bits of DLE EOT 1..4: number n -> byte, and which of its bits were said."""
    status: dict[int, int] = {}
    mask: dict[int, int] = {}
    for reply in replies:
        passing = reply.frame.data if reply.frame.command == DLE_EOT else b""
        older = _from_asb(passing) if len(passing) == _ASB_BYTES else {}
        for n, (byte, said) in (*older.items(), *_as_real_time(reply).items()):
            status[n] = status.get(n, 0) & ~said | byte & said
            mask[n] = mask.get(n, 0) | said
    return status, mask


def _as_real_time(reply: Reply) -> dict[int, tuple[int, int]]:
    frame, n = reply.frame, reply.request.data[:1] if reply.request else b""
    if frame.command == "ASB" and len(frame.status) == _ASB_BYTES:
        return _from_asb(frame.status)
    if len(frame.status) != 1 or not reply.request:
        return {}
    byte = frame.status[0]
    if frame.command == _ESC_V or (frame.command == GS_R and n in (b"\x01", b"1")):
        return {4: ((byte & 0x03) << 2 | (byte & 0x0C) << 3, 0x6C)}
    if frame.command == _ESC_U or (frame.command == GS_R and n in (b"\x02", b"2")):
        return {1: ((byte & 0x01) << 2, 0x04)}
    real_time = frame.command == DLE_EOT and n in (b"\x01", b"\x02", b"\x03", b"\x04")
    return {n[0]: (byte, 0x6C)} if real_time else {}


def _from_asb(status: bytes) -> dict[int, tuple[int, int]]:
    """TM-T88III specification, GS a: the same facts in other places."""
    first, second, third = status[:3]
    return {
        1: (first & 0x0C | (second & 0x01) << 5 | (second & 0x02) << 5, 0x6C),
        2: ((first & 0x20) >> 3 | (first & 0x40) >> 3, 0x0C),
        3: (second & 0x6C, 0x6C),
        4: ((third & 0x03) << 2 | (third & 0x0C) << 3, 0x6C),
    }


def counters(replies: Sequence[Reply]) -> Mapping[str, int]:
    """How worn the printer is, where its model is one whose counters are known."""
    found = [r.frame.data for r in replies if r.frame.command == GS_G and r.request == WEAR.request()]
    return MappingProxyType(escpos_counter.read(found[-1]) if found else {})


def explain(reply: Reply, profile: Profile) -> str:
    frame = reply.frame
    if frame.command in ("XON", "XOFF"):
        return (
            "The printer can receive again." if frame.command == "XON" else "The printer cannot receive now."
        )
    told = _told(reply)
    if told or not frame.status:
        return told or _explain_request(frame)
    status, mask = _bits([reply])
    if not status:
        return (
            f"Real-time status {frame.status.hex().upper()}h; without the request its bits have no meaning."
        )
    notes = profile.notes(status, mask)
    name = "Automatic status" if frame.command == "ASB" else f"Status {', '.join(map(str, status))}"
    return f"{name}: {'; '.join(notes) if notes else 'nothing to report'}."


def _told(reply: Reply) -> str:
    """What an answer to GS I or GS g 2 says; "" for anything else."""
    frame, asked = reply.frame, reply.request
    if frame.command == GS_G and asked and frame.data.isdigit():
        return f"Maintenance counter {int.from_bytes(asked.data[2:4], 'little')}: {int(frame.data)}."
    if frame.command != GS_I or not (asked or frame.data):
        return ""
    if asked and len(frame.data) == 1:
        return f"Identification {asked.data.hex().upper()}h: {frame.data.hex().upper()}h."
    return f'Identification: "{frame.data.decode("ascii", errors="replace")}".'


def _explain_request(frame: Frame) -> str:
    name = _SEEN[int(frame.command or 0)][0]
    sent = "" if _answer_kind(frame) else " Plomba never sends it."
    return f"Request: {name} {frame.data.hex(' ').upper()}".rstrip() + "." + sent


FAMILY = Family(
    name="escpos",
    models=("Epson TM and compatible receipt printers", "Star, Citizen, Bixolon and others in ESC/POS mode"),
    ports=Ports(
        serial=Serial((9600, 19200, 38400, 115200)),
        tcp=(9100,),
        vid_pids=((0x04B8, 0x0202), (0x04B8, 0x0E03), (0x04B8, 0x0E15)),
        usb_printer_class=True,
        names=("epson", "citizen", "bixolon", "rongta", "gprinter", "xprinter"),
        languages=("ESC/POS", "ESCPOS"),
    ),
    codec=_Codec(),
    identify=identify,
    read_state=read_state,
    read_only_commands=COMMANDS,
    evidence=Evidence(
        Known.MANUAL,
        "2026-11-22",
        (
            "Star Micronics, ESC/POS mode command manual",
            "Epson TM-T88III specification, appendix G",
            "Citizen CT-S2000 and iDP-3221 manuals",
            "Epson TM-T90, TM-L90 and TM-T81 specifications, GS g 2",
        ),
        (
            "which level of the drawer connector means open: it depends on the drawer",
            "a printer without a near-end sensor may say for ever that the roll is full",
            "the units of the maintenance counters of newer Epson models",
        ),
    ),
    explain=explain,
    counters=counters,
    unmarked_answers=True,
    overhear=EscPosOverhearing,
)
