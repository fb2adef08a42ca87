"""What the tap and the agent say to each other over the control socket (SOCK_SEQPACKET: whole messages).
Standard library only, for the tap stays small."""

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

HELLO, HOST, DEVICE, GRANTED, REFUSED, ANSWER, ENDED, GONE, HELD, BACK = range(1, 11)
"""Kinds of record, tap to agent. HOST and DEVICE: a copy of what went by; `offset` counts the bytes before
it. ANSWER: bytes of the device that answer what was added, and reached nobody else. GRANTED, REFUSED, ENDED:
of a lease; the data say why. GONE, HELD, BACK: the printer's port is not there, is another program's, is ours."""
INFO, LISTEN, ASK, MARK, END, STOP = range(1, 7)
"""Kinds of request, agent to tap."""

NO_MARK = 2**64 - 1
_RECORD = Struct("<BHQQ")
RECORD_BYTES = _RECORD.size
"""Of a record beside its data."""
_HELLO = Struct("<QQQQQB")
_ASK = Struct("<BQIIBBh")
_MARK = Struct("<BQ")


class Record(NamedTuple):
    """`at_ns`: the system's monotonic clock, which all processes share."""

    kind: int
    offset: int
    at_ns: int
    data: bytes


class Hello(NamedTuple):
    """Bytes of the cash program and of the device so far. `mark`: see `Mark`. `discarded`: bytes of the cash
    program that came while there was no printer. `printer`: GONE, HELD or BACK."""

    host: int
    device: int
    mark: int
    discarded: int
    pid: int
    printer: int


class Rule(NamedTuple):
    """Which bytes of the device are the answer: from the first with `byte & mask == value`; through the first
    `until`, or that one byte where it is -1."""

    mask: int
    value: int
    until: int = -1


class Ask(NamedTuple):
    """Write `data` if the cash program has sent `host` bytes and not one more, and the line has been still
    for `idle_us`; then hold what the cash program sends until the answer is there, `lease_us` at most."""

    host: int
    idle_us: int
    lease_us: int
    rule: Rule
    data: bytes


class Mark(NamedTuple):
    """After `host` bytes of the cash program the line was between whole commands, says the agent. The tap
    keeps what comes after, so that an agent that starts anew knows where it is."""

    host: int


class Plain(NamedTuple):
    """INFO, LISTEN, END or STOP."""

    kind: int


Request = Ask | Mark | Plain


def record(kind: int, offset: int, at_ns: int, data: bytes = b"") -> bytes:
    return _RECORD.pack(kind, len(data), offset, at_ns) + data


def records(packet: bytes) -> Iterator[Record]:
    """ValueError where the packet is not made of whole records."""
    at = 0
    while at < len(packet):
        if len(packet) < at + _RECORD.size:
            raise ValueError("half a record")
        kind, size, offset, at_ns = _RECORD.unpack_from(packet, at)
        at += _RECORD.size
        data = packet[at : at + size]
        if len(data) < size:
            raise ValueError("half a record")
        yield Record(kind, offset, at_ns, data)
        at += size


def hello(said: Hello) -> bytes:
    return _HELLO.pack(*said)


def read_hello(data: bytes) -> Hello:
    """ValueError where it is none."""
    if len(data) != _HELLO.size:
        raise ValueError("no greeting of a tap")
    host, device, mark, discarded, pid, printer = _HELLO.unpack(data)
    return Hello(host, device, mark, discarded, pid, printer)


def request(asked: Request) -> bytes:
    match asked:
        case Ask(host, idle_us, lease_us, rule, data):
            return _ASK.pack(ASK, host, idle_us, lease_us, *rule) + data
        case Mark(host):
            return _MARK.pack(MARK, host)
        case Plain(kind):
            return bytes([kind])


def read_request(packet: bytes) -> Request:
    """ValueError where it is none."""
    kind = packet[0] if packet else 0
    if kind == ASK and len(packet) > _ASK.size:
        _, host, idle_us, lease_us, mask, value, until = _ASK.unpack_from(packet)
        return Ask(host, idle_us, lease_us, Rule(mask, value, until), packet[_ASK.size :])
    if kind == MARK and len(packet) == _MARK.size:
        return Mark(_MARK.unpack(packet)[1])
    if kind in (INFO, LISTEN, END, STOP) and len(packet) == 1:
        return Plain(kind)
    raise ValueError("no request")
