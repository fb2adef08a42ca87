"""`plomba-agent decode`: explains captured bytes to a person, or JSON lines to a machine. It opens no
port."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from agent.devices import profile_store
from protocols.device.decode import (
    LIMIT_BYTES,
    Answer,
    BadQuestion,
    Question,
    decode,
    from_hex,
    question,
    refusal,
)
from protocols.device.family import Direction
from protocols.device.profile import Profiles
from protocols.device.registry import FAMILIES

NAME = "decode"
HELP = "explain captured bytes of a device"
LINE_BYTES = 16 * LIMIT_BYTES


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("hex", nargs="*", help="captured bytes, such as 01 24 20 3E 05 30 30 38 37 03")
    parser.add_argument("--batch", action="store_true", help="read JSON lines, answer one line each")
    parser.add_argument("--family", choices=sorted(FAMILIES))
    parser.add_argument("--model", help="as the device calls itself; decides what its status bits mean")
    parser.add_argument("--direction", choices=list(Direction), default=Direction.DEVICE_TO_HOST)
    parser.add_argument("--level", choices=("frame", "payload"), default="frame")
    parser.add_argument("--request", metavar="HEX", help="the bytes that these bytes answer")
    parser.add_argument("--capabilities", metavar="HEX", help="the reply that tells the sensors of the model")
    parser.add_argument("--profiles", metavar="FOLDER", type=Path, help="a folder with profiles of your own")
    parser.add_argument("--json", action="store_true", help="answer in JSON")


def run(args: Namespace) -> int:
    profiles = profile_store.load(args.profiles)
    if args.batch:
        _batch(sys.stdin.buffer, profiles)
        return 0
    if not args.family or not args.hex:
        print("decode: give --family and the bytes in hexadecimal, or --batch", file=sys.stderr)
        return 2
    try:
        asked = _asked(args)
    except BadQuestion as e:
        print(f"decode: {e}", file=sys.stderr)
        return 2
    answer = decode(asked, profiles)
    print(json.dumps(answer.as_json()) if args.json else _words(answer))
    return 0 if answer.ok else 1


def _asked(args: Namespace) -> Question:
    return Question(
        family=args.family,
        raw=from_hex(" ".join(args.hex), "hex"),
        direction=Direction(args.direction),
        level=args.level,
        model=args.model,
        request=from_hex(args.request, "--request") if args.request else None,
        capabilities=from_hex(args.capabilities, "--capabilities") if args.capabilities else None,
    )


def _batch(source: BinaryIO, profiles: Mapping[str, Profiles]) -> None:
    for line in _lines(source):
        try:
            answer = answer_line(line, profiles)
        except Exception as e:  # noqa: BLE001 - one line that meets a bug of ours must not cost the other answers
            answer = Answer(ok=False, error="decode.internal", text=repr(e)).as_json()
        print(json.dumps(answer), flush=True)


def _lines(source: BinaryIO) -> Iterator[bytes | None]:
    """The lines; None for one that is too long to be kept."""
    while line := source.readline(LINE_BYTES):
        whole, rest = line.endswith(b"\n") or len(line) < LINE_BYTES, line
        while rest and not rest.endswith(b"\n"):
            rest = source.readline(LINE_BYTES)
        yield line if whole else None


def answer_line(line: bytes | None, profiles: Mapping[str, Profiles]) -> dict[str, object]:
    """One answer for one line, whatever it holds."""
    identifier: object = None
    try:
        given = _json(line)
        identifier = _identifier(given)
        return decode(question(given), profiles).as_json(identifier)
    except BadQuestion as e:
        return refusal(e).as_json(identifier)


def _json(line: bytes | None) -> object:
    if line is None:
        raise BadQuestion("decode.too_large", f"the line is longer than {LINE_BYTES} bytes")
    try:
        return json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError) as e:
        raise BadQuestion("decode.json", "the line is not JSON") from e


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _identifier(given: object) -> object:
    """The id as it came, of any kind; None for one that JSON cannot say again, such as 1e999."""
    found = given.get("id") if isinstance(given, dict) else None
    try:
        json.dumps([[found]], allow_nan=False)  # deeper than in the answer
    except (ValueError, RecursionError):
        return None
    return found


def _words(answer: Answer) -> str:
    """For a person: the text, then what is known of the state and the identity."""
    lines = [answer.text]
    shown = answer.as_json()
    for title in ("identity", "state"):
        values = shown[title]
        known = values.items() if isinstance(values, dict) else ()
        lines += [f"  {title}.{name}: {_word(value)}" for name, value in known if value is not None]
    if answer.error:
        lines.append(f"  error: {answer.error}")
    return "\n".join(lines)


def _word(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
