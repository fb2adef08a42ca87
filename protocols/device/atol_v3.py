"""ATOL printers on protocol v3: FE packets with a CRC, and a buffer of tasks that a till and a monitor share. A
task is added, asked for and acknowledged; the buffer is never cleared from here. Source: atol4j, transport v3."""

from collections.abc import Sequence
from dataclasses import replace

from protocols.device.atol_exchange import AtolV3Exchange
from protocols.device.atol_packet import ADD, ASYNC_ID, IDS, TASK_STATUS, cut, pack
from protocols.device.atol_reply import (
    COMMANDS,
    EVIDENCE,
    NAMES,
    VID_PIDS,
    answer_of,
    explain_answer,
    explain_request,
    fits,
    identify,
    read_state,
    request_bytes,
    request_of,
)
from protocols.device.exchange import Exchange, Frame
from protocols.device.family import Command, Direction, Family, Ports, Reply, Serial, Unparsed
from protocols.device.profile import Profile
from protocols.errors import UsageError
from protocols.status.model import DeviceState

_STEP = 8
"""An exchange sends up to this many packets, each with an ID of its own."""
_NEED_RESULT = 1
_ACK, _REQUEST, _ABORT, _ACK_ADD = 0xC2, 0xC3, 0xC4, 0xC5
_TASK_COMMANDS = {ADD: "add", _ACK: "acknowledge", _REQUEST: "ask for", _ABORT: "abort all", _ACK_ADD: "next"}
_DONE, _FAILED, _ASYNC_DONE, _ASYNC_FAILED = 0xA3, 0xA4, 0xA6, 0xA7
_WORKING = (0xA1, 0xA2, 0xA8)


class _Codec:
    def first_sequence(self) -> int:
        return 0x80

    def next_sequence(self, sequence: int) -> int:
        return (sequence + _STEP) % IDS

    def encode(self, command: Command, sequence: int) -> bytes:
        """The task's number is that of its packet."""
        payload = request_bytes(command)
        if not 0 <= sequence < IDS:
            raise UsageError(f"packet ID {sequence} is not within 0..{IDS - 1}")
        return pack(sequence, bytes([ADD, _NEED_RESULT, sequence]) + payload)

    def exchange(self, command: Command, sequence: int) -> Exchange:
        return AtolV3Exchange(self.encode(command, sequence), sequence, command.request(sequence))

    def parse(self, raw: bytes, direction: Direction, request: bytes | None = None) -> Sequence[Reply]:
        packets = _packets(raw)
        if direction is Direction.HOST_TO_DEVICE:
            return [Reply(_asked(data, number)) for number, data in packets]
        if request is None:
            return [Reply(_answered(data, number)) for number, data in packets]
        return _paired(packets, _requests(request))

    def parse_payload(
        self, payload: bytes, direction: Direction, request: bytes | None = None
    ) -> Sequence[Reply]:
        """The data of a packet; the number of the packet is not known."""
        if not payload:
            raise Unparsed("frame.empty", "there are no bytes")
        if direction is Direction.HOST_TO_DEVICE:
            return [Reply(_asked(payload, None))]
        if request is None:
            return [Reply(_answered(payload, None))]
        return [_pair(None, payload, (None, request))]


Packet = tuple[int | None, bytes]


def _packets(raw: bytes) -> list[Packet]:
    found: list[Packet] = []
    at = 0
    while at < len(raw):
        one = cut(raw, at)
        if one is None:
            raise Unparsed("frame.truncated", "the packet is not complete")
        number, data, at = one
        found.append((number, data))
    if not found:
        raise Unparsed("frame.empty", "there are no bytes")
    return found


def _requests(raw: bytes) -> list[Packet]:
    try:
        packets = _packets(raw)
        for number, data in packets:
            _asked(data, number)
    except Unparsed as e:
        raise Unparsed("request.invalid", f"the request is no valid packet: {e}") from e
    return packets


def _asked(data: bytes, number: int | None) -> Frame:
    """What a task asks; for the other packets, the command of the task buffer and the number of the task."""
    if not data:
        return Frame(number, None)
    if data[0] == ADD and len(data) > 3:
        return request_of(data[3:], number)
    if data[0] == _ACK_ADD and len(data) > 4:
        return request_of(data[4:], number)
    size = {_ACK: 2, _REQUEST: 2, _ABORT: 1}.get(data[0])
    if size is None and number is None:  # a payload may also start above the task buffer
        return request_of(data)
    if len(data) != size:
        raise Unparsed("frame.task", f"{data[:1].hex().upper()}h is no whole command of the task buffer")
    return Frame(number, data[0], data=data[1:])


def _answered(data: bytes, number: int | None, request: Frame | None = None) -> Frame:
    """`status` is the state of the task. Without a result `command` is None."""
    if not data:
        return Frame(number, None)
    status, rest = data[:1], data[1:]
    if data[0] not in TASK_STATUS:
        if number is not None:
            raise Unparsed("frame.status", f"{data[0]:02X}h is no state of a task")
        return answer_of(data, request)
    if data[0] in (_ASYNC_DONE, _ASYNC_FAILED):
        if not rest:
            raise Unparsed("frame.short", "the number of the task is missing")
        status, rest = data[:2], data[2:]
    if rest and data[0] in (_DONE, _FAILED, _ASYNC_DONE, _ASYNC_FAILED):
        return answer_of(rest, request, number, status)
    return Frame(number, None, data=rest, status=status)


def _paired(packets: Sequence[Packet], requests: Sequence[Packet]) -> list[Reply]:
    """Each packet with the request whose ID it carries, in order; a device may repeat an answer."""
    replies: list[Reply] = []
    at = 0
    for number, data in packets:
        here = [i for i in range(at, len(requests)) if requests[i][0] == number]
        if not here or number == ASYNC_ID:
            raise Unparsed("reply.mismatch", "the packet has not the ID of the request")
        at = here[0]
        replies.append(_pair(number, data, requests[at]))
    return replies


def _pair(number: int | None, data: bytes, request: Packet) -> Reply:
    try:
        question = _asked(request[1], request[0])
    except Unparsed as e:
        raise Unparsed("request.invalid", f"the request is no valid packet: {e}") from e
    upper = question if request[1][:1] not in (b"", b"\xc2", b"\xc3", b"\xc4") else None
    frame = _answered(data, number, upper)
    has_result = isinstance(frame.command, int)
    about_buffer = request[1][:1] in (b"\xc2", b"\xc4")
    if frame.status[:1] in (b"\xa6", b"\xa7") or (has_result and about_buffer):
        raise Unparsed("reply.mismatch", "such a packet answers no request", (frame,))
    if upper and has_result and not fits(frame, upper):
        raise Unparsed("reply.mismatch", "the form is not that of an answer to this command", (frame,))
    return Reply(frame, upper or question)


def read(replies: Sequence[Reply], profile: Profile) -> DeviceState:
    """A task that waits in the buffer behind others means that the device is busy."""
    state = read_state(replies, profile)
    last = replies[-1].frame.status[:1] if replies else b""
    return replace(state, busy=True) if last and last[0] in _WORKING else state


def explain(reply: Reply, profile: Profile) -> str:
    frame = reply.frame
    number = "" if frame.sequence is None else f"Packet {frame.sequence:02X}h. "
    if frame.status:
        words = TASK_STATUS[frame.status[0]]
        unasked = " It was sent unasked." if frame.sequence == ASYNC_ID else ""
        said = f" {explain_answer(reply, profile)}" if frame.command is not None else ""
        return f"{number}Task: {words}.{unasked}{said}"
    if frame.command is None:
        return f"{number}Empty: the other side is asked to send its packet again."
    if frame.command in _TASK_COMMANDS and reply.request is None:
        never = "; Plomba never sends this, it would clear the till's own tasks" * (frame.command == _ABORT)
        return f"{number}Task buffer: {_TASK_COMMANDS[int(frame.command)]}{never}."
    if reply.request is None and frame.error is None and frame.command not in (0x44, 0x55, 0):
        return number + explain_request(frame)
    return number + explain_answer(reply, profile)


FAMILY = Family(
    name="atol_v3",
    models=("ATOL 11F, 15F, 20F, 22PTK, 25F, 30F, 50F, 55F, 77F, 90F, 91F, 92F on protocol v3",),
    ports=Ports(
        serial=Serial((115200, 57600, 38400, 19200, 9600)), tcp=(5555,), vid_pids=VID_PIDS, names=NAMES
    ),
    codec=_Codec(),
    identify=identify,
    read_state=read,
    read_only_commands=COMMANDS,
    evidence=replace(
        EVIDENCE,
        open_questions=(
            *EVIDENCE.open_questions,
            "whether a device answers a repeated packet again or says that its task exists: both are taken",
        ),
    ),
    explain=explain,
)
