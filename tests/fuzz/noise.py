"""Random bytes against every family: through an exchange, both parsers and the decoder. Deterministic: the seed is
the name of the family. python -m tests.fuzz.noise [BYTES [FAMILY...]] Prints one JSON line per family; ends with
1 where anything but a DeviceError came out."""

import json
import random
import sys
from dataclasses import dataclass, field
from time import process_time

from tests.contract.families import CASES
from tests.fuzz.harness import Harness
from tests.fuzz.mutation import CHANGES

BYTES = 10_000_000
SPICE = b"\x01\x02\x03\x04\x05\x06\x09\x0a\x0e\x10\x12\x13\x15\x16\x1b\x20\x23\x24\x2b\x5f\x80\x8f\x9f\xfd\xfe\xff\x00"
"""What frames, answers and masks start with."""


@dataclass
class Count:
    bytes: int = 0
    inputs: int = 0
    answers: int = 0
    raised: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def line(self, family: str) -> str:
        return f"{family}: {self.bytes} bytes, {len(self.raised)} exceptions, {self.seconds:.1f} s"

    def as_json(self, family: str) -> dict[str, object]:
        return {
            "fuzz": "noise",
            "family": family,
            "bytes": self.bytes,
            "inputs": self.inputs,
            "answers_taken": self.answers,
            "raised": len(self.raised),
            "seconds": round(self.seconds, 1),
            "failures": self.raised[:5],
        }


def one(rng: random.Random, true: list[bytes]) -> bytes:
    """Bytes of chance, bytes that mean something to a line, or a true answer with chance in it."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.randbytes(rng.randrange(1, 96))
    if kind == 1:
        return bytes(rng.choices(SPICE, k=rng.randrange(1, 64)))
    raw = rng.choice(true)
    if kind == 2:
        return raw[: rng.randrange(len(raw) + 1)] + rng.randbytes(rng.randrange(1, 48))
    change = rng.choice(list(CHANGES.values()))
    return change(rng, change(rng, raw) or raw)


def run(harness: Harness, size: int) -> Count:
    """At least `size` bytes."""
    count, rng = Count(), random.Random(harness.family.name)
    true = [answer for take in harness._takes for answer in take.answers if answer]
    began = process_time()
    while count.bytes < size:
        data = bytes([rng.randrange(256)]) + one(rng, true)
        count.bytes += len(data)
        count.inputs += 1
        try:
            harness.feed(data)
        except Exception as e:  # noqa: BLE001 - whatever comes out is what is looked for
            count.raised.append(f"{type(e).__name__}: {e}: {data.hex()}")
    count.answers, count.seconds = harness.done, process_time() - began
    return count


def main() -> int:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else BYTES
    failed = False
    for name in sys.argv[2:] or CASES:
        count = run(Harness(CASES[name]), size)
        sys.stdout.write(json.dumps(count.as_json(name)) + "\n")
        sys.stdout.flush()
        failed |= bool(count.raised)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
