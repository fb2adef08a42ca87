"""What every emulated device shares: faults and behaviours by name, and the record of what a monitor must
never send."""

from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any, ClassVar

LINE_BEHAVIOURS = ("silent", "echo", "noise", "split", "slow", "truncated", "vanish")
"""silent: no answer; echo: sends back what it got first; noise: rubbish before an answer, with a false
preamble; truncated: half of an answer; split and slow (50 ms apart): byte by byte; vanish: the port goes
after half an answer."""

NOISE = b"\xff\x01\x30\x80\x00\xfe"


class Unknown(Exception):
    """A fault or a behaviour that this device does not have."""


class Machine:
    """`receive` takes what came and gives back what is sent. `send` is set by a runner that can send
    unasked."""

    family: ClassVar[str]
    models: ClassVar[tuple[str, ...]]
    faults_known: ClassVar[tuple[str, ...]]
    behaviours_known: ClassVar[tuple[str, ...]] = ()

    def __init__(self, model: str = "") -> None:
        self.model = model or self.models[0]
        if self.model not in self.models:
            raise Unknown(f"{self.model}: known models are {', '.join(self.models)}")
        self.lock = RLock()
        self.faults: set[str] = set()
        self.behaviour: dict[str, int] = {}
        self.forbidden: list[str] = []
        self.received = 0
        self.send: Callable[[bytes], None] = lambda data: None

    def receive(self, data: bytes) -> bytes:
        with self.lock:
            self.received += len(data)
            answer = self.answer(data)
            if self.behaves("silent"):
                answer = b""
            if self.behaves("truncated"):
                answer = answer[: len(answer) // 2]
            if answer and self.behaves("noise"):
                answer = NOISE + answer
            return data + answer if self.behaves("echo") else answer

    def answer(self, data: bytes) -> bytes:
        raise NotImplementedError

    def quiet(self) -> None:
        """The line has gone still: a device with a time-out between bytes forgets half a frame."""

    def behaves(self, name: str) -> int:
        return self.behaviour.get(name, 0)

    def set_faults(self, faults: Mapping[str, Any]) -> None:
        """Switch faults on (true) and off (false)."""
        _known(faults, self.faults_known)
        with self.lock:
            for name, on in faults.items():
                (self.faults.add if on else self.faults.discard)(name)
            self.changed()

    def set_behaviour(self, behaviour: Mapping[str, Any]) -> None:
        _known(behaviour, LINE_BEHAVIOURS + self.behaviours_known)
        with self.lock:
            self.behaviour.update({name: int(value) for name, value in behaviour.items()})

    def reset(self) -> None:
        """All well again. What was recorded as forbidden stays."""
        with self.lock:
            self.faults.clear()
            self.behaviour.clear()
            self.changed()

    def changed(self) -> None:
        """Called after the faults changed."""

    def state(self) -> dict[str, Any]:
        with self.lock:
            return {
                "family": self.family,
                "model": self.model,
                "faults": {name: name in self.faults for name in self.faults_known},
                "behaviour": {name: value for name, value in self.behaviour.items() if value},
                "received_bytes": self.received,
                "forbidden": list(self.forbidden),
            }


def _known(given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            raise Unknown(f"{name}: known are {', '.join(known)}")
