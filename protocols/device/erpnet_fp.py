"""A fiscal printer that a neighbour program has: ErpNet.FP tells its state over HTTP, and the port stays the
neighbour's. What it says in standard codes is read; its words are only shown."""

import json
from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from protocols.device.exchange import Exchange, Frame
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
from protocols.device.message import MessageCodec, MessageExchange, fitting
from protocols.device.profile import Profile
from protocols.errors import Busy, Garbled, NoReply
from protocols.status.model import DeviceState, Identity

PRINTER = Command("printer", "printer", b"", When.IDENTIFY)
DRIVER = Command("driver of the printer", "printer", b"", When.POLL)
"""The same question, which costs the printer nothing: the driver says what a code that is not there means."""
STATUS = Command("status", "status", b"", When.POLL)
WAIT_S = 2.5
"""The neighbour asks the printer before it answers."""

FLAGS: Mapping[str, tuple[str, bool]] = {
    "E102": ("battery_low", True), "E103": ("clock_set", False), "E104": ("ram_reset", True),
    "E201": ("fiscal_memory_full", True), "E202": ("fiscal_memory_error", True),
    "E203": ("fiscal_memory_error", True), "E204": ("fiscal_memory_readonly", True),
    "E205": ("fiscal_memory_missing", True), "E206": ("journal_full", True),
    "E301": ("paper_end", True), "E302": ("cover_open", True), "E303": ("mechanism_error", True),
    "E304": ("head_overheat", True), "E306": ("cutter_error", True), "E502": ("day_over_24h", True),
    "E501": ("tax_link_fault", True), "E503": ("tax_link_fault", True), "E504": ("tax_link_fault", True),
    "E505": ("tax_link_fault", True), "E506": ("tax_link_fault", True), "E507": ("tax_link_fault", True),
    "E508": ("tax_link_fault", True), "E509": ("tax_link_fault", True), "E599": ("tax_link_fault", True),
    "W201": ("fiscal_memory_near_full", True), "W202": ("journal_near_full", True),
    "W301": ("paper_near_end", True),
}  # fmt: skip
"""Codes of ErpNet.FP's ErrorCodes.md that one flag says. Not among them: E299, which its drivers also send for a
memory that is full or locked, and all that is about a command."""

DRIVERS: Mapping[str, str] = {
    "bg.dt.p.isl": "E102 E103 E104 E201 E202 E203 E204 E206 E301 E302 E303 E304 E599 W201 W202 W301",
    "bg.dt.c.isl": "E103 E201 E202 E206 E301 E302 E304 E599 W201 W202",
    "bg.dt.x.isl": "E103 E201 E203 E205 E206 E301 E302 E303 W201 W202 W301",
    "bg.dy.isl": "E103 E104 E201 E202 E203 E206 E301 E303 E306 W201 W202 W301",
    "bg.ed.isl": "E102 E103 E104 E201 E202 E203 E204 E206 E301 E302 E303 E599 W201 W202 W301",
    "bg.in.isl": "E103 E104 E201 E202 E203 E204 E301 W201",
    "bg.is.icp": "E202 E206 E301 E302 W201",
    "bg.zk.zfp": "",
    "bg.zk.v2.zfp": "",
}
"""What each driver (first part of the printer's uri) reads from status bits at every status question, so that a
code that is not there is a bit that is not set: from the drivers' own tables, ErpNet.FP of 2026-07-15. E201 of
bg.is.icp, and E301 of the zfp drivers, stand for other things too; the zfp drivers read no status bits for this
question."""

_SILENT = {"E101": NoReply, "E107": Garbled, "E108": Busy}
_NOT_THE_PRINTERS = {*_SILENT, "E999"}
_NO_TIME = 1
"""Year of a time that was not read."""


@dataclass(frozen=True, slots=True)
class _Message:
    kind: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class _Body:
    """One answer; `messages` is None in that about the printer, `fields` holds the texts of either."""

    fields: Mapping[str, str] = field(default_factory=dict)
    messages: tuple[_Message, ...] | None = None

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(message.code for message in self.messages or ())


def _body(raw: bytes) -> _Body:
    """Unparsed where it is neither answer."""
    try:
        found = json.loads(raw.removeprefix(BOM_UTF8).decode())
    except (ValueError, RecursionError) as e:
        raise Unparsed("frame.json", "this is not JSON") from e
    if not isinstance(found, dict):
        raise Unparsed("frame.shape", "an answer is one JSON object")
    fields = {str(name): value for name, value in found.items() if isinstance(value, str)}
    ok = found.get("ok")
    if "messages" in found and (isinstance(ok, bool) or ok in ("true", "false")):
        return _Body(fields, _messages(found["messages"]))
    if "serialNumber" in fields and "uri" in fields:
        return _Body(fields)
    raise Unparsed("frame.shape", "this is neither a status nor a printer of ErpNet.FP")


def _messages(given: object) -> tuple[_Message, ...]:
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise Unparsed("frame.shape", "messages is a list of objects")
    return tuple(
        _Message(str(one.get("type") or ""), str(one.get("code") or ""), str(one.get("text") or ""))
        for one in given
    )


def _read(raw: bytes) -> Frame:
    return _frame(raw, _body(raw))


def _frame(raw: bytes, body: _Body) -> Frame:
    return Frame(None, PRINTER.code if body.messages is None else STATUS.code, data=raw)


class _Codec(MessageCodec):
    def exchange(self, command: Command, sequence: int) -> Exchange:
        """What the neighbour says of a printer that does not answer it is what we would have found."""
        asked = command.request()

        def read(raw: bytes) -> Frame:
            body = _body(raw)
            answer = fitting(_frame(raw, body), asked)
            _must_answer(body)
            return answer

        return MessageExchange(self.encode(command, sequence), read, WAIT_S)


def _must_answer(body: _Body) -> None:
    for message in body.messages or ():
        if error := _SILENT.get(message.code):
            raise error(
                f"the neighbour says: {message.code} {message.text[:120]}".rstrip(), maker_code=message.code
            )


def _bodies(replies: Sequence[Reply]) -> list[_Body]:
    return [_body(reply.frame.data) for reply in replies if reply.frame.data]


_IDENTITY = {
    "manufacturer": "maker", "model": "model", "firmwareVersion": "firmware", "serialNumber": "serial",
    "fiscalMemorySerialNumber": "fiscal_memory_number", "taxIdentificationNumber": "tax_number",
}  # fmt: skip


def identify(replies: Sequence[Reply]) -> Identity:
    """As the neighbour read it when it found the printer."""
    found = Identity()
    for body in _bodies(replies):
        if body.messages is None:
            known = {ours: body.fields.get(theirs, "").strip() for theirs, ours in _IDENTITY.items()}
            found = found.updated(Identity(**known))
    return found


def read_state(replies: Sequence[Reply], profile: Profile) -> DeviceState:  # noqa: ARG001 - the driver decides
    """A code that is there is believed, unless the driver sends it for other things too; one that is not there
    means something only where the driver is known to look for it."""
    bodies = _bodies(replies)
    drivers = [_driver(body) for body in bodies if body.messages is None]
    looked = DRIVERS.get(drivers[-1]) if drivers else None
    state = DeviceState()
    for body in bodies:
        if body.messages is None:
            state = state.updated(_tax_number(body))
        elif not body.codes & _NOT_THE_PRINTERS:
            state = state.updated(_state(body, None if looked is None else frozenset(looked.split())))
    return state


def _driver(body: _Body) -> str:
    """bg.dt.p.isl.com://COM15 -> bg.dt.p.isl; the last word is the way to the printer."""
    return body.fields["uri"].partition("://")[0].rpartition(".")[0]


def _tax_number(body: _Body) -> DeviceState:
    """An empty one is not set, or was not read."""
    return DeviceState(tax_number_set=bool(body.fields.get("taxIdentificationNumber", "").strip()) or None)


def _state(body: _Body, looked: frozenset[str] | None) -> DeviceState:
    flags: dict[str, bool] = {}
    for code in sorted(FLAGS.keys() & (FLAGS.keys() if looked is None else looked)):
        flag, value = FLAGS[code]
        if code in body.codes:
            flags[flag] = value
        elif looked is not None:
            flags.setdefault(flag, not value)
    return DeviceState(device_time=_time(body.fields.get("deviceDateTime", ""))).with_flags(flags)


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None
    return found if found.year > _NO_TIME else None


def explain(reply: Reply, profile: Profile) -> str:  # noqa: ARG001 - the driver decides
    if not reply.frame.data:
        return f"The neighbour is asked: {reply.frame.command}."
    body = _body(reply.frame.data)
    if body.messages is None:
        maker, model = body.fields.get("manufacturer", "?"), body.fields.get("model", "?")
        return f"The neighbour has {maker} {model} at {body.fields['uri']}."
    said = [" ".join(filter(None, (m.code, m.text))) + _doubt(m) for m in body.messages]
    return f"The neighbour says: {'; '.join(said) or 'nothing to report'}."


def _doubt(message: _Message) -> str:
    known = not message.code or message.code in FLAGS or message.code in _SILENT
    return "" if known else " (this code stands for no one condition)"


FAMILY = Family(
    name="erpnet_fp",
    models=("any fiscal printer that ErpNet.FP has",),
    ports=Ports(messages=(Way.HTTP,)),
    codec=_Codec({PRINTER: b".", STATUS: b"status"}, _read, WAIT_S),
    identify=identify,
    read_state=read_state,
    read_only_commands=(PRINTER, STATUS, DRIVER),
    evidence=Evidence(
        Known.MANUAL,
        "2026-11-25",
        (
            "ErpNet.FP, PROTOCOL.md and ErrorCodes.md",
            "ErpNet.FP source of 2026-07-15: drivers' status tables",
        ),
        (
            "how long it takes to say that a printer is off",
            "the drivers of Tremol read no status bits for the status question: such a printer is mostly unknown",
        ),
    ),
    explain=explain,
)
