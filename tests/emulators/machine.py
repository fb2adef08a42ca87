"""What every emulated device shares: faults and behaviours by name, and the record of what a monitor must
never send."""

from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any, ClassVar

LINE_BEHAVIOURS = ("silent", "echo", "noise", "split", "slow", "truncated", "vanish")
"""What every line can do, whatever stands at its end."""

WORDS: Mapping[str, str] = {
    "silent": "answers nothing",
    "echo": "first sends back what it got",
    "noise": "sends rubbish before every answer, with a false preamble in it",
    "split": "sends in pieces of so many bytes",
    "slow": "sends byte by byte, 50 ms apart",
    "truncated": "sends half of every answer",
    "vanish": "takes the port away after half an answer",
    "wrong_checksum": "spoils the checksum of every answer",
    "wrong_checksum_once": "spoils the checksum of the next answer",
    "wrong_pattern": "spoils the fixed bits of every status byte",
    "wrong_length": "gives another number of bytes than it says",
    "network": "answers in the form of Ethernet lines",
    "marked_checksum": "chooses its numbers so that the checksum holds a byte that marks the line",
    "nak": "calls every frame damaged",
    "nak_once": "calls the next frame damaged",
    "nack": "calls every packet damaged",
    "nack_once": "calls the next packet damaged",
    "syn": "says so many times that it works, then answers",
    "syn_forever": "says for ever that it works",
    "busy": "says for ever that it works",
    "busy_once": "says once that it works, then answers",
    "retry": "says for ever that it is busy",
    "retry_once": "says once that it is busy, then answers",
    "pending": "gives a result only when asked for the so-many-th time",
    "never_ready": "takes the question and never has the answer",
    "stale_sequence": "answers with another sequence number",
    "stale_number": "answers with another number",
    "stale_token": "answers with another token",
    "stale_command": "answers another command",
    "left_over": "has an answer of another program to give first",
    "other_variant": "answers SYN NAK, as a device of the other ISL variant",
    "stray": "sends FFh before every ACK and NAK, as some networks do",
    "drawer_open_is_low": "its drawer closes the contact the other way round",
    "error": "refuses every command with this error code",
    "error_frame": "calls every frame wrong with this error code",
    "asynchronous": "sends the result of a task that nobody asked for before every answer",
    "buffer_full": "takes no task",
    "taken": "says that every task exists already",
    "collision_once": "asks for the line at the same moment as the host",
    "lower_case": "writes its checksums in lower case",
    "short_status": "gives only so many status bytes",
    "unsent_documents": "has so many documents not yet sent",
    "asb_before": "sends an automatic status before every answer",
    "no_identity": "does not say who it is",
    "one_way": "has a driver that tells nothing of its own",
    "not_ready": "answers that it is not ready",
    "too_much": "sends a body without an end",
    "drip": "sends a body byte by byte",
    "hang": "takes the question and does not answer",
    "no_length": "ends its body with the connection",
    "as_text": "writes true and false as text",
    "no_near_end_sensor": "has no near-end sensor and says so, if asked",
}
"""What each behaviour is, for people. A value other than 1 is given as name=value."""

NOISE = b"\xff\x01\x30\x80\x00\xfe"


class Unknown(Exception):
    """A fault or a behaviour that this device does not have."""


class Machine:
    """`receive` takes what came and gives back what is sent. `send` is set by a runner that can send
    unasked, `report` by one that tells of each forbidden command as it comes. `executed`: the commands that
    were carried out; a repeated frame is not carried out again where the device knows it by its number."""

    family: ClassVar[str]
    models: ClassVar[tuple[str, ...]]
    faults_known: ClassVar[tuple[str, ...]]
    behaviours_known: ClassVar[tuple[str, ...]] = ()
    control: ClassVar[bytes] = b""
    """Bytes that stand for themselves around an answer, such as ENQ and ACK: they are never cut in two."""

    def __init__(self, model: str = "") -> None:
        self.model = model or self.models[0]
        if self.model not in self.models:
            raise Unknown(f"{self.model}: known models are {', '.join(self.models)}")
        self.lock = RLock()
        self.faults: set[str] = set()
        self.behaviour: dict[str, int] = {}
        self.forbidden: list[str] = []
        self.executed: list[int | str] = []
        self.received = 0
        self.send: Callable[[bytes], None] = lambda data: None
        self.report: Callable[[str], None] = lambda command: None

    def receive(self, data: bytes) -> bytes:
        with self.lock:
            self.received += len(data)
            known = len(self.forbidden)
            answer = self.answer(data)
            for command in self.forbidden[known:]:
                self.report(command)
            return self._on_the_line(data, answer)

    def _on_the_line(self, data: bytes, answer: bytes) -> bytes:
        if self.behaves("silent"):
            answer = b""
        if self.behaves("truncated"):
            half = self.half(answer)
            answer = answer if half is None else half
        if answer and self.behaves("noise"):
            answer = NOISE + answer
        return data + answer if self.behaves("echo") else answer

    def half(self, answer: bytes) -> bytes | None:
        """Half of an answer; None where nothing but control bytes is sent, which have no half."""
        rest = answer.lstrip(self.control) if self.control else answer
        return answer[: len(answer) - (len(rest) + 1) // 2] if rest else None

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
