"""Explains captured bytes of any family: frames, state, identity, faults and a text. It reads no file;
profiles are handed in. What cannot be explained is an answer too, with a code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from protocols.device.exchange import Frame
from protocols.device.family import Direction, Family, Reply, Unparsed
from protocols.device.profile import Profile, Profiles
from protocols.device.registry import FAMILIES
from protocols.errors import DeviceError
from protocols.status.faults import fault, present
from protocols.status.model import DeviceState, Identity

LIMIT_BYTES = 65536
"""The longest capture that one question may hold."""

UNKNOWN, NOBODY = DeviceState(), Identity()
_LEVELS = ("frame", "payload")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    family: str
    raw: bytes
    direction: Direction = Direction.DEVICE_TO_HOST
    level: str = "frame"
    model: str | None = None
    request: bytes | None = None
    capabilities: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`error` is None where `ok`; without `ok` the state is unknown in every field."""

    ok: bool
    error: str | None = None
    frames: tuple[Frame, ...] = ()
    state: DeviceState = UNKNOWN
    identity: Identity = NOBODY
    text: str = ""

    def as_json(self, identifier: object = None) -> dict[str, object]:
        return {
            "id": identifier,
            "ok": self.ok,
            "error": self.error,
            "frames": [_frame(frame) for frame in self.frames],
            "state": {name: _plain(value) for name, value in self.state.as_dict().items()},
            "identity": {name: value for name, value in self.identity.as_dict().items() if value},
            "faults": present(self.state),
            "text": self.text,
        }


class BadQuestion(Exception):
    """`code` is a dotted string. It never leaves this module but through `question`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def decode(question: Question, profiles: Mapping[str, Profiles]) -> Answer:
    """Never raises for any bytes."""
    family = FAMILIES.get(question.family)
    if family is None:
        return _refusal("decode.family_unknown", f"known families: {', '.join(FAMILIES)}")
    try:
        replies = _parse(family, question, question.raw, question.direction, question.request)
        mask = _mask(family, question)
    except Unparsed as e:
        return Answer(ok=False, error=e.code, frames=e.frames, text=f"Not understood: {e}.")
    frames = tuple(reply.frame for reply in replies)
    if question.direction is Direction.HOST_TO_DEVICE:
        words = [family.explain(reply, profiles[family.name].common) for reply in replies]
        return Answer(ok=True, frames=frames, text=" ".join(words))
    identity = _identity(family, replies)
    profile = _profile(profiles[family.name], question, identity).with_sensors(mask)
    state = family.read_state(replies, profile)
    text = _text(family, replies, profile, state)
    return Answer(ok=True, frames=frames, state=state, identity=identity, text=text)


def question(given: object) -> Question:
    """The question of one JSON object. BadQuestion says what is wrong with it."""
    if not isinstance(given, dict):
        raise BadQuestion("decode.not_an_object", "a line holds one JSON object")
    if "id" not in given:
        raise BadQuestion("decode.key_missing", "the key id is missing")
    values = {key: _value(given, key, required=True) for key in ("family", "direction", "level", "hex")}
    extra = {key: _value(given, key, required=False) for key in ("model", "capabilities", "request")}
    if values["family"] not in FAMILIES:
        raise BadQuestion("decode.family_unknown", f"known families: {', '.join(FAMILIES)}")
    if values["direction"] not in list(Direction):
        raise BadQuestion("decode.direction_unknown", f"known directions: {', '.join(Direction)}")
    if values["level"] not in _LEVELS:
        raise BadQuestion("decode.level_unknown", f"known levels: {', '.join(_LEVELS)}")
    return Question(
        family=str(values["family"]),
        raw=from_hex(str(values["hex"]), "hex"),
        direction=Direction(str(values["direction"])),
        level=str(values["level"]),
        model=extra["model"],
        request=_maybe_hex(extra["request"], "request"),
        capabilities=_maybe_hex(extra["capabilities"], "capabilities"),
    )


def from_hex(text: str, key: str) -> bytes:
    """Pairs of hex digits, blanks between them allowed. BadQuestion for anything else and for too much."""
    if len(text) > 3 * LIMIT_BYTES:
        raise BadQuestion("decode.too_large", f"{key} holds more than {LIMIT_BYTES} bytes")
    try:
        raw = bytes.fromhex(text)
    except ValueError as e:
        raise BadQuestion("decode.hex", f"{key} is not hexadecimal") from e
    if len(raw) > LIMIT_BYTES:
        raise BadQuestion("decode.too_large", f"{key} holds more than {LIMIT_BYTES} bytes")
    return raw


def refusal(error: BadQuestion) -> Answer:
    return _refusal(error.code, str(error))


def _refusal(code: str, why: str) -> Answer:
    return Answer(ok=False, error=code, text=f"Not understood: {why}.")


def _value(given: Mapping[object, object], key: str, *, required: bool) -> str | None:
    value = given.get(key)
    if value is None and required:
        raise BadQuestion("decode.key_missing", f"the key {key} is missing")
    if value is not None and not isinstance(value, str):
        raise BadQuestion("decode.key_type", f"the value of {key} is not a string")
    return value


def _maybe_hex(text: str | None, key: str) -> bytes | None:
    return None if text is None else from_hex(text, key)


def _parse(
    family: Family, question: Question, raw: bytes, direction: Direction, request: bytes | None
) -> Sequence[Reply]:
    parse = family.codec.parse if question.level == "frame" else family.codec.parse_payload
    return parse(raw, direction, request)


def _mask(family: Family, question: Question) -> int | None:
    """The sensor mask; a family without one pays no heed to `capabilities`."""
    if question.capabilities is None or family.capabilities is None:
        return None
    try:
        replies = _parse(family, question, question.capabilities, Direction.DEVICE_TO_HOST, None)
    except Unparsed as e:
        raise Unparsed("capabilities.invalid", f"the capabilities are no valid answer: {e}") from e
    return next((mask for mask in map(family.capabilities, replies) if mask is not None), None)


def _identity(family: Family, replies: Sequence[Reply]) -> Identity:
    try:
        return family.identify(replies)
    except DeviceError:
        return Identity()


def _profile(profiles: Profiles, question: Question, identity: Identity) -> Profile:
    """The model that the question names, else the one that the bytes themselves name."""
    return profiles.choose(question.model or identity.model, None if question.model else identity.maker)


def _text(family: Family, replies: Sequence[Reply], profile: Profile, state: DeviceState) -> str:
    words = [family.explain(reply, profile) for reply in replies]
    faults = [fault(code).en for code in present(state)]
    if faults:
        words.append(f"Faults: {'; '.join(faults)}.")
    if not profile.known and any(reply.frame.status for reply in replies):
        words.append("Profile unknown: only what is common to all models of the family is read.")
    return " ".join(words)


def _frame(frame: Frame) -> dict[str, object]:
    return {
        "seq": frame.sequence,
        "cmd": frame.command,
        "error": frame.error,
        "data": frame.data.hex(),
        "status": frame.status.hex(),
    }


def _plain(value: bool | int | float | datetime | None) -> bool | int | float | str | None:
    return value.isoformat() if isinstance(value, datetime) else value
