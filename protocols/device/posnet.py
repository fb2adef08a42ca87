"""Posnet text frames: Posnet fiscal printers, and Novitus in Posnet mode. Only read-only commands exist here."""

import re
from binascii import crc_hqx
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NoReturn

from protocols.device import capture
from protocols.device.exchange import Done, Exchange, Frame, Step, Wait, Write
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
from protocols.device.framed_overhear import of_frames
from protocols.device.profile import Profile
from protocols.errors import Garbled, NoReply, Rejected, Unexpected, UsageError
from protocols.status.model import DeviceState, Identity

STX, ETX, TAB = 0x02, 0x03, b"\t"
FIRST_TOKEN, LAST_TOKEN = 0x60, 0x7F
TRIES, WAIT_S, DEADLINE_S = 3, 0.5, 5.0
_LONGEST = 1024

COMMANDS = (
    Command("type and version", "sid", b"", When.IDENTIFY),
    Command("general status", "scomm", b"", When.IDENTIFY),
    Command("near-end sensor", "nearendsensorcfgget", b"", When.IDENTIFY),
    Command("device status", "!sdev", b"", When.POLL),
    Command("mechanism status", "!sprn", b"", When.POLL),
    Command("drawer status", "!sdrwr", b"", When.POLL),
    Command("fiscal memory status", "sfsk", b"", When.SLOW),
    Command("date and time", "rtcget", b"", When.SLOW),
    Command("transaction status", "strns", b"", When.SLOW),
    Command("counters", "scnt", b"", When.SLOW),
    Command("totalisers", "stot", b""),
)
_ALLOWED = {(command.code, command.data): command.name for command in COMMANDS}
_NAMES = {str(command.code): command.name for command in COMMANDS}


class _Codec:
    def first_sequence(self) -> int:
        return FIRST_TOKEN

    def next_sequence(self, sequence: int) -> int:
        return sequence + 1 if FIRST_TOKEN <= sequence < LAST_TOKEN else FIRST_TOKEN

    def encode(self, command: Command, sequence: int) -> bytes:
        command.must_be_listed(_ALLOWED)
        if not 0 <= sequence <= 9999:
            raise UsageError(f"token {sequence} is not within 0..9999")
        body = f"{command.code}\t@{sequence:04d}\t".encode("ascii")
        return b"\x02" + body + f"#{crc_hqx(body, 0):04X}".encode("ascii") + b"\x03"

    def exchange(self, command: Command, sequence: int) -> Exchange:
        return _Exchange(self.encode(command, sequence), sequence, str(command.code))

    def parse(self, raw: bytes, direction: Direction, request: bytes | None = None) -> Sequence[Reply]:
        return _LINE.replies(raw, direction, request)

    def parse_payload(
        self, payload: bytes, direction: Direction, request: bytes | None = None
    ) -> Sequence[Reply]:
        frame = _body(payload, direction)
        if request is None or direction is Direction.HOST_TO_DEVICE:
            return [Reply(frame)]
        return _LINE.paired([frame], [_body(request, Direction.HOST_TO_DEVICE)])


# The line


_CONTROL_BYTE = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_SUMMED = re.compile(rb"(.*)#([0-9A-Fa-f]{4})", re.DOTALL)


def _cut(raw: bytes, start: int) -> tuple[bytes, int] | None:
    """The body of the frame that starts at the 02h at `start` and its end; None while bytes are missing."""
    end = raw.find(ETX, start)
    if raw[start] != STX:
        raise Unparsed("frame.preamble", f"{raw[start]:02X}h where a frame should start")
    inside = raw[start + 1 : end if end >= 0 else len(raw)]
    if _CONTROL_BYTE.search(inside) or len(inside) > _LONGEST:
        raise Unparsed("frame.data", "a control byte in the frame, or the frame is too long")
    if end < 0:
        return None
    match = _SUMMED.fullmatch(inside)
    if not match:
        raise Unparsed("frame.markers", "# and four hex digits do not stand at the end")
    if crc_hqx(match[1], 0) != int(match[2], 16):
        raise Unparsed("frame.checksum", "the checksum does not fit")
    return match[1], end + 1


_HEAD = re.compile(rb"(!?[A-Za-z][A-Za-z0-9]{1,31})\t")
_TOKEN = re.compile(rb"(?:^|(?<=\t))@(\d{1,4})\t")
_FAILED = re.compile(rb"\?(-?\d{1,6})(?:\t|$)")


def _body(body: bytes, direction: Direction) -> Frame:
    """Command, token, error and parameters, each followed by TAB. Only an error may end without."""
    head = _HEAD.match(body)
    if not head:
        raise Unparsed("payload.command", "a frame starts with the name of a command and TAB")
    data = body[head.end() :]
    tokens = list(_TOKEN.finditer(data))
    if len(tokens) > 1:
        raise Unparsed("frame.token", "more than one token")
    if tokens:
        data = data[: tokens[0].start()] + data[tokens[0].end() :]
    failed = _FAILED.match(data) if direction is Direction.DEVICE_TO_HOST else None
    if failed:
        data = data[failed.end() :]
    if data and not data.endswith(TAB):
        raise Unparsed("frame.data", "TAB does not stand after the last parameter")
    return Frame(
        int(tokens[0][1]) if tokens else None,
        head[1].decode("ascii"),
        int(failed[1]) if failed else None,
        data,
    )


def _host_piece(raw: bytes, at: int) -> tuple[Frame, int] | None:
    found = _cut(raw, at)
    return found and (_body(found[0], Direction.HOST_TO_DEVICE), found[1])


def _device_piece(raw: bytes, at: int) -> tuple[Frame, int] | None:
    found = _cut(raw, at)
    return found and (_body(found[0], Direction.DEVICE_TO_HOST), found[1])


def _answers(frame: Frame, request: Frame) -> bool:
    """ERR names the command in cm, where it knew it; a read-only answer without anything is our echo."""
    if frame.sequence != request.sequence:
        return False
    if frame.command == "ERR":
        named = _params(frame).get("cm")
        return frame.error is not None and named in (None, request.command)
    echo = not frame.data and frame.error is None and request.command in _NAMES
    return frame.command == request.command and not echo


_LINE = capture.Line(_host_piece, _device_piece, _answers, "token")


class _Exchange:
    """The answer with our token and command, or an error with our token."""

    deadline_s = DEADLINE_S

    def __init__(self, request: bytes, token: int, command: str) -> None:
        self._request = request
        self._asked = Frame(token, command)
        self._buffer = b""
        self._seen = b""
        self._tries = 0
        self._said: set[str] = set()

    def start(self) -> Step:
        if self._tries >= TRIES:
            self._fail()
        self._tries += 1
        return Write(self._request, WAIT_S)

    def receive(self, data: bytes) -> Step:
        for at in range(0, len(data), _LONGEST):
            piece = data[at : at + _LONGEST]
            seen = self._seen + piece
            if self._request in seen:
                self._said.add("echo")
            self._seen = seen[-len(self._request) :]
            self._buffer += piece
            done = self._scan()
            if done:
                return done
        return Wait(WAIT_S)

    def silence(self) -> Step:
        """A false 02h in noise may hide the answer behind it."""
        while self._buffer:
            self._said.add("noise")
            self._buffer = self._buffer[1:]
            done = self._scan()
            if done:
                return done
        return self.start()

    def expire(self) -> Step:
        self._fail()

    def _scan(self) -> Done | None:
        while self._buffer:
            try:
                found = _cut(self._buffer, 0)
                if found is None:
                    return None
                frame = _body(found[0], Direction.DEVICE_TO_HOST)
            except Unparsed:
                self._said.add("noise")
                self._buffer = self._buffer[1:]
                continue
            self._buffer = self._buffer[found[1] :]
            if _answers(frame, self._asked):
                return self._done(frame)
            self._said.add("stale")
        return None

    def _done(self, frame: Frame) -> Done:
        if frame.error is not None:
            raise Rejected(
                f"the device refuses {self._asked.command}: error {frame.error}",
                maker_code=str(frame.error),
            )
        return Done(frame)

    def _fail(self) -> NoReturn:
        if "echo" in self._said:
            raise Unexpected("the port sends back what is written to it", code="device.echo")
        if "stale" in self._said:
            raise Garbled("only answers to other requests came", code="device.stale_reply")
        if "noise" in self._said:
            raise Garbled("bytes came, but no valid frame")
        raise NoReply("the device does not answer")


# What the replies say


def _params(frame: Frame) -> dict[str, str]:
    """Two letters, then the value. The first of two equal names holds."""
    found: dict[str, str] = {}
    for field in frame.data.decode("cp1250", errors="replace").split("\t"):
        if len(field) >= 2:
            found.setdefault(field[:2], field[2:].strip())
    return found


def identify(replies: Sequence[Reply]) -> Identity:
    """sid. Unexpected where it names no type and version."""
    found = Identity()
    for reply in replies:
        params = _params(reply.frame)
        if reply.frame.command == "sid" and reply.frame.data:
            name, version = params.get("nm", ""), params.get("vr", "")
            if not name or not version:
                raise Unexpected(f"{reply.frame.data!r} is not the identification of a Posnet printer")
            maker = "Posnet" if "POSNET" in name.upper() else ""
            found = found.updated(Identity(maker=maker, model=name, firmware=version))
        elif reply.frame.command in ("scomm", "sfsk", "scnt"):
            found = found.updated(Identity(serial=params.get("nu", "")))
    return found


_FLAG = {"T": True, "Y": True, "1": True, "N": False, "F": False, "0": False}
_MECHANISM: Mapping[str, tuple[str, str | None]] = {
    "0": ("no error", None),
    "1": ("lever is up or cover is open", "cover_open"),
    "2": ("no access to the mechanism", "mechanism_error"),
    "3": ("cover is open", "cover_open"),
    "5": ("no paper", "paper_end"),
    "6": ("wrong temperature or supply", "mechanism_error"),
    "7": ("short loss of power", "power_supply_fault"),
    "8": ("cutter error", "cutter_error"),
    "9": ("power supply error", "power_supply_fault"),
    "10": ("cover was opened while cutting", "cover_open"),
}
"""pr. One number tells one thing: what it does not tell stays unknown, but 0 tells that all is well."""


def capabilities(reply: Reply) -> int | None:
    """Bit 0: there is a near-end sensor, and it is switched on (POT-I-DEV-37, nearendsensorcfgget, note 2)."""
    if reply.frame.command != "nearendsensorcfgget" or reply.frame.error is not None:
        return None
    has = _FLAG.get(_params(reply.frame).get("en", ""))
    return None if has is None else int(has)


def read_state(replies: Sequence[Reply], profile: Profile) -> DeviceState:
    """A printer without a near-end sensor says that the roll is full: that is no answer."""
    state = DeviceState()
    for reply in replies:
        state = state.updated(DeviceState(online=True))
        read = _READERS.get(str(reply.frame.command).removeprefix("!"))
        if read and reply.frame.error is None and reply.frame.data:
            state = state.updated(read(_params(reply.frame)))
    return replace(state, paper_near_end=None) if profile.sensors == 0 else state


def _device(params: Mapping[str, str]) -> DeviceState:
    empty = _FLAG.get(params.get("qe", ""))
    busy = None if empty is None else not empty
    return DeviceState(paper_near_end=_FLAG.get(params.get("pe", "")), busy=busy)


def _mechanism(params: Mapping[str, str]) -> DeviceState:
    code = params.get("pr", "")
    if code == "0":
        return DeviceState().with_flags({flag: False for _, flag in _MECHANISM.values() if flag})
    flag = _MECHANISM.get(code, ("", None))[1]
    return DeviceState().with_flags({flag: True}) if flag else DeviceState()


def _general(params: Mapping[str, str]) -> DeviceState:
    zero = _FLAG.get(params.get("tz", ""))
    kind = params.get("ts", "")
    return DeviceState(
        fiscalised=_FLAG.get(params.get("fs", "")),
        day_open=None if zero is None else not zero,
        receipt_open=kind != "0" if kind.isascii() and kind.isdigit() else None,
        fiscal_memory_readonly=_FLAG.get(params.get("td", "")),
    )


def _fiscal(params: Mapping[str, str]) -> DeviceState:
    """Outside the fiscal mode the numbers are constants (POT-I-DEV-37, sfsk, note 2)."""
    fiscal = _FLAG.get(params.get("fs", ""))
    if not fiscal:
        return DeviceState(fiscalised=fiscal)
    number = params.get("rd", "")
    whole = int(number) if number.isascii() and number.isdigit() and len(number) < 9 else None
    return DeviceState(fiscalised=True, last_z_number=whole, last_z_time=_when(params, "rw"))


def _when(params: Mapping[str, str], name: str) -> datetime | None:
    """tm has seconds and a zone, the other no seconds; both are the device's own wall clock."""
    for text, form in (
        (params.get("tm", "")[:19], "%Y-%m-%dT%H:%M:%S"),
        (params.get(name, ""), "%Y-%m-%d;%H:%M"),
    ):
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - wall clock of the device
        except ValueError:
            continue
    return None


_READERS: Mapping[str, Callable[[Mapping[str, str]], DeviceState]] = {
    "sdev": _device,
    "sprn": _mechanism,
    "sdrwr": lambda params: DeviceState(drawer_open={"0": True, "1": False}.get(params.get("ds", ""))),
    "scomm": _general,
    "sfsk": _fiscal,
    "rtcget": lambda params: DeviceState(device_time=_when(params, "da")),
    "strns": lambda params: DeviceState(receipt_open=True if params.get("to") == "1" else None),
}


_COUNTERS: Mapping[tuple[str, str], str] = {("scnt", "hn"): "documents", ("sfsk", "cl"): "ram_resets"}
"""hn: number of the last header, and each printed document has one; cl: times that the memory was cleared, constant
outside the fiscal mode (POT-I-DEV-37, scnt and sfsk)."""


def counters(replies: Sequence[Reply]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for reply in replies:
        params = _params(reply.frame)
        if reply.frame.error is not None or params.get("fs") == "N":
            continue
        for (command, param), name in _COUNTERS.items():
            value = params.get(param, "")
            if reply.frame.command == command and value.isascii() and value.isdigit() and len(value) < 12:
                found[name] = int(value)
    return found


def explain(reply: Reply, profile: Profile) -> str:  # noqa: ARG001 - no status bits here
    frame = reply.frame
    if frame.error is not None:
        return f"The device refuses the command: error {frame.error}."
    name = _NAMES.get(str(frame.command), "a command that Plomba never sends")
    params = _params(frame)
    if frame.command in ("!sprn", "sprn") and params:
        return (
            f"Command {frame.command}: {name}: {_MECHANISM.get(params.get('pr', ''), ('unknown', None))[0]}."
        )
    said = f', "{"; ".join(key + "=" + value for key, value in params.items())}"' if params else ""
    return f"Command {frame.command}: {name}{said}."


_CODEC = _Codec()
FAMILY = Family(
    name="posnet",
    models=("Posnet Thermal, Trio, Temo and others on the Posnet protocol", "Novitus in Posnet mode"),
    ports=Ports(
        serial=Serial((9600, 115200, 57600, 38400, 19200)),
        vid_pids=((0x1424, 0x100B),),
        names=("posnet", "novitus"),
    ),
    codec=_CODEC,
    identify=identify,
    read_state=read_state,
    read_only_commands=COMMANDS,
    evidence=Evidence(
        Known.MANUAL,
        "2026-11-23",
        ("Posnet POT-I-DEV-37 protocol specification",),
        (
            "older firmware does not tell whether it has a near-end sensor; without one it says for ever that the roll "
            "is full",
            "the factory number is another one than the identification number that is read, and is not asked",
            "which error codes tell of the device rather than of the command",
            "code page of other countries than Poland",
        ),
    ),
    explain=explain,
    counters=counters,
    capabilities=capabilities,
    overhear=of_frames(_CODEC, "opendrwr", ETX),
)
