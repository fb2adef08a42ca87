"""The loop of the tap: forwards first and tells the agent after; puts in what the agent asks between two
commands of the cash program. It knows no protocol. Standard library only, Linux only."""

import contextlib
import errno
import os
import select
import sys
from collections.abc import Callable
from typing import NamedTuple

from agent.ports import tap_wire as wire
from agent.ports.tap_lease import LONGEST_NS, OWED_NS, Lease

assert sys.platform == "linux"  # noqa: S101 - tells the type checker; only a process of its own imports this

from agent.ports import tap_tty as tty  # noqa: E402
from agent.ports.tap_audience import BATCH_BYTES, Audience, bind  # noqa: E402

STILL_NS = 20_000_000
"""Nothing is ever added to a line that was used later than this ago, whatever the agent asks."""
ADDED_BYTES = 256
UNREAD_NS = 10_000_000_000
"""A cash program that reads nothing for so long does not read: as behind a port of its own, what comes for it
is lost, and the agent still hears it."""
_PIECE = 4096
_TICK_NS, _AWAY_NS, _HELD_NS, _BATCH_NS = 1_000_000_000, 250_000_000, 2_000_000_000, 20_000_000
_BATCH_S = _BATCH_NS / 1e9
_LAST_NS = 1_000_000_000
_IN, _OUT, _EDGE = select.EPOLLIN, select.EPOLLOUT, select.EPOLLET
_BROKEN = select.EPOLLHUP | select.EPOLLERR
_EVENTS = 16
_STATES = {
    wire.GONE: "is not there; what the cash program sends is not kept for it",
    wire.HELD: "is in use by another program",
    wire.BACK: "is open",
}


class Ends(NamedTuple):
    """`printer`: path of its port. `link`: what the cash program opens. `speed`: until it sets one. `parity`:
    N, E or O."""

    printer: str
    link: str
    speed: int
    parity: str


class Tap:
    """`control`: path of the socket for the agent. `now`: nanoseconds of the system's monotonic clock. Bytes
    wait in the system's own buffers, never here, but for the rest of one piece in each direction."""

    def __init__(self, ends: Ends, control: str, now: Callable[[], int]) -> None:
        self._path = ends.printer
        self._parity = tty.PARITY[ends.parity]
        self._now = now
        self._epoll = select.epoll()
        self._host, self._pty = tty.make_pty(ends.printer, ends.speed)
        self._closed = select.poll()
        self._closed.register(self._host, 0)
        self._link = tty.Link(ends.link)
        self._device = -1
        self._to_device = self._to_host = b""
        self._host_gone = False
        self._printer = 0
        self._unread_ns = 0
        self._raw = b""
        self._setting = bytearray(tty.SETTINGS_BYTES)
        self._settling = False
        self._lease: Lease | None = None
        self._owed: Lease | None = None
        self._leases = self._host_bytes = self._device_bytes = self._discarded = 0
        self._used_ns = now()
        self._tick_ns = self._batch_ns = 0
        self._audience = Audience(bind(control), self._epoll, self._hear, self._left)
        self._epoll.register(self._host, _IN)
        self.stopping = False

    def run(self, wake: int, ready: Callable[[], object]) -> None:
        """Until `stopping`; `wake` is a file number that becomes readable when that is set. What the cash
        program has written by then still goes out. `ready` is called when the link leads here."""
        self._epoll.register(wake, _IN)
        self._tick()
        ready()
        while not self.stopping:
            self._turn()
        self._epoll.unregister(wake)
        self._finish()

    def _turn(self) -> None:
        for number, event in self._epoll.poll(self._pause_s(), _EVENTS):
            if number == self._host:
                self._host_ready(event)
            elif number == self._device:
                self._device_ready(event)
            elif self._audience.knows(number):
                self._audience.ready(number, event)
        now = self._now()
        waiting = self._audience.batch_bytes
        if waiting and (now >= self._batch_ns or waiting > BATCH_BYTES):
            self._audience.flush()
        if self._settling:
            self._write_device(b"")
        if self._lease and now >= self._lease.end_ns:
            self._end_lease("its time is over", owed=True)
        if now >= self._tick_ns:
            self._tick()

    def _pause_s(self) -> float:
        if self._settling:
            return 0.001
        if self._audience.batch_bytes:
            return _BATCH_S  # a shorter one would be a timer to set within each exchange, which costs a tenth of it
        end_ns = min(self._tick_ns, self._lease.end_ns) if self._lease else self._tick_ns
        return max(end_ns - self._now(), 0) / 1e9

    # Forwarding

    def _host_ready(self, event: int) -> None:
        if event & _OUT:
            self._write_host(b"")
        if event & _IN:
            self._from_host()
        elif event & _BROKEN and not self._host_gone:
            self._host_left()

    def _from_host(self) -> None:
        if self._host_gone:
            self._host_gone = False
            self._watch_host()
        try:
            data = os.read(self._host, _PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._host_left()
            return
        if self._device < 0:
            self._discarded += len(data)
            return
        self._copy_settings()
        self._write_device(data)
        self._used_ns = now = self._now()
        self._copy(wire.HOST, self._host_bytes, now, data)
        self._host_bytes += len(data)

    def _device_ready(self, event: int) -> None:
        if event & _OUT:
            self._write_device(b"")
        if event & _IN:
            self._from_device()
        elif event & _BROKEN:
            self._device_left()

    def _from_device(self) -> None:
        try:
            data = os.read(self._device, _PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._device_left()
            return
        ours = b""
        lease = self._lease or self._owed
        if lease:
            ours, data = lease.take(data)
        if data:
            self._write_host(data)
            self._used_ns = now = self._now()
            self._copy(wire.DEVICE, self._device_bytes, now, data)
            self._device_bytes += len(data)
        if lease:
            self._answered(lease, ours, self._now())

    def _write_device(self, data: bytes) -> None:
        """What the port does not take at once waits, and the cash program is not read meanwhile."""
        waited = bool(self._to_device)
        data = self._to_device + data
        try:
            if not self._settling or self._settle():
                data = data[os.write(self._device, data) :]
        except BlockingIOError:
            pass
        except OSError:
            self._device_left()
            return
        self._to_device = data
        if waited or data:
            self._watch_host()
            self._watch_device()

    def _write_host(self, data: bytes) -> None:
        if self._host_gone:
            if self._closed.poll(0):
                return  # as at a port that is closed, nobody gets it
            self._host_gone = False
        waited = bool(self._to_host)
        data = self._to_host + data
        try:
            data = data[os.write(self._host, data) :]
        except BlockingIOError:
            pass
        except OSError:
            data = b""  # it was closed in this moment
        if not data:
            self._unread_ns = 0
        elif not self._unread_ns:
            self._unread_ns = self._now()
        elif self._now() - self._unread_ns >= UNREAD_NS:
            data = b""
        self._to_host = data
        if waited or data:
            self._watch_host()
            self._watch_device()

    def _copy(self, kind: int, offset: int, now: int, data: bytes) -> None:
        if not self._audience.batch_bytes:
            self._batch_ns = now + _BATCH_NS
        self._audience.copy(kind, offset, now, data)

    def _watch_host(self) -> None:
        """A closed end is always `hung up`: to be told once is enough."""
        if self._host_gone:
            self._epoll.modify(self._host, _IN | _EDGE)
            return
        reading = not self._to_device and not self._lease
        wanted = (_IN if reading else _EDGE) | (_OUT if self._to_host else 0)
        self._epoll.modify(self._host, wanted)

    def _watch_device(self) -> None:
        if self._device >= 0:
            wanted = (0 if self._to_host else _IN) | (_OUT if self._to_device else 0)
            self._epoll.modify(self._device, wanted)

    # The two ends come and go

    def _host_left(self) -> None:
        """Closing is told by the system, opening is not: only that bytes come."""
        self._host_gone = True
        self._to_host = b""
        self._unread_ns = 0
        if tty.clear(self._pty):
            self._watch_host()
        else:
            self._replace_pty()
        self._watch_device()

    def _replace_pty(self) -> None:
        """The cash program left its end in exclusive mode: nobody could open it again."""
        speed = tty.settings(tty.raw_settings(self._host)).speed
        self._closed.unregister(self._host)
        self._epoll.unregister(self._host)
        os.close(self._host)
        self._host, self._pty = tty.make_pty(self._path, speed)
        self._closed.register(self._host, 0)
        self._epoll.register(self._host, _IN | _EDGE)
        self._lead()

    def _device_left(self) -> None:
        with contextlib.suppress(OSError):
            self._epoll.unregister(self._device)
        tty.close_printer(self._device)
        self._device = -1
        self._discarded += len(self._to_device)
        self._to_device = b""
        self._settling = False
        if self._lease:
            self._end_lease("the printer's port has gone", owed=False)
        self._owed = None
        self._audience.forget()
        self._is(wire.GONE)
        self._watch_host()
        self._tick_ns = self._now() + _AWAY_NS

    def _find_device(self) -> None:
        try:
            self._device = tty.open_printer(self._path)
        except OSError as e:
            held = e.errno in (errno.EBUSY, errno.EWOULDBLOCK)
            self._tick_ns = self._now() + (_HELD_NS if held else _AWAY_NS)
            self._is(wire.HELD if held else wire.GONE)
            return
        self._raw = b""
        self._copy_settings()
        self._settle()
        self._epoll.register(self._device, _IN)
        self._used_ns = self._now()
        self._is(wire.BACK)

    def _is(self, state: int) -> None:
        if state != self._printer:
            self._printer = state
            self._copy(state, self._host_bytes, self._now(), b"")
            log(f"the printer's port {self._path} {_STATES[state]}")

    def _copy_settings(self) -> None:
        """What the cash program set on its end is set on the printer's before its next byte."""
        tty.read_settings(self._host, self._setting)
        if self._setting != self._raw:
            raw = bytes(self._setting)
            self._settling = not self._raw or tty.settings(raw) != tty.settings(self._raw)
            self._raw = raw

    def _settle(self) -> bool:
        """False while bytes are on the wire that belong to the settings before."""
        if tty.unsent(self._device):
            return False
        self._settling = False
        with contextlib.suppress(OSError):  # a speed that the port cannot have: it keeps the one it has
            tty.apply(self._device, tty.settings(self._raw), self._parity)
        return True

    def _tick(self) -> None:
        self._tick_ns = self._now() + _TICK_NS
        if self._device < 0:
            self._find_device()
        else:
            self._copy_settings()
        if self._to_host:
            self._write_host(b"")
        if self._owed and self._now() >= self._owed.end_ns:
            self._owed = None
        self._lead()

    def _lead(self) -> None:
        try:
            self._link.lead_to(self._pty)
        except OSError as e:
            log(f"the link {self._link.path} cannot be made: {e.strerror}")

    def _finish(self) -> None:
        """The cash program's last bytes, then the way around the tap."""
        if self._lease:
            self._end_lease("the tap stops", owed=False)
        end_ns = self._now() + _LAST_NS
        while self._device >= 0 and self._now() < end_ns:
            events = self._epoll.poll(0)
            busy = [number for number, event in events if number == self._host and event & _IN]
            if not busy and not self._to_device:
                break
            for number, event in events:
                if number == self._host:
                    self._host_ready(event)
                elif number == self._device:
                    self._device_ready(event)
        with contextlib.suppress(OSError):
            self._link.lead_to(self._path)
        self._audience.close()
        if self._device >= 0:
            tty.close_printer(self._device)
        os.close(self._host)
        self._epoll.close()

    # What the agent asks

    def _hear(self, number: int, asked: wire.Request) -> None:
        match asked:
            case wire.Ask():
                reason = self._refusal(asked)
                if reason:
                    self._tell(number, wire.REFUSED, 0, reason)
                else:
                    self._add(number, asked)
            case wire.Mark(host):
                if host == self._host_bytes or self._audience.mark <= host < self._host_bytes:
                    self._audience.set_mark(host)
            case wire.Plain(wire.LISTEN):
                self._audience.listen(number, self._greeting())
            case wire.Plain(wire.INFO):
                self._audience.tell(number, self._greeting())
            case wire.Plain(wire.END):
                if self._lease and self._lease.owner == number:
                    self._end_lease("the agent ended it", owed=False)
            case wire.Plain(wire.STOP):
                self.stopping = True

    def _left(self, number: int) -> None:
        """An agent that dies while it is answered: the lease ends by its time, and the answer still reaches
        nobody else."""
        for lease in (self._lease, self._owed):
            if lease and lease.owner == number:
                lease.owner = -1

    def _refusal(self, asked: wire.Ask) -> str:
        """Why nothing may be added now; "" where it may."""
        if self._device < 0:
            return "there is no printer"
        if self._owed and self._now() >= self._owed.end_ns:
            self._owed = None
        if self._lease or self._owed:
            return "an answer is still awaited"
        if asked.host != self._host_bytes or not 0 < len(asked.data) <= ADDED_BYTES:
            return "the cash program has sent more"
        if self._now() - self._used_ns < max(asked.idle_us * 1000, STILL_NS):
            return "the line was in use a moment ago"
        if self._to_device or self._to_host or self._on_the_way():
            return "bytes are on their way"
        return ""

    def _on_the_way(self) -> int:
        return tty.unsent(self._device) + tty.unread(self._device) + tty.unread(self._host)

    def _add(self, number: int, asked: wire.Ask) -> None:
        self._leases += 1
        span_ns = min(asked.lease_us * 1000, LONGEST_NS)
        self._lease = Lease(self._leases, number, asked.rule, self._now() + span_ns)
        self._watch_host()
        self._write_device(asked.data)
        if self._lease:
            self._tell(number, wire.GRANTED, self._leases)

    def _answered(self, lease: Lease, ours: bytes, now: int) -> None:
        if ours:
            self._audience.tell(lease.owner, wire.record(wire.ANSWER, lease.number, now, ours))
        if lease.answered and lease is self._lease:
            self._end_lease("answered", owed=False)
        elif lease.answered:
            self._owed = None

    def _end_lease(self, reason: str, *, owed: bool) -> None:
        lease, self._lease = self._lease, None
        if lease is None:
            return
        if owed:
            lease.end_ns += OWED_NS
            self._owed = lease
        self._tell(lease.owner, wire.ENDED, lease.number, reason)
        self._watch_host()

    def _tell(self, number: int, kind: int, offset: int, reason: str = "") -> None:
        self._audience.flush()
        self._audience.tell(number, wire.record(kind, offset, self._now(), reason.encode()))

    def _greeting(self) -> bytes:
        said = wire.Hello(
            self._host_bytes,
            self._device_bytes,
            self._audience.mark,
            self._discarded,
            os.getpid(),
            self._printer,
        )
        return wire.record(wire.HELLO, self._host_bytes, self._used_ns, wire.hello(said))


def log(text: str) -> None:
    sys.stderr.write(f"plomba-tap: {text}\n")
    sys.stderr.flush()
