"""What one file per device family exports, and what the rest of Plomba may ask of it."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from protocols.device.exchange import Exchange, Frame
from protocols.device.profile import Profile
from protocols.errors import UsageError
from protocols.status.model import DeviceState, Identity

if TYPE_CHECKING:
    from protocols.device.overhear import Overhearing


class Direction(StrEnum):
    HOST_TO_DEVICE = "host_to_device"
    DEVICE_TO_HOST = "device_to_host"


class When(StrEnum):
    """How often the poller sends a command."""

    IDENTIFY = "identify"  # once after each connection
    POLL = "poll"  # every poll
    SLOW = "slow"  # every few minutes
    ASK = "ask"  # only when a person or a rule asks


@dataclass(frozen=True, slots=True)
class Command:
    """One allow-listed request with its exact arguments. The codec refuses (UsageError) to encode any
    other."""

    name: str
    code: int | str
    data: bytes = b""
    when: When = When.ASK

    def request(self, sequence: int | None = None) -> Frame:
        """What stands in `Reply.request` of its answer."""
        return Frame(sequence, self.code, data=self.data)

    def must_be_listed(self, listed: Container[tuple[int | str, bytes]]) -> None:
        """UsageError unless exactly this code with exactly these arguments is there."""
        if (self.code, self.data) not in listed:
            raise UsageError(f"{self.code!r} with {self.data.hex()!r} is not an allowed read-only command")


class Reply(NamedTuple):
    """A frame of the device, with the request that it answers where that is known."""

    frame: Frame
    request: Frame | None = None


@dataclass(frozen=True, slots=True)
class Serial:
    """Line settings to try, most likely baud rate first. `parity` is N, E or O."""

    bauds: tuple[int, ...]
    bytesize: int = 8
    parity: str = "N"
    stopbits: int = 1


class Way(StrEnum):
    """The kinds of port. SERIAL, TCP and USB carry a stream of bytes; the others carry whole messages, which
    come as they were sent or not at all."""

    SERIAL = "serial"
    TCP = "tcp"
    USB = "usb"
    HID = "hid"
    SIGNALS = "signals"
    SPOOLER = "spooler"
    HTTP = "http"


_STREAMS = frozenset({Way.SERIAL, Way.TCP, Way.USB})


@dataclass(frozen=True, slots=True)
class Ports:
    """Where devices of the family are found. `vid_pids` are hints, never proof. `names`: makers' words that
    stand in what a device says of itself over USB, lower case; hints too. `languages`: what stands under CMD
    in an IEEE 1284 id, upper case. `messages`: the ways other than a stream of bytes."""

    serial: Serial | None = None
    tcp: tuple[int, ...] = ()
    vid_pids: tuple[tuple[int, int], ...] = ()
    usb_printer_class: bool = False
    names: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    messages: tuple[Way, ...] = ()

    @property
    def ways(self) -> tuple[Way, ...]:
        """What reaches the family. TCP reaches whatever has a serial line: a serial device server carries the
        same bytes."""
        stream = {
            Way.SERIAL: self.serial is not None,
            Way.TCP: bool(self.tcp) or self.serial is not None,
            Way.USB: self.usb_printer_class,
        }
        return (*(way for way, reaches in stream.items() if reaches), *self.messages)

    @property
    def whole_messages(self) -> bool:
        """No port of the family carries a stream: nothing comes cut, glued or with noise around it."""
        return not _STREAMS.intersection(self.ways)


class Known(StrEnum):
    """How it is known that the family works, weakest first."""

    MANUAL = "manual"
    CAPTURE = "capture"
    BENCH = "bench"
    FIELD = "field"


@dataclass(frozen=True, slots=True)
class Evidence:
    """`since` is an ISO date, `sources` the manuals and captures, `open_questions` what is not known."""

    known: Known
    since: str
    sources: tuple[str, ...]
    open_questions: tuple[str, ...] = ()


class Unparsed(Exception):
    """Captured bytes that are not whole, valid frames of the direction; `code` is a dotted string such as
    `frame.checksum`, `frames` what stood before the fault. It never leaves `protocols.device`."""

    def __init__(self, code: str, message: str, frames: Sequence[Frame] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.frames = tuple(frames)


class Codec(Protocol):
    """The line of a family. All methods are pure."""

    def first_sequence(self) -> int: ...

    def next_sequence(self, sequence: int) -> int:
        """The sequence number of the command after this one, with the wrap of the family."""

    def encode(self, command: Command, sequence: int) -> bytes:
        """The bytes of an allow-listed command; UsageError for any other."""

    def exchange(self, command: Command, sequence: int) -> Exchange:
        """A fresh state machine for one allow-listed command; UsageError for any other."""

    def parse(self, raw: bytes, direction: Direction, request: bytes | None = None) -> Sequence[Reply]:
        """Explain captured bytes strictly: one or more whole frames, status or control bytes, nothing left
        over, and with `request` (raw bytes) only what can be its answer. Raises Unparsed. A control byte is a
        Frame whose command is its name, such as "NAK"."""

    def parse_payload(
        self, payload: bytes, direction: Direction, request: bytes | None = None
    ) -> Sequence[Reply]:
        """The same for what stands inside a frame: command, then data. `request` is a payload too."""


@dataclass(frozen=True, slots=True)
class Family:
    """`identify` proves the maker by content and raises Unexpected when something else answers. `read_state`
    never raises: what a reply does not say stays None. `capabilities` reads a sensor mask from the reply that
    carries it. `counters` reads wear counters, units in the names. `explain` says in words what one reply or
    request means. `unmarked_answers`: an answer does not say which question it answers, so after a silence
    nothing more may be asked over the same connection. `at`: the family as the device with a USB product id
    speaks it, where the id is a part of what is sent. `overhear`: what a line tells that the cash program uses; None:
    nothing is made of it."""

    name: str
    models: tuple[str, ...]
    ports: Ports
    codec: Codec
    identify: Callable[[Sequence[Reply]], Identity]
    read_state: Callable[[Sequence[Reply], Profile], DeviceState]
    read_only_commands: tuple[Command, ...]
    evidence: Evidence
    explain: Callable[[Reply, Profile], str]
    capabilities: Callable[[Reply], int | None] | None = None
    counters: Callable[[Sequence[Reply]], Mapping[str, int]] | None = None
    unmarked_answers: bool = False
    at: "Callable[[int], Family] | None" = None
    overhear: "Callable[[], Overhearing] | None" = None

    def on(self, product: int | None) -> "Family":
        """The family on a port whose address has this USB product id; None: the address has none."""
        return self.at(product) if self.at and product is not None else self

    def commands(self, when: When) -> tuple[Command, ...]:
        return tuple(command for command in self.read_only_commands if command.when is when)
