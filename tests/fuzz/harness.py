"""Bytes of any kind against one family: an exchange, both parsers, and the decoder that people use. Whatever
comes, only a DeviceError may leave an exchange, only Unparsed a parser, and nothing the decoder. One entry for
random bytes, for atheris and for the inputs that were found once."""

import json
from collections.abc import Iterator
from pathlib import Path

from protocols.device.decode import Question, decode
from protocols.device.exchange import Done, Write
from protocols.device.family import Direction, Reply, Unparsed
from protocols.errors import DeviceError
from tests.contract.families import PROFILES, Case
from tests.fuzz.take import Take, takes

FOUND = Path(__file__).with_name("found.json")
"""Inputs that once made a family raise: [{"family", "hex", "why"}]."""
STEPS = 64


class Harness:
    """`feed` takes any bytes. The first one chooses the command and how the rest is cut; so a found input says
    all that is needed to meet it again."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.family = case.family
        self._takes = takes(case)
        self.done = 0

    def feed(self, data: bytes) -> None:
        if not data:
            return
        take, rest = self._takes[data[0] % len(self._takes)], data[1:]
        self.exchanged(take, iter([rest]) if data[0] & 32 else _pieces(rest))
        self.parsed(take, rest)
        self.decoded(take, data[0], rest)

    def exchanged(self, take: Take, pieces: Iterator[bytes]) -> None:
        """What is fed stands in the place of the answer; the device answers what comes before it. A piece
        may be empty, which is silence."""
        exchange = self.family.codec.exchange(take.command, take.sequence)
        count = 0
        try:
            step = exchange.start()
            for _ in range(STEPS):
                if isinstance(step, Done):
                    self._told(take, step)
                    return
                true = isinstance(step, Write) and count < take.at
                piece = take.answers[count] if true else next(pieces, None)
                count += true
                step = exchange.receive(piece) if piece else exchange.silence()
            exchange.expire()
        except DeviceError:
            return

    def _told(self, take: Take, done: Done) -> None:
        """An answer is read as the poller reads it."""
        self.done += 1
        reply = Reply(done.frame, take.reply.request)
        profile = self.case.profiles.known[0] if self.case.profiles.known else self.case.profiles.common
        self.family.read_state([reply], profile).as_dict()
        self.family.explain(reply, profile)
        if self.family.capabilities:
            self.family.capabilities(reply)
        if self.family.counters:
            self.family.counters([reply])
        self.family.identify([reply])

    def parsed(self, take: Take, rest: bytes) -> None:
        for direction in Direction:
            for request in (None, take.request):
                for parse in (self.family.codec.parse, self.family.codec.parse_payload):
                    try:
                        parse(rest, direction, request)
                    except Unparsed:
                        continue

    def decoded(self, take: Take, number: int, rest: bytes) -> None:
        question = Question(
            family=self.family.name,
            raw=rest,
            direction=Direction.HOST_TO_DEVICE if number & 1 else Direction.DEVICE_TO_HOST,
            level="payload" if number & 2 else "frame",
            model=self.case.emulator.models[0] if number & 4 else None,
            request=take.request if number & 8 else None,
            capabilities=rest if number & 16 else None,
        )
        answer = decode(question, PROFILES)
        assert answer.ok == (answer.error is None)
        json.dumps(answer.as_json(), allow_nan=False)


def _pieces(rest: bytes) -> Iterator[bytes]:
    """The rest in pieces whose sizes the rest itself gives; every fourth is silence first."""
    at = 0
    while at < len(rest):
        size = 1 + rest[at] % 29
        if rest[at] % 4 == 0:
            yield b""
        yield rest[at : at + size]
        at += size


def found() -> list[dict[str, str]]:
    read: list[dict[str, str]] = json.loads(FOUND.read_text("utf-8"))
    return read
