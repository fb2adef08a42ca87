"""One request and its reply as a state machine that knows no clock: a shell writes, waits and tells what
happened."""

from typing import NamedTuple, Protocol


class Frame(NamedTuple):
    """One whole, valid frame, packet or status byte, unescaped. `sequence` and `error` are None where the
    family has none; `command` is an integer, or a string in text families; `status` is b"" where a frame
    carries none."""

    sequence: int | None
    command: int | str | None
    error: int | None = None
    data: bytes = b""
    status: bytes = b""


class Write(NamedTuple):
    """Send `data` now, then listen for up to `wait_s` seconds."""

    data: bytes
    wait_s: float


class Wait(NamedTuple):
    """Listen for up to `wait_s` seconds more."""

    wait_s: float


class Done(NamedTuple):
    """The reply, proven to belong to the request. `farewell`: bytes to send now that nothing answers, such as
    an acknowledgement, without which the device would give the reply again to whoever comes next."""

    frame: Frame
    farewell: bytes = b""


Step = Write | Wait | Done


class Exchange(Protocol):
    """Call `start` once, then `receive` for each piece that arrives and `silence` when the last `wait_s`
    passed with nothing, until Done or a DeviceError (NoReply, Garbled, Busy: the same request may be asked
    again; Rejected, Unexpected: not). No bytes may make any of them raise anything else, or keep more than
    `BUFFER_BYTES`. The shell also ends an exchange after `deadline_s` in all, by `expire`, which always
    raises."""

    @property
    def deadline_s(self) -> float: ...

    def start(self) -> Step: ...

    def receive(self, data: bytes) -> Step: ...

    def silence(self) -> Step: ...

    def expire(self) -> Step: ...


BUFFER_BYTES = 4096
