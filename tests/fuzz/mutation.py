"""Answers of a device, changed as a bad line changes them: what an exchange takes for an answer all the same,
and what the agent believes of that. Deterministic: the seed is the name of the family.
python -m tests.fuzz.mutation [FRAMES [FAMILY...]] Prints one JSON line per family; ends with 1 where a changed
answer is believed, or passes a checksum that must see it."""

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from time import process_time

from agent.devices.belief import Belief
from protocols.device.exchange import Frame
from protocols.device.family import Command, Reply, When
from protocols.device.profile import Profile
from protocols.errors import Busy, DeviceError, Rejected
from protocols.status.model import DeviceState
from tests.contract.families import CASES, Case
from tests.fuzz.take import Take, record, replayed, takes

FRAMES = 1_000_000
APART_S = 5.0
"""Between two polls."""


def _bits(count: int) -> Callable[[random.Random, bytes], bytes]:
    def change(rng: random.Random, raw: bytes) -> bytes:
        number = int.from_bytes(raw, "big")
        for bit in rng.sample(range(8 * len(raw)), min(count, 8 * len(raw))):
            number ^= 1 << bit
        return number.to_bytes(len(raw), "big")

    return change


def _byte(rng: random.Random, raw: bytes) -> bytes:
    at = rng.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ rng.randrange(1, 256)]) + raw[at + 1 :]


def _swap(rng: random.Random, raw: bytes) -> bytes:
    if len(raw) < 2:
        return raw
    one, other = sorted(rng.sample(range(len(raw)), 2))
    changed = bytearray(raw)
    changed[one], changed[other] = raw[other], raw[one]
    return bytes(changed)


def _truncate(rng: random.Random, raw: bytes) -> bytes:
    """The end is lost, or the beginning."""
    at = rng.randrange(len(raw))
    return rng.choice((raw[:at], raw[at + 1 :]))


def _lose(rng: random.Random, raw: bytes) -> bytes:
    """A piece in the middle is lost."""
    first, last = sorted((rng.randrange(len(raw) + 1), rng.randrange(len(raw) + 1)))
    return raw[:first] + raw[last:]


def _insert(rng: random.Random, raw: bytes) -> bytes:
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + rng.randbytes(rng.randrange(1, 4)) + raw[at:]


def _duplicate(rng: random.Random, raw: bytes) -> bytes:
    """A piece comes twice, or the whole."""
    first, last = sorted((rng.randrange(len(raw) + 1), rng.randrange(len(raw) + 1)))
    return rng.choice((raw + raw, raw[:last] + raw[first:last] + raw[last:]))


CHANGES = {
    "flip 1": _bits(1), "flip 2": _bits(2), "flip 3": _bits(3), "byte": _byte, "swap": _swap,
    "truncate": _truncate, "lose": _lose, "insert": _insert, "duplicate": _duplicate,
}  # fmt: skip
STALE = ("echo", "stale sequence", "other command")
KINDS = (*CHANGES, *STALE)

SEEN = ("flip 1", "byte", "echo", "stale sequence", "other command")
"""What every checksum and every number sees, without exception."""
TRUNCATION = "truncate"
CHECKED = {
    "datecs_isl_legacy": (*SEEN, TRUNCATION), "datecs_isl_x": (*SEEN, TRUNCATION),
    "shtrih_v1": (*(kind for kind in SEEN if kind != "stale sequence"), TRUNCATION),
    "shtrih_v2": (*SEEN, TRUNCATION), "tremol_zfp": (*SEEN, TRUNCATION), "posnet": (*SEEN, TRUNCATION),
    "atol_v2": ("flip 1", "byte", "echo", TRUNCATION),
    "atol_v3": ("flip 1", "byte", "echo", "stale sequence", TRUNCATION),
}  # fmt: skip
"""Families with a checksum, and what an exchange must never take. A frame of Shtrih v1 and ATOL v2 has no
number, an answer of ATOL names no command."""


@dataclass
class Count:
    """`accepted`: changed answers that an exchange took, by kind of change; `refusals`: those that it took for
    a refusal of the device; `believed`: those that the agent believed, as hex; `alike`: pairs of accepted
    answers, one after the other to the same question, that the agent would believe if nothing true came
    between them."""

    frames: int = 0
    accepted: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    believed: list[str] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)
    alike: int = 0
    seconds: float = 0.0

    def failures(self, family: str) -> list[str]:
        seen = CHECKED.get(family, ())
        both = self.accepted + self.refusals
        return [f"{kind}: {both[kind]}" for kind in seen if both[kind]] + self.believed

    @property
    def taken(self) -> int:
        return self.accepted.total() + self.refusals.total()

    def line(self, family: str) -> str:
        return (
            f"{family}: {self.frames} changed answers, {self.taken} taken by an exchange, "
            f"{len(self.believed)} believed, {self.seconds:.1f} s"
        )

    def as_json(self, family: str) -> dict[str, object]:
        return {
            "fuzz": "mutation",
            "family": family,
            "frames": self.frames,
            "accepted": sum(self.accepted.values()),
            "accepted_by": dict(self.accepted),
            "refusals_by": dict(self.refusals),
            "would_agree_twice": self.alike,
            "believed": len(self.believed),
            "seconds": round(self.seconds, 1),
            "failures": self.failures(family)[:5],
            "samples": self.samples[:8],
        }


class Mutator:
    """`believe` False is for the control: every single answer counts."""

    def __init__(self, case: Case, *, believe: bool = True, seed: str = "") -> None:
        self.case = case
        self.rng = random.Random(seed or case.family.name)
        self.takes = takes(case)
        self.believe = believe
        self.count = Count()
        self._profiles = [case.profiles.common, *case.profiles.known]
        self._last: dict[str, Reply] = {}
        self._others: dict[tuple[str, int], bytes] = {}

    def run(self, frames: int) -> Count:
        began = process_time()
        for _ in range(frames):
            self._one()
        self.count.seconds += process_time() - began
        return self.count

    def _one(self) -> None:
        take, kind = self.rng.choice(self.takes), self.rng.choice(KINDS)
        at = take.at if self.rng.random() < 0.8 else self.rng.randrange(len(take.answers))
        changed = self._changed(take, kind, at)
        self.count.frames += 1
        if changed == take.answers[at]:
            return
        try:
            exchange = self.case.family.codec.exchange(take.command, take.sequence)
            frame = replayed(exchange, take, at, changed)
        except (Rejected, Busy) as e:
            if (
                e.maker_code
            ):  # an answer with an error in it; without, it was only silent or spoke a control byte
                self.count.refusals[kind] += 1
                self.count.samples.append(f"{kind}: {take.command.name} {at}: {changed.hex()}")
            return
        except DeviceError:
            return
        if frame != take.frame:
            self.count.accepted[kind] += 1
            if kind in CHECKED.get(self.case.family.name, ()):
                self.count.samples.append(f"{kind}: {take.command.name} {at}: {changed.hex()}")
            self._judge(take, frame, changed)

    def _changed(self, take: Take, kind: str, at: int) -> bytes:
        raw = take.answers[at]
        if kind in CHANGES:
            return CHANGES[kind](self.rng, raw) if raw else self.rng.randbytes(3)
        if kind == "echo":
            return take.written[at]
        return self._other(take, same_command=kind == "stale sequence", at=at)

    def _other(self, take: Take, *, same_command: bool, at: int) -> bytes:
        """The answer to the same command under another number, or to another one under ours."""
        codec = self.case.family.codec
        sequence = codec.next_sequence(take.sequence) if same_command else take.sequence
        commands = [
            c for c in self.case.family.read_only_commands if (c.code == take.command.code) is same_command
        ]
        if not commands or (same_command and sequence == take.sequence):
            return take.answers[at]
        command = take.command if same_command else self.rng.choice(commands)
        key = command.name, sequence
        if key not in self._others:
            self._others[key] = self._take(command, sequence)
        return self._others[key] or take.answers[at]

    def _take(self, command: Command, sequence: int) -> bytes:
        """The second time, where the device itself counts."""
        machine = self.case.emulator()
        record(self.case, command, sequence, machine)
        take = record(self.case, command, sequence, machine)
        return take.answers[take.at] if take else b""

    def _judge(self, take: Take, frame: Frame, changed: bytes) -> None:
        wrong = Reply(frame, take.reply.request)
        profile = self.rng.choice(self._profiles)
        for replies in ((take.reply, wrong, take.reply, take.reply), (wrong, take.reply, take.reply)):
            for told in self._told(take, replies, profile):
                if told is wrong and not self._same(take, told, take.reply, profile):
                    self.count.believed.append(f"{take.command.name}: {changed.hex()}")
        before = self._last.get(take.command.name)
        self._last[take.command.name] = wrong
        if before and wrong in self._told(take, (before, wrong), profile):
            self.count.alike += not self._same(take, wrong, take.reply, profile)

    def _told(self, take: Take, replies: Sequence[Reply], profile: Profile) -> Iterator[Reply]:
        belief = Belief(self.case.family, profile)
        for number, reply in enumerate(replies):
            if belief.hears(take.command, reply, number * APART_S) or not self.believe:
                yield reply

    def _same(self, take: Take, one: Reply, other: Reply, profile: Profile) -> bool:
        """Whether the agent is told the same. The supply voltage is not protected (belief.py), nor a clock
        that is wrong by less than two answers may be apart."""
        return self._read(take, one, profile) == self._read(take, other, profile)

    def _read(self, take: Take, reply: Reply, profile: Profile) -> tuple[object, ...]:
        family = self.case.family
        state: DeviceState = replace(
            family.read_state([reply], profile), supply_voltage=None, device_time=None
        )
        mask = family.capabilities(reply) if family.capabilities else None
        if take.command.when is not When.IDENTIFY:
            return state, mask
        try:
            return state, mask, family.identify([reply])
        except DeviceError as e:
            return state, mask, str(e)


def main() -> int:
    frames = int(sys.argv[1]) if len(sys.argv) > 1 else FRAMES
    failed = False
    for name in sys.argv[2:] or CASES:
        count = Mutator(CASES[name]).run(frames)
        sys.stdout.write(json.dumps(count.as_json(name)) + "\n")
        sys.stdout.flush()
        failed |= bool(count.failures(name))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
