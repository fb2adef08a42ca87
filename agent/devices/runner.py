"""Drives one exchange over one open port, within its deadline."""

from agent.clock import Clock
from agent.ports.port import Port
from protocols.device.exchange import Done, Exchange, Frame, Step, Wait, Write
from protocols.errors import UsageError


def run(exchange: Exchange, port: Port, clock: Clock) -> Frame:
    """The reply. DeviceError as the exchange judges; PortError when the port is lost; never longer than the
    exchange's `deadline_s` and one write."""
    end = clock.monotonic() + exchange.deadline_s
    step = exchange.start()
    while not isinstance(step, Done):
        if isinstance(step, Write):
            port.write(step.data)
        step = _listen(exchange, port, clock, step, end)
    if step.farewell:
        port.write(step.farewell)
    return step.frame


def _listen(exchange: Exchange, port: Port, clock: Clock, step: Write | Wait, end: float) -> Step:
    left_s = end - clock.monotonic()
    if left_s <= 0:
        exchange.expire()
        raise UsageError("an exchange went on after it expired")
    data = port.read(min(step.wait_s, left_s))
    if data:
        return exchange.receive(data)
    if step.wait_s <= left_s:
        return exchange.silence()
    exchange.expire()
    raise UsageError("an exchange went on after it expired")
