"""How many frames of a device one core takes apart in a second: through the exchange that a poll uses (the
question is encoded, the answer received, checked and matched) and through `parse`, which `plomba-agent decode`
uses. Beside each family, in the same run, a peer: another program's own parsing where there is one, else a plain
reader of a few lines that checks the sum and no more. CPU seconds; medians of rounds that take turns.
python -m tests.benchmarks.decode [ROUNDS [FAMILY...]] Ends with 1 where a bar is missed."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import process_time

from protocols.device.exchange import Done, Wait, Write
from protocols.device.family import Command, Direction, When
from tests.benchmarks.figure import Figure
from tests.benchmarks.peers import PEERS
from tests.contract.families import CASES, Case

FRAMES_PER_S = 50_000
ROUNDS = 9
SLICE_S = 0.05


@dataclass(frozen=True, slots=True)
class Take:
    """One recorded exchange: what the device answered to each thing written."""

    command: Command
    sequence: int
    request: bytes
    answers: tuple[bytes, ...]

    @property
    def frames(self) -> int:
        """Answers that are more than one control byte; ESC/POS answers with one byte."""
        return max(1, sum(len(answer) > 2 for answer in self.answers))

    @property
    def longest(self) -> bytes:
        return max(self.answers, key=len)


def record(case: Case, command: Command) -> Take:
    codec, machine = case.family.codec, case.emulator()
    sequence = codec.first_sequence()
    exchange = codec.exchange(command, sequence)
    step, answers, request = exchange.start(), [], b""
    while not isinstance(step, Done):
        written = step.data if isinstance(step, Write) else b""  # b"" is a look at a drawer's lines
        request = max(request, written, key=len)
        answer = machine.receive(written)
        if answer:
            answers.append(answer)
        step = exchange.receive(answer) if answer else exchange.silence()
    return Take(command, sequence, request, tuple(answers))


def takes(case: Case) -> list[Take]:
    return [record(case, command) for command in case.family.commands(When.POLL)]


def exchanged(case: Case, recorded: Sequence[Take]) -> Callable[[], int]:
    """One poll: every POLL command once. How many frames that were."""
    frames = sum(take.frames for take in recorded)
    codec = case.family.codec

    def run() -> int:
        for take in recorded:
            exchange = codec.exchange(take.command, take.sequence)
            exchange.start()
            for answer in take.answers:
                step = exchange.receive(answer)
            while isinstance(step, Wait):
                step = exchange.silence()
            assert isinstance(step, Done)
        return frames

    return run


def parsed(case: Case, recorded: Sequence[Take]) -> Callable[[], int]:
    """The frame that carries the answer, with the request that it answers."""
    parse = case.family.codec.parse
    pairs = [(own_frame(case, take), take.request) for take in recorded]

    def run() -> int:
        for raw, request in pairs:
            parse(raw, Direction.DEVICE_TO_HOST, request)
        return len(pairs)

    return run


def own_frame(case: Case, take: Take) -> bytes:
    """The longest answer; ATOL v2 gives it only after control bytes, which are no frame."""
    assert case.family.codec.parse(take.longest, Direction.DEVICE_TO_HOST, take.request)
    return take.longest


def rate(run: Callable[[], int]) -> float:
    frames, began = 0, process_time()
    while (used := process_time() - began) < SLICE_S:
        frames += run()
    return frames / used


def measure(families: Sequence[str], rounds: int) -> dict[tuple[str, str], float]:
    runs: dict[tuple[str, str], Callable[[], int]] = {}
    for name in families:
        case, recorded = CASES[name], takes(CASES[name])
        runs[name, "exchange"] = exchanged(case, recorded)
        runs[name, "parse"] = parsed(case, recorded)
        if name in PEERS:
            runs[name, "peer"] = PEERS[name][1]([take.longest for take in recorded])
    found: dict[tuple[str, str], list[float]] = {key: [] for key in runs}
    for _ in range(rounds):
        for key, run in runs.items():
            found[key].append(rate(run))
    return {key: median(rates) for key, rates in found.items()}


def tell(families: Sequence[str], found: Mapping[tuple[str, str], float]) -> bool:
    met = True
    for name in families:
        peer = {}
        if name in PEERS:
            peer = {"peer": PEERS[name][0], "peer_value": round(found[name, "peer"], 3)}
        for kind in ("exchange", "parse"):
            figure = Figure(
                "decode", f"{name} {kind}", found[name, kind], "frames/s of CPU", FRAMES_PER_S, at_least=True
            )
            met &= figure.tell(**peer)
    return met


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    families = sys.argv[2:] or list(CASES)
    return 0 if tell(families, measure(families, rounds)) else 1


if __name__ == "__main__":
    sys.exit(main())
