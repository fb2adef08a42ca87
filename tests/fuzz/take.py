"""What an emulated device answers, written down: one exchange each, with the device as it is and with each of
its faults. The true answers that mutation starts from."""

from dataclasses import dataclass

from protocols.device.exchange import Done, Exchange, Frame, Step, Write
from protocols.device.family import Command, Reply
from protocols.errors import DeviceError
from tests.contract.families import Case
from tests.emulators.machine import Machine

_CLOCK = "22-11-26 13:45:00"


@dataclass(frozen=True, slots=True)
class Take:
    """`written` and `answers`: in order, one answer to each thing written; b"" written is a look at lines.
    `frame`: what the exchange made of them."""

    command: Command
    sequence: int
    written: tuple[bytes, ...]
    answers: tuple[bytes, ...]
    frame: Frame

    @property
    def request(self) -> bytes:
        """The question itself; around it some lines write control bytes."""
        return max(self.written, key=len)

    @property
    def reply(self) -> Reply:
        return Reply(self.frame, Frame(self.sequence, self.command.code, data=self.command.data))

    @property
    def at(self) -> int:
        """Which answer holds the reply: the longest."""
        return max(range(len(self.answers)), key=lambda n: len(self.answers[n]))


def record(case: Case, command: Command, sequence: int, machine: Machine) -> Take | None:
    """None where the device does not answer so."""
    exchange = case.family.codec.exchange(command, sequence)
    written: list[bytes] = []
    answers: list[bytes] = []
    try:
        step = exchange.start()
        while not isinstance(step, Done):
            said = step.data if isinstance(step, Write) else b""
            answer = machine.receive(said)
            if isinstance(step, Write) or answer:
                written.append(said)
                answers.append(answer)
            step = exchange.receive(answer) if answer else exchange.silence()
    except DeviceError:
        return None
    return Take(command, sequence, tuple(written), tuple(answers), step.frame)


def takes(case: Case) -> list[Take]:
    """Every command, the device well and with each of its faults; equal ones once."""
    found: dict[tuple[str, tuple[bytes, ...]], Take] = {}
    sequence = case.family.codec.first_sequence()
    for fault in ("", *case.emulator.faults_known):
        machine = case.emulator()
        if hasattr(machine, "now"):
            machine.now = lambda: _CLOCK
        machine.set_faults({fault: True} if fault else {})
        for command in case.family.read_only_commands:
            take = record(case, command, sequence, machine)
            if take:
                found[command.name, take.answers] = take
            machine.quiet()
    return list(found.values())


def replayed(exchange: Exchange, take: Take, at: int, changed: bytes) -> Frame:
    """The exchange again, with another answer in the place `at` and nothing after it. DeviceError where it
    finds none."""
    step: Step = exchange.start()
    count = 0
    for _ in range(200):
        if isinstance(step, Done):
            return step.frame
        answer = b""
        if isinstance(step, Write) or not take.written[at]:
            answer = take.answers[count] if count < at else changed if count == at else b""
            count += 1
        step = exchange.receive(answer) if answer else exchange.silence()
    raise AssertionError("the exchange does not end")
