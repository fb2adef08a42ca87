"""The question and answer of every Datecs ISL line, legacy and X: NAK, SYN, repeats and resynchronisation. It
knows no frame layout; a family hands in how one frame is cut out of the bytes."""

from collections.abc import Callable
from typing import NoReturn

from protocols.device.exchange import Done, Frame, Step, Wait, Write
from protocols.device.family import Unparsed
from protocols.errors import Busy, Garbled, NoReply, Rejected, Unexpected

SYN, NAK, PREAMBLE = 0x16, 0x15, 0x01
TRIES = 3
WAIT_S = 0.5
"""The manuals: the device answers or sends SYN within 60 ms; the host repeats after 500 ms with the same
SEQ."""
DEADLINE_S = 5.0
_PIECE = 1024

Cut = Callable[[bytes, int], tuple[Frame, int] | None]
"""(bytes, start) -> the device's frame that starts there and where it ends; None while bytes are missing;
Unparsed where no frame starts."""


class IslExchange:
    """`cut` finds a reply, `refused` gives the device's reason where a reply refuses the command, else
    None."""

    deadline_s = DEADLINE_S

    def __init__(
        self,
        request: bytes,
        sequence: int,
        command: int,
        cut: Cut,
        refused: Callable[[Frame], str | None],
    ) -> None:
        self._request = request
        self._expected = (sequence, command)
        self._cut = cut
        self._refused = refused
        self._buffer = bytearray()
        self._seen = b""
        self._tries = 0
        self._naks = self._syns = 0
        self._nak = self._stale = self._echo = self._noise = False

    def start(self) -> Step:
        return self._write()

    def receive(self, data: bytes) -> Step:
        for at in range(0, len(data), _PIECE):
            piece = data[at : at + _PIECE]
            self._watch_echo(piece)
            self._buffer += piece
            done = self._scan()
            if done:
                return done
        if self._nak:
            return self._write()
        return Wait(WAIT_S)

    def silence(self) -> Step:
        return self._resync() or self._write()

    def expire(self) -> Step:
        self._fail()

    def _write(self) -> Step:
        if self._tries >= TRIES:
            self._fail()
        self._tries += 1
        self._nak = False
        return Write(self._request, WAIT_S)

    def _resync(self) -> Done | None:
        """What looked like a frame never became one: a 01h in noise. The true reply may stand behind it."""
        while self._buffer:
            self._noise = True
            del self._buffer[0]
            done = self._scan()
            if done:
                return done
        return None

    def _scan(self) -> Done | None:
        raw, at = bytes(self._buffer), 0
        try:
            while at < len(raw):
                found = self._piece(raw, at)
                if found is None:
                    return None
                frame, at = found
                if frame and (frame.sequence, frame.command) == self._expected:
                    return self._done(frame)
                self._stale |= frame is not None
            return None
        finally:
            del self._buffer[:at]

    def _piece(self, raw: bytes, at: int) -> tuple[Frame | None, int] | None:
        if raw[at] == PREAMBLE:
            try:
                return self._cut(raw, at)
            except Unparsed:
                self._noise = True
        elif raw[at] == SYN:
            self._syns += 1
        elif raw[at] == NAK:
            self._naks += 1
            self._nak = True
        else:
            self._noise = True
        return None, at + 1

    def _done(self, frame: Frame) -> Done:
        reason = self._refused(frame)
        if reason:
            raise Rejected(
                f"the device refuses command {frame.command:02X}h: {reason}",
                maker_code=frame.status.hex().upper(),
            )
        return Done(frame)

    def _watch_echo(self, piece: bytes) -> None:
        seen = self._seen + piece
        self._echo |= self._request in seen
        self._seen = seen[-len(self._request) :]

    def _fail(self) -> NoReturn:
        if self._naks >= TRIES and self._syns >= TRIES:
            raise Unexpected(
                "the device answers SYN NAK to every frame: it speaks the other ISL variant",
                code="device.protocol_mismatch",
            )
        if self._echo:
            raise Unexpected(
                "the port sends back what is written to it: the register is not in PC mode",
                code="device.echo",
            )
        if self._stale:
            raise Garbled("only answers to other requests came", code="device.stale_reply")
        if self._naks:
            raise Garbled("the device reports damaged frames", code="device.nak")
        if self._syns:
            raise Busy("the device is still working")
        if self._noise:
            raise Garbled("bytes came, but no valid frame")
        raise NoReply("the device does not answer")
