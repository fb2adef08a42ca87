"""One pulse on a cash drawer, because an operator signed for it: the printer is asked, the pulse is written, the
printer is asked again, over one opening of the port. The only place that writes anything but a question to a device."""

from dataclasses import dataclass
from threading import Event

from agent.clock import Clock
from agent.config import Device
from agent.devices.belief import Belief
from agent.devices.interview import Interview, choose
from agent.devices.line import line_of
from agent.ports import open_port
from agent.ports.port import Port
from protocols.device.family import Family, When
from protocols.device.physical import PHYSICAL_TESTS, PhysicalTest
from protocols.device.profile import Profiles
from protocols.errors import DeviceError, JobError, PortError, PortHeld
from protocols.status.model import DeviceState, Identity

OPENS_S = 0.6
"""A drawer that opens has opened so long after the pulse began."""


@dataclass(frozen=True, slots=True)
class Pulsed:
    """Levels of the sensor. None where nothing says it, or where the printer could not be asked again: `problem` says
    why."""

    sensor_before: bool | None
    sensor_after: bool | None
    open_after: bool | None
    problem: str = ""


def wanted(device: Device, what: str) -> PhysicalTest:
    """JobError where there is none for this device."""
    found = PHYSICAL_TESTS.get(device.family, {}).get(what)
    if found is None:
        raise JobError(f"no drawer test is known for the family {device.family}", code="job.no_drawer_test")
    if device.sharing != "poll":
        raise JobError("the cash program prints through a tap on this port", code="job.no_drawer_test")
    return found


class Pulse:
    """For the thread that polls the device, between two polls."""

    def __init__(
        self, device: Device, family: Family, profiles: Profiles, identity: Identity, clock: Clock
    ) -> None:
        self._device = device
        self._family = family
        self._profile = choose(profiles, identity, device.model)
        self._clock = clock
        self._interview = Interview(family, clock, Belief(family, self._profile))

    def give(self, test: PhysicalTest) -> Pulsed:
        """JobError where the state just before does not allow it; PortError, DeviceError where it could not be read.
        After any of them nothing was written. Once it is written it is never written again."""
        with open_port(
            self._device.port, line_of(self._family, self._device.baud, self._device.parity)
        ) as port:
            before = self._state(port)
            _must_be_ready(before, self._open(before))
            if port.contended():
                raise PortHeld("another program opened the port meanwhile")
            port.write(test.data)
            self._clock.wait(Event(), OPENS_S)
            try:
                after = self._state(port)
            except (DeviceError, PortError) as e:
                return Pulsed(before.drawer_sensor_high, None, None, str(e))
        return Pulsed(before.drawer_sensor_high, after.drawer_sensor_high, self._open(after))

    def _state(self, port: Port) -> DeviceState:
        commands = self._family.commands(When.POLL)
        answers = self._interview.ask(port, commands)
        return self._family.read_state(answers.of(commands), self._profile)

    def _open(self, state: DeviceState) -> bool | None:
        if state.drawer_open is not None or state.drawer_sensor_high is None:
            return state.drawer_open
        when = self._device.drawer_open_when
        return None if when is None else state.drawer_sensor_high is (when == "high")


def _must_be_ready(state: DeviceState, is_open: bool | None) -> None:
    """A pulse that an offline printer takes comes when it is online again, with nobody at the drawer."""
    if state.online is not True or state.busy:
        raise JobError("the printer is not ready", code="job.device_not_ready", retriable=True)
    if state.cover_open or state.paper_end or state.mechanism_error or state.cutter_error:
        raise JobError("the printer has stopped", code="job.device_not_ready", retriable=True)
    if is_open:
        raise JobError("the drawer is open already", code="job.drawer_open", retriable=True)
