"""The agent's end of a tap: one connection, on which it hears a copy of what goes by and may ask to put in
one question. It does not connect again; what it learnt is lost with it."""

import contextlib
import logging
import os
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread

from agent.clock import Clock
from agent.ports import tap_wire as wire
from protocols.device.overhear import Heard, Overhearing, Shape
from protocols.errors import PortError, PortGone, PortHeld

IDLE_US, LEASE_US = 50_000, 100_000
"""A question goes in after so long a stillness, and the cash program waits for its answer so long at most."""
PATIENCE_S = 0.2
_AGAIN_S = 0.02
_NEVER = Event()
_REPLY_S = 1.0
_PACKET = 64 * 1024
_MARK_BYTES = 4096

Hear = Callable[[Sequence[Heard], float], None]
log = logging.getLogger(__name__)


def connect(control: Path) -> socket.socket:
    """PortGone where no tap runs."""
    if sys.platform != "linux":
        raise PortGone("there is no tap on this system", code="port.no_tap")
    end = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    try:  # by way of the folder, for the name of a socket has 107 bytes at most
        folder = os.open(control.parent, os.O_PATH | os.O_DIRECTORY)
        try:
            end.connect(f"/proc/self/fd/{folder}/{control.name}")
        finally:
            os.close(folder)
    except OSError as e:
        end.close()
        raise PortGone(f"the tap at {control} does not run", code="port.no_tap") from e
    return end


def greeting(control: Path) -> wire.Hello:
    """How the tap is. PortGone where none runs."""
    with connect(control) as end:
        end.settimeout(_REPLY_S)
        try:
            end.send(wire.request(wire.Plain(wire.INFO)))
            (said,) = wire.records(end.recv(_PACKET))
            return wire.read_hello(said.data)
        except (OSError, ValueError) as e:
            raise PortGone(f"the tap at {control} does not answer", code="port.no_tap") from e


def stop(control: Path) -> None:
    """Tell the tap to stop. PortGone where none runs."""
    with connect(control) as end:
        end.send(wire.request(wire.Plain(wire.STOP)))
        end.settimeout(_REPLY_S * 3)
        with contextlib.suppress(OSError):
            end.recv(1)


class TapClient:
    """`hear` is called by a thread of its own with what was overheard, and when (monotonic seconds). `seen`:
    process and host bytes of the tap up to which all was heard before: what is told again of it is passed
    over."""

    def __init__(
        self,
        control: Path,
        overhearing: Overhearing,
        hear: Hear,
        clock: Clock,
        seen: tuple[int, int] = (0, 0),
    ) -> None:
        self._overhearing = overhearing
        self._hear = hear
        self._clock = clock
        self._seen = seen
        self._lock = Lock()
        self._events: SimpleQueue[wire.Record] = SimpleQueue()
        self._pid = self._host = self._marked = 0
        self._lease = 0
        self._printer = wire.BACK
        self.alive = True
        self._end = connect(control)
        self._send(wire.Plain(wire.LISTEN))
        self._thread = Thread(target=self._listen, name="tap", daemon=True)
        self._thread.start()

    @property
    def seen(self) -> tuple[int, int]:
        return self._pid, self._host

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._end.shutdown(socket.SHUT_RDWR)
        self._thread.join(_REPLY_S)
        self._end.close()

    def shape(self, question: bytes) -> Shape | None:
        return self._overhearing.shape(question)

    def put_in(self, question: bytes, shape: Shape) -> None:
        """The question is on its way and the answer awaited. PortHeld, with the reason, where no gap comes for
        some tenths of a second; PortGone."""
        self.let_go()
        end_s = self._clock.monotonic() + PATIENCE_S
        while True:
            try:
                self._put_in(question, shape)
                return
            except PortHeld:
                if self._clock.monotonic() >= end_s:
                    raise
                self._clock.wait(_NEVER, _AGAIN_S)

    def _put_in(self, question: bytes, shape: Shape) -> None:
        with self._lock:
            doubt, host = self._overhearing.doubt(self._clock.monotonic()), self._host
            printer = self._printer
        if not self.alive:
            raise PortGone("the tap has gone", code="port.no_tap")
        if printer == wire.GONE:
            raise PortGone("the printer's port does not exist")
        if printer == wire.HELD:
            raise PortHeld("another program has the printer's own port: it should open the link of the tap")
        if doubt:
            raise PortHeld(f"not asked: {doubt}")
        until = -1 if shape.until is None else shape.until
        rule = wire.Rule(shape.mask, shape.value, until)
        self._send(wire.Ask(host, IDLE_US, LEASE_US, rule, question))
        granted = self._event(_REPLY_S)
        while granted and granted.kind not in (wire.GRANTED, wire.REFUSED):
            granted = self._event(_REPLY_S)  # the end of a lease before this one
        if granted is None:
            raise PortGone("the tap does not answer", code="port.no_tap")
        if granted.kind == wire.REFUSED:
            raise PortHeld(f"not asked: {granted.data.decode('utf-8', 'replace')}")
        self._lease = granted.offset
        if host != self._marked:
            self._marked = host
            self._send(wire.Mark(host))

    def answer(self, wait_s: float) -> bytes:
        """What came in answer to the question; b"" when nothing did in this time, or will."""
        while self._lease:
            event = self._event(wait_s)
            if event is None:
                return b""
            if event.kind == wire.ANSWER and event.offset == self._lease:
                return event.data
            if event.kind == wire.ENDED and event.offset == self._lease:
                self._lease = 0
        return b""

    def let_go(self) -> None:
        """No answer is awaited any more; what the cash program has sent goes on. May be repeated."""
        if self._lease:
            self._lease = 0
            self._send(wire.Plain(wire.END))

    def _event(self, wait_s: float) -> wire.Record | None:
        try:
            return self._events.get(timeout=wait_s)
        except Empty:
            return None

    def _send(self, asked: wire.Request) -> None:
        try:
            self._end.send(wire.request(asked))
        except OSError as e:
            self.alive = False
            raise PortGone("the tap has gone", code="port.no_tap") from e

    def _listen(self) -> None:
        try:
            while packet := self._end.recv(_PACKET):
                for record in wire.records(packet):
                    self._record(record)
        except (OSError, ValueError) as e:
            log.info("the tap is no longer heard: %s", e)
        self.alive = False

    def _record(self, record: wire.Record) -> None:
        at_s = record.at_ns / 1e9
        heard: Sequence[Heard] = ()
        with self._lock:
            if record.kind == wire.HELLO:
                self._greeted(wire.read_hello(record.data), at_s)
            elif record.kind == wire.HOST:
                heard = self._host_sent(record, at_s)
            elif record.kind == wire.DEVICE:
                heard = self._overhearing.device(record.data, at_s)
            elif record.kind in (wire.GONE, wire.HELD, wire.BACK):
                self._printer = record.kind
                self._overhearing.lost(at_s, "the printer's port was away")
            else:
                self._events.put(record)
        if heard:
            self._hear(heard, at_s)
        if record.kind == wire.HOST:
            self._mark(kicked=bool(heard))

    def _greeted(self, said: wire.Hello, at_s: float) -> None:
        self._pid, self._printer = said.pid, said.printer
        if said.mark == wire.NO_MARK:
            self._host = said.host
            self._overhearing.lost(at_s, "the cash program has not begun a job since the agent listens")
        else:
            self._host = self._marked = said.mark
            self._overhearing.found(at_s)

    def _host_sent(self, record: wire.Record, at_s: float) -> Sequence[Heard]:
        if record.offset != self._host:
            self._overhearing.lost(at_s, "some bytes went by unheard")
        heard = self._overhearing.host(record.data, at_s)
        self._host = record.offset + len(record.data)
        known = self._seen[0] == self._pid and self._host <= self._seen[1]
        return () if known else heard

    def _mark(self, *, kicked: bool) -> None:
        """What was heard so far need not be told again to an agent that starts anew."""
        with self._lock:
            due = kicked or self._host - self._marked >= _MARK_BYTES
            if not due or self._overhearing.doubt(float("inf")):
                return
            self._marked = self._host
        with contextlib.suppress(PortError):
            self._send(wire.Mark(self._marked))
