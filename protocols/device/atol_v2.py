"""ATOL printers on protocol v2: each side asks for the line with ENQ, sends one masked frame and gives the line back
with EOT. Only read-only commands exist here. Source: atol4j, transport v2."""

from collections.abc import Sequence
from dataclasses import replace

from protocols.device.atol_dialogue import CONTROL, AtolV2Exchange, cut, pack
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

_WORDS = {
    "ENQ": "Asks for the line.",
    "ACK": "Understood; the other side may go on.",
    "NAK": "Not understood, or busy; the other side is to send again.",
    "EOT": "Gives the line back.",
}


class _Codec:
    def first_sequence(self) -> int:
        return 0

    def next_sequence(self, sequence: int) -> int:  # noqa: ARG002 - the line has no sequence numbers
        return 0

    def encode(self, command: Command, sequence: int) -> bytes:  # noqa: ARG002 - the line has no sequence numbers
        return pack(request_bytes(command))

    def exchange(self, command: Command, sequence: int) -> Exchange:
        return AtolV2Exchange(self.encode(command, sequence), command.request())

    def parse(self, raw: bytes, direction: Direction, request: bytes | None = None) -> Sequence[Reply]:
        pieces = _pieces(raw)
        if direction is Direction.HOST_TO_DEVICE:
            return [Reply(_asked(piece)) for piece in pieces]
        if request is None:
            return [Reply(_answered(piece)) for piece in pieces]
        return _paired(pieces, _requests(request))

    def parse_payload(
        self, payload: bytes, direction: Direction, request: bytes | None = None
    ) -> Sequence[Reply]:
        if direction is Direction.HOST_TO_DEVICE:
            return [Reply(request_of(payload))]
        if request is None:
            return [Reply(answer_of(payload))]
        try:
            asked = request_of(request)
        except Unparsed as e:
            raise Unparsed("request.invalid", f"the request is no valid payload: {e}") from e
        return _paired([payload], [asked])


def _pieces(raw: bytes) -> list[bytes | str]:
    """What each frame holds, and the control bytes by name."""
    found: list[bytes | str] = []
    at = 0
    while at < len(raw):
        if raw[at] in CONTROL:
            found.append(CONTROL[raw[at]])
            at += 1
            continue
        one = cut(raw, at)
        if one is None:
            raise Unparsed("frame.truncated", "the frame is not complete")
        data, at = one
        found.append(data)
    if not found:
        raise Unparsed("frame.empty", "there are no bytes")
    return found


def _asked(piece: bytes | str) -> Frame:
    return Frame(None, piece) if isinstance(piece, str) else request_of(piece)


def _answered(piece: bytes | str, request: Frame | None = None) -> Frame:
    return Frame(None, piece) if isinstance(piece, str) else answer_of(piece, request)


def _requests(raw: bytes) -> list[Frame]:
    try:
        return [_asked(piece) for piece in _pieces(raw)]
    except Unparsed as e:
        raise Unparsed("request.invalid", f"the request is no valid frame: {e}") from e


def _paired(pieces: Sequence[bytes | str], requests: Sequence[Frame]) -> list[Reply]:
    """Each answer with the question before it, in order; after NAK a device sends the same answer again."""
    questions = [request for request in requests if isinstance(request.command, int)]
    replies: list[Reply] = []
    at = 0
    for piece in pieces:
        if isinstance(piece, str):
            replies.append(Reply(Frame(None, piece), requests[0]))
            continue
        here = [i for i in range(at, len(questions)) if fits(_answered(piece, questions[i]), questions[i])]
        if not here:
            raise Unparsed("reply.mismatch", "the form is not that of an answer to this command")
        at = here[0]
        replies.append(Reply(_answered(piece, questions[at]), questions[at]))
    return replies


def explain(reply: Reply, profile: Profile) -> str:
    frame = reply.frame
    if isinstance(frame.command, str):
        return _WORDS[frame.command]
    if reply.request is None and frame.error is None and frame.command not in (0x44, 0x55, 0):
        return explain_request(frame)
    return explain_answer(reply, profile)


FAMILY = Family(
    name="atol_v2",
    models=(
        "ATOL and FPrint printers on protocol v2: FPrint-5200K, FPrint-02K, FPrint-03K, FPrint-88K, FPrint-11",
    ),
    ports=Ports(
        serial=Serial((115200, 57600, 38400, 19200, 9600, 4800)), tcp=(5555,), vid_pids=VID_PIDS, names=NAMES
    ),
    codec=_Codec(),
    identify=identify,
    read_state=read_state,
    read_only_commands=COMMANDS,
    evidence=replace(
        EVIDENCE,
        open_questions=(
            *EVIDENCE.open_questions,
            "the checksum is an exclusive or: two bytes that changed places on the line pass it unseen",
        ),
    ),
    explain=explain,
    unmarked_answers=True,
)
