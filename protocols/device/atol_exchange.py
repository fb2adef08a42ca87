"""The question and answer of ATOL protocol v3: add a task, ask for its result, acknowledge it so that it leaves
the buffer. What the device sends unasked is passed over. Never aborts: the buffer holds the till's tasks too."""

from typing import NoReturn

from protocols.device.atol_packet import ASYNC_ID, IDS, TASK_STATUS, cut, pack
from protocols.device.atol_reply import answer_of, fits, refused
from protocols.device.exchange import Done, Frame, Step, Wait, Write
from protocols.device.family import Unparsed
from protocols.errors import Busy, DeviceError, Garbled, NoReply, Rejected, Unexpected

TRIES, REQUESTS = 3, 5
WAIT_S, TURN_S, DEADLINE_S = 0.5, 0.2, 5.0
_PIECE = 1024
_WORKING, _DONE, _FAILED, _STOPPED = (0xA1, 0xA2, 0xA8), 0xA3, 0xA4, 0xA5
_FULL, _EXISTS, _NOT_FOUND = 0xB1, 0xB2, 0xB3


class AtolV3Exchange:
    """`question` is what the task asks; the task has the number of its packet, and so has the result."""

    deadline_s = DEADLINE_S

    def __init__(self, request: bytes, number: int, question: Frame) -> None:
        self._request = self._written = request
        self._task, self._number = number, number
        self._question = question
        self._buffer = b""
        self._seen = b""
        self._tries = self._requests = 0
        self._asking = False
        self._result: Frame | None = None
        self._failure: DeviceError | None = None
        self._echo = self._stale = self._noise = self._working = False

    def start(self) -> Step:
        if self._tries >= TRIES:
            self._fail()
        self._tries += 1
        return Write(self._request, WAIT_S)

    def receive(self, data: bytes) -> Step:
        for at in range(0, len(data), _PIECE):
            piece = data[at : at + _PIECE]
            self._watch_echo(piece)
            self._buffer += piece
            step = self._scan()
            if step:
                return step
        return Wait(TURN_S if self._working and not self._acknowledged() else WAIT_S)

    def silence(self) -> Step:
        step = self._resync()
        if step:
            return step
        if self._acknowledged():
            return self._end()
        return self._ask() if self._asking else self.start()

    def expire(self) -> Step:
        if self._failure:
            raise self._failure
        self._fail()

    def _scan(self) -> Step | None:
        at = 0
        try:
            while at < len(self._buffer):
                found = self._piece(at)
                if found is None:
                    return None
                number, data, at = found
                step = self._judge(number, data) if data is not None else None
                if step:
                    return step
            return None
        finally:
            self._buffer = self._buffer[at:]

    def _piece(self, at: int) -> tuple[int, bytes | None, int] | None:
        try:
            return cut(self._buffer, at)
        except Unparsed:
            self._noise = True
            return 0, None, at + 1

    def _resync(self) -> Step | None:
        """A FEh in noise made a packet that never ended; the true one may stand behind it."""
        while self._buffer:
            self._noise = True
            self._buffer = self._buffer[1:]
            step = self._scan()
            if step:
                return step
        return None

    def _judge(self, number: int, data: bytes) -> Step | None:
        if data and 0xC1 <= data[0] <= 0xC5:
            return None  # an echo
        if number != self._number or number == ASYNC_ID:
            self._stale = True
            return None
        if self._acknowledged():
            return self._end()
        if not data:
            self._noise = True  # it could not read our packet; it is sent again after the silence
            return None
        return self._task_state(data)

    def _task_state(self, data: bytes) -> Step | None:
        status, rest = data[0], data[1:]
        if status in (_DONE, _FAILED) and rest:
            return self._take(answer_of(rest, self._question, self._task, data[:1]), status)
        if status in _WORKING or (status == _EXISTS and self._tries > 1):
            self._working = self._asking = True
            return None
        if status in (_FULL, _EXISTS):
            raise Busy(f"the device does not take the question: {TASK_STATUS[status]}")
        if status not in TASK_STATUS:
            self._noise = True
            return None
        self._failure = Rejected(
            f"the device does not do command {self._question.command:02X}h: {TASK_STATUS[status]}",
            maker_code=f"{status:02X}",
        )
        return self._acknowledge() if status in (_DONE, _FAILED, _STOPPED) else self._end()

    def _take(self, frame: Frame, status: int) -> Step:
        reason = refused(frame, self._question)
        if not fits(frame, self._question):
            self._failure = Garbled("the answer has not the form of this command", code="device.stale_reply")
        elif reason or status == _FAILED:
            self._failure = Rejected(
                f"the device refuses command {self._question.command:02X}h: {reason or 'no reason given'}",
                maker_code=f"{frame.error or 0:02X}",
            )
        self._result = frame
        return self._acknowledge()

    def _ask(self) -> Step:
        if self._requests >= REQUESTS:
            self._fail()
        self._requests += 1
        self._number = (self._task + self._requests) % IDS
        return Write(pack(self._number, bytes([0xC3, self._task])), WAIT_S)

    def _acknowledge(self) -> Step:
        self._number = (self._task + REQUESTS + 1) % IDS
        return Write(pack(self._number, bytes([0xC2, self._task])), WAIT_S)

    def _acknowledged(self) -> bool:
        return self._result is not None or self._failure is not None

    def _end(self) -> Step:
        if self._failure:
            raise self._failure
        if self._result is None:
            self._fail()
        return Done(self._result)

    def _watch_echo(self, piece: bytes) -> None:
        seen = self._seen + piece
        self._echo |= self._request in seen
        self._seen = seen[-len(self._request) :]

    def _fail(self) -> NoReturn:
        if self._working:
            raise Busy("the device works on other tasks")
        if self._echo:
            raise Unexpected("the port sends back what is written to it", code="device.echo")
        if self._stale:
            raise Garbled("only answers to other requests came", code="device.stale_reply")
        if self._noise:
            raise Garbled("bytes came, but no valid packet")
        raise NoReply("the device does not answer")
