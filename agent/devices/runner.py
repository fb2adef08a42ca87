"""Drives one exchange over one open port, within its deadline and within what the device may cost."""

from dataclasses import dataclass

from agent.clock import Clock
from agent.ports.port import Port
from protocols.device.exchange import BUFFER_BYTES, Done, Exchange, Frame, Step, Wait, Write
from protocols.errors import Garbled, UsageError

EXCHANGE_BYTES = 2 * BUFFER_BYTES
"""No answer of any family is half as long. Looking through this much takes some hundredths of a second."""
FLOOD = "device.flood"


@dataclass(slots=True)
class Allowance:
    """What one poll may still cost: nothing goes on after the monotonic time `end_s`, and no more than
    `bytes_left` are taken from the port."""

    end_s: float
    bytes_left: int


def run(exchange: Exchange, port: Port, clock: Clock, allowance: Allowance | None = None) -> Frame:
    """The reply. DeviceError as the exchange judges, Garbled with the code FLOOD once more came than can be an
    answer; PortError when the port is lost; never longer than the exchange's `deadline_s`, nor than the
    allowance, and one write."""
    if allowance is None:
        allowance = Allowance(float("inf"), EXCHANGE_BYTES)
    end_s = min(clock.monotonic() + exchange.deadline_s, allowance.end_s)
    meter = _Meter(allowance, end_s, min(EXCHANGE_BYTES, allowance.bytes_left))
    step = exchange.start()
    while not isinstance(step, Done):
        if isinstance(step, Write):
            port.write(step.data)
        step = _listen(exchange, port, clock, step, meter)
    if step.farewell:
        port.write(step.farewell)
    return step.frame


@dataclass(slots=True)
class _Meter:
    """Of one exchange: when it ends, and how many bytes it may still take."""

    allowance: Allowance
    end_s: float
    left: int

    def take(self, data: bytes) -> bytes:
        self.left -= len(data)
        self.allowance.bytes_left -= len(data)
        if self.left < 0:
            raise Garbled("bytes come without an end, and no valid answer among them", code=FLOOD)
        return data


def _listen(exchange: Exchange, port: Port, clock: Clock, step: Write | Wait, meter: _Meter) -> Step:
    left_s = meter.end_s - clock.monotonic()
    if left_s <= 0:
        exchange.expire()
        raise UsageError("an exchange went on after it expired")
    data = meter.take(port.read(min(step.wait_s, left_s)))
    if data:
        return exchange.receive(data)
    if step.wait_s <= left_s:
        return exchange.silence()
    exchange.expire()
    raise UsageError("an exchange went on after it expired")
