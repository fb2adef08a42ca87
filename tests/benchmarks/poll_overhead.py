"""What one poll of the agent costs over the time that the bytes take on the wire: a `Poller` that opens, asks, closes
and judges, on an emulated device at a pty in a process of its own; beside it, in turns, bare pyserial that asks
the same with the port left open (the wire) and with opening and closing each time.
python -m tests.benchmarks.poll_overhead [ROUNDS] Medians; ends with 1 where the bar is missed."""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import serial

from agent.config import Device
from agent.devices.poller import Poller
from agent.devices.reading import Reading
from agent.runtime.clock import SystemClock
from protocols.device.family import When
from protocols.wire.v1 import Contact
from tests.benchmarks.agent_footprint import emulate
from tests.benchmarks.figure import Figure
from tests.contract.families import CASES, PROFILES, Case
from tests.fuzz.take import record

OVERHEAD_MS = 1.0
ROUNDS = 200
FAMILIES = ("escpos", "datecs_isl_legacy", "datecs_isl_x", "posnet", "tremol_zfp")
"""Those whose questions are one writing each, so that a bare port can ask the same."""
WARM = 20


class Bare:
    """Asks the POLL questions as `Poller` does, and waits for as many bytes as each answer has."""

    def __init__(self, case: Case) -> None:
        self.codec = case.family.codec
        self.sequence = self.codec.first_sequence()
        self.questions = []
        for command in case.family.commands(When.POLL):
            take = record(case, command, self.sequence, case.emulator())
            assert take
            self.questions.append((command, len(take.answers[0])))

    def ask(self, port: serial.Serial) -> None:
        for command, size in self.questions:
            self.sequence = self.codec.next_sequence(self.sequence)
            request = self.codec.encode(command, self.sequence)
            port.write(request)
            if len(port.read(size)) != size:
                raise RuntimeError(f"{command.name}: the emulator does not answer")


def opened(path: str, baud: int) -> serial.Serial:
    return serial.Serial(path, baud, timeout=2, exclusive=True)


def timed(run: Callable[[], object]) -> float:
    began = perf_counter()
    run()
    return 1000 * (perf_counter() - began)


def measure(name: str, rounds: int) -> dict[str, float]:
    """Milliseconds of one poll."""
    case = CASES[name]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        path = emulate(name, folder / "port", stack)
        other = emulate(name, folder / "bare", stack)  # the agent hears it when somebody opens its port
        line = case.family.ports.serial
        assert line
        bare = Bare(case)
        device = Device(id="d", family=name, port=path, poll_s=2.0, slow_s=86_400.0)
        poller = Poller(device, case.family, PROFILES[name], SystemClock())
        found: dict[str, list[float]] = {"wire": [], "bare": [], "agent": [], "after": []}

        def bare_poll() -> None:
            with opened(other, line.bauds[0]) as port:
                bare.ask(port)

        failed, readings = 0, list[Reading]()
        for number in range(WARM + rounds):
            with opened(other, line.bauds[0]) as port:
                wire = timed(lambda port=port: bare.ask(port))
            times = {
                "wire": wire,
                "bare": timed(bare_poll),
                "agent": timed(lambda: readings.append(poller.poll())),
            }
            with opened(path, line.bauds[0]):
                pass  # as the cash program does: who has the port now must be looked for
            times["after"] = timed(poller.poll)
            poller.poll()
            failed += readings[-1].contact is not Contact.OK
            for key, value in times.items() if number >= WARM else ():
                found[key].append(value)
        if failed > rounds // 20:
            raise RuntimeError(f"{name}: {failed} polls without an answer: {readings[-1].reason}")
        return {key: median(values) for key, values in found.items()}


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    met = True
    for name in FAMILIES:
        found = measure(name, rounds)
        over = Figure(
            "poll_overhead", f"{name} over the wire", found["agent"] - found["wire"], "ms", OVERHEAD_MS
        )
        met &= over.tell(
            wire_ms=round(found["wire"], 3),
            agent_ms=round(found["agent"], 3),
            agent_after_another_program_ms=round(found["after"], 3),
            pyserial_open_ask_close_ms=round(found["bare"], 3),
        )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
