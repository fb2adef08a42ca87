"""One pulse on the drawer of an emulated printer on a pty, through the real port: once, only where the state just
before allows it, and never again."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from agent.config import Device
from agent.devices import profile_store
from agent.runtime.clock import SystemClock
from agent.runtime.drawer_pulse import Pulse, wanted
from agent.runtime.running_till import RunningTill
from protocols.device.registry import FAMILIES
from protocols.errors import JobError, NoReply, PortHeld
from protocols.status.model import Identity
from tests.emulators.escpos import EscPos
from tests.emulators.runner import PtyLine


@pytest.fixture
def printer() -> EscPos:
    return EscPos("TM-T20III")


@pytest.fixture
def device(printer: EscPos, tmp_path: Path) -> Iterator[Device]:
    line = PtyLine(printer, tmp_path / "printer.pty")
    line.start()
    yield Device(id="printer", family="escpos", port=str(line.link), drawer_open_when="high")
    line.stop()


def pulse(device: Device) -> Pulse:
    profiles = profile_store.load()["escpos"]
    return Pulse(device, FAMILIES["escpos"], profiles, Identity(), SystemClock())


def kicks(printer: EscPos) -> int:
    return sum("kick" in job for job in printer.jobs)


def test_a_drawer_opens_and_the_sensor_says_so(device: Device, printer: EscPos) -> None:
    done = pulse(device).give(wanted(device, "pin_2"))
    assert (done.sensor_before, done.sensor_after, done.open_after, done.problem) == (False, True, True, "")
    assert kicks(printer) == 1
    with pytest.raises(JobError) as open_already:
        pulse(device).give(wanted(device, "pin_2"))
    assert open_already.value.code == "job.drawer_open"
    assert kicks(printer) == 1


@pytest.mark.parametrize("fault", ["cover_open", "paper_end", "offline"])
def test_a_printer_that_would_keep_the_pulse_for_later_gets_none(
    device: Device, printer: EscPos, fault: str
) -> None:
    printer.set_faults({fault: True})
    with pytest.raises(JobError) as refused:
        pulse(device).give(wanted(device, "pin_2"))
    assert refused.value.code == "job.device_not_ready"
    printer.reset()
    assert kicks(printer) == 0


def test_a_silent_printer_gets_none(device: Device, printer: EscPos) -> None:
    printer.set_behaviour({"silent": True})
    with pytest.raises(NoReply):
        pulse(device).give(wanted(device, "pin_2"))
    printer.set_behaviour({"silent": False})
    assert kicks(printer) == 0


def test_a_port_of_the_cash_program_is_left_alone(device: Device, printer: EscPos) -> None:
    import serial  # noqa: PLC0415

    with serial.Serial(device.port, exclusive=True), pytest.raises(PortHeld):
        pulse(device).give(wanted(device, "pin_2"))
    assert kicks(printer) == 0


def test_no_other_family_and_no_tapped_port_is_pulsed(device: Device) -> None:
    for other in FAMILIES:
        if other != "escpos":
            with pytest.raises(JobError) as refused:
                wanted(device.model_copy(update={"family": other}), "pin_2")
            assert refused.value.code == "job.no_drawer_test"
    with pytest.raises(JobError):
        wanted(device.model_copy(update={"sharing": "tap"}), "pin_2")
    with pytest.raises(JobError):
        wanted(device, "beep")


class Watch:
    """A device whose poller comes when the test says so."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.looked = None
        self.acts: list[object] = []
        self.kicks = 0
        self.came = Event()

    def before_next_look(self, act: object) -> None:
        self.acts.append(act)

    def kicked(self, *_: object) -> None:
        self.kicks += 1


def test_the_polling_thread_gives_it_and_only_once(device: Device, printer: EscPos) -> None:
    watch = Watch(device)

    def come(_device: str, _after_s: float) -> None:
        acts = [*watch.acts, *watch.acts]  # a poller that came twice would do no more
        Thread(target=lambda: [act() for act in acts], daemon=True).start()  # type: ignore[operator]

    till = RunningTill({"printer": watch}, SystemClock(), come, lambda: None)  # type: ignore[dict-item]
    assert till.pulse("printer", "pin_2", Event()).open_after is True
    assert (kicks(printer), watch.kicks) == (1, 1)
    with pytest.raises(JobError) as soon:
        till.pulse("printer", "pin_2", Event())
    assert soon.value.code == "job.too_soon"


def test_who_waits_no_more_gets_none_later(device: Device, printer: EscPos) -> None:
    """The job ended before the poller came: the drawer must not open when nobody expects it."""
    watch, stop = Watch(device), Event()
    stop.set()
    till = RunningTill({"printer": watch}, SystemClock(), lambda *_: None, lambda: None)  # type: ignore[dict-item]
    with pytest.raises(JobError) as gone:
        till.pulse("printer", "pin_2", stop)
    assert gone.value.code == "job.not_looked"
    for act in watch.acts:
        act()  # type: ignore[operator]
    assert (kicks(printer), watch.kicks) == (0, 0)
