"""One device read again and again, on a pty, against emulators."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.devices import profile_store
from agent.devices.poller import CONFIRM_S, Poller
from agent.devices.reading import Reading
from agent.health import Judge, observe_device
from protocols.device.family import When
from protocols.device.registry import FAMILIES
from protocols.status.model import DeviceState, Identity
from protocols.wire.v1 import Contact
from tests.agent.devices.bench import HurriedPort, QuickPort, RawPty, SkewedClock, Till
from tests.emulators.datecs_isl_legacy import DatecsIsl
from tests.emulators.escpos import EscPos

UNKNOWN = DeviceState()
PROFILES = profile_store.load()
OTHER_MODEL = {"escpos": "TM-T88V", "datecs_isl_legacy": "FP-2000"}


def test_a_healthy_device_is_read_within_a_second(till: Till) -> None:
    poller = till.poller()
    began = time.perf_counter()
    reading = poller.poll()
    assert time.perf_counter() - began < 1.0
    assert reading.contact is Contact.OK
    assert reading.reason == ""
    assert reading.state.online is True
    assert reading.state.paper_end is False
    assert reading.identity.model == till.machine.model
    assert reading.last_good_at == reading.at
    assert reading.round_trip_s is not None
    assert 0 < reading.round_trip_s < 1.0


def test_only_allowed_questions_are_asked(till: Till) -> None:
    poller = till.poller(slow_s=10)
    for _ in range(5):
        poller.poll()
        till.clock.forward(11)
    assert till.machine.received > 0
    assert till.machine.forbidden == []


def test_the_port_is_free_between_polls(till: Till) -> None:
    till.poller().poll()
    code = "import sys, serial; serial.Serial(sys.argv[1], exclusive=True).close()"
    subprocess.run([sys.executable, "-c", code, till.port], check=True, timeout=30)


def test_a_change_is_asked_again_soon_and_then_as_usual(till: Till) -> None:
    poller = till.poller()
    poller.poll()
    assert poller.next_delay_s == CONFIRM_S  # the first reading is news
    poller.poll()
    assert poller.next_delay_s == 2.0
    till.machine.set_faults({"paper_end": True})
    assert poller.poll().state.paper_end is True
    assert poller.next_delay_s == CONFIRM_S
    assert poller.poll().state.paper_end is True
    assert poller.next_delay_s == 2.0


def test_a_fault_is_raised_and_cleared_within_three_seconds_at_a_poll_of_two(till: Till) -> None:
    """The worst moment: the fault comes right after a reading. Time runs on the skewed clock."""
    poller, judge = till.poller(), Judge()
    for _ in range(3):
        _judge(judge, poller.poll(), till.clock)
        till.clock.forward(poller.next_delay_s)
    for on, change in ((True, "raised"), (False, "cleared")):
        began = till.clock.monotonic()
        till.machine.set_faults({"paper_end": on})
        assert _until(till, poller, judge, f"printer.paper_end {change}") - began < 3.0


def test_without_the_quick_second_reading_it_would_take_longer(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above."""
    monkeypatch.setattr("agent.devices.poller.CONFIRM_S", 60.0)
    poller, judge = till.poller(), Judge()
    for _ in range(3):
        _judge(judge, poller.poll(), till.clock)
        till.clock.forward(poller.next_delay_s)
    began = till.clock.monotonic()
    till.machine.set_faults({"paper_end": True})
    assert _until(till, poller, judge, "printer.paper_end raised") - began > 3.0


def test_a_silent_device_is_unknown_and_its_last_answer_is_not_repeated(till: Till) -> None:
    poller = till.poller()
    good = poller.poll()
    till.machine.set_behaviour({"silent": 1})
    reading = poller.poll()
    assert reading.contact is Contact.NO_REPLY
    assert reading.reason_code == "device.no_reply"
    assert reading.state == UNKNOWN
    assert reading.last_good_at == good.at
    assert reading.identity.model == till.machine.model
    till.machine.set_behaviour({"silent": 0})
    assert poller.poll().contact is Contact.OK


def test_an_unplugged_device_is_missing_and_is_noticed_when_it_is_back(till: Till) -> None:
    poller = till.poller()
    poller.poll()
    till.unplug()
    delays = []
    for _ in range(20):
        reading = poller.poll()
        assert (reading.contact, reading.state) == (Contact.MISSING, UNKNOWN)
        delays.append(poller.next_delay_s)
    assert delays[:3] == [2.0, 2.0, 2.0]
    assert max(delays) <= 30.0
    assert len(set(delays[6:])) > 5, "the pauses are spread"
    till.plug_in()
    reading = poller.poll()
    assert reading.contact is Contact.OK
    assert reading.identity.model == till.machine.model


def test_the_pauses_grow_to_half_a_minute(printer: Till) -> None:
    printer.jitter = lambda low, high: high
    printer.unplug()
    poller = printer.poller()
    delays = []
    for _ in range(9):
        poller.poll()
        delays.append(poller.next_delay_s)
    assert delays == [2, 2, 2, 4, 8, 16, 30, 30, 30]


def test_a_port_of_the_cash_program_is_in_use_and_gets_no_byte(till: Till) -> None:
    code = "import os, sys; os.open(sys.argv[1], os.O_RDWR); print(1, flush=True); sys.stdin.read()"
    poller, judge = till.poller(), Judge()
    with subprocess.Popen(
        [sys.executable, "-c", code, till.port], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as cash:
        assert cash.stdout
        assert cash.stdout.readline()
        for _ in range(20):
            reading = poller.poll()
            assert (reading.contact, reading.state) == (Contact.IN_USE, UNKNOWN)
            assert _judge(judge, reading, till.clock) == []
            till.clock.forward(poller.next_delay_s)
        assert till.machine.received == 0
        cash.communicate()
    assert poller.poll().contact is Contact.OK


def test_answers_are_not_believed_when_the_cash_program_came_in_between(
    printer: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    poller = printer.poller()
    poller.poll()
    printer.machine.set_faults({"paper_end": True})
    seen = iter((False, True))  # free when we open it, another's when we look again
    monkeypatch.setattr("agent.ports.serial_port.held", lambda path: next(seen))
    reading = poller.poll()
    assert (reading.contact, reading.state) == (Contact.IN_USE, UNKNOWN)
    assert next(seen, None) is None


@pytest.mark.parametrize("behaviour", ["split", "noise", "echo", "truncated"])
def test_a_bad_line_gives_the_truth_or_nothing(till: Till, behaviour: str) -> None:
    poller = till.poller()
    till.machine.set_faults({"paper_end": True})
    till.machine.set_behaviour({behaviour: 1})
    for _ in range(2):
        reading = poller.poll()
        assert reading.state.paper_end in (True, None)
        assert reading.state.cover_open in (False, None)
        assert (reading.contact is Contact.OK) == (reading.state != UNKNOWN)


@pytest.mark.parametrize("repeat", range(3))
def test_a_port_that_vanishes_in_the_middle_of_an_answer_is_missing(till: Till, repeat: int) -> None:
    """The printer of the other family answers with one byte, which is not half of anything."""
    poller = till.poller()
    poller.poll()
    till.machine.set_behaviour({"vanish": 1})
    readings = [poller.poll() for _ in range(2)]
    assert readings[-1].contact is Contact.MISSING
    assert all(reading.state == UNKNOWN for reading in readings if reading.contact is not Contact.OK)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    family=st.sampled_from(sorted(name for name, family in FAMILIES.items() if family.ports.serial)),
    junk=st.lists(st.binary(max_size=40), min_size=1, max_size=6),
)
def test_garbage_is_never_an_exception_and_never_a_state(
    family: str, junk: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.devices.poller.open_port", HurriedPort)
    answers = iter(junk * 100)
    pty = RawPty(lambda asked: next(answers, b""))
    device = Till(Path("/"), family).device().model_copy(update={"port": pty.path})
    try:
        poller = Poller(device, FAMILIES[family], PROFILES[family], SkewedClock())
        readings = [poller.poll() for _ in range(2)]
    finally:
        pty.close()
    for reading in readings:
        if family == "datecs_isl_legacy":  # a sum guards every answer
            assert reading.state in (UNKNOWN, DeviceState(busy=True))
        if reading.contact is not Contact.OK:
            assert reading.state == UNKNOWN
            assert reading.reason
        assert reading.reason_code != "device.internal"


def test_the_drawer_is_unknown_until_somebody_has_looked(printer: Till) -> None:
    assert printer.poller().poll().state.drawer_open is None


@pytest.mark.parametrize(("when", "low_is_open"), [("high", 0), ("low", 1)])
def test_the_drawer_is_read_by_its_polarity(printer: Till, when: str, low_is_open: int) -> None:
    printer.machine.set_behaviour({"drawer_open_is_low": low_is_open})
    poller = printer.poller(drawer_open_when=when)
    assert poller.poll().state.drawer_open is False
    printer.machine.set_faults({"drawer_open": True})
    assert poller.poll().state.drawer_open is True
    assert poller.next_delay_s == CONFIRM_S


def test_who_it_is_is_not_asked_while_it_is_offline(printer: Till) -> None:
    """The printer would keep the question and answer when it is online again, to whoever has the port
    then."""
    printer.machine.set_faults({"cover_open": True})
    poller = printer.poller()
    assert poller.poll().identity == Identity()
    assert printer.machine.state()["waiting"] == 0
    printer.machine.set_faults({"cover_open": False})
    assert poller.poll().identity.model == printer.machine.model


def test_a_printer_that_does_not_say_who_it_is_is_read_all_the_same(printer: Till) -> None:
    printer.machine.set_behaviour({"no_identity": 1})
    poller = printer.poller()
    for _ in range(2 * len(FAMILIES["escpos"].read_only_commands)):
        reading = poller.poll()
        assert reading.contact is Contact.OK
        assert reading.state.paper_end is False
        assert reading.identity.model == ""
        if reading.slow:
            break
    began = time.perf_counter()
    poller.poll()
    assert time.perf_counter() - began < 0.5, "the open question costs nothing at the polls that follow"


def test_a_question_that_is_never_answered_becomes_a_rare_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A printer without a paper sensor query. What it does answer is read, and the rest costs nothing for
    long."""
    monkeypatch.setattr("agent.devices.poller.open_port", QuickPort)
    pty = RawPty(lambda asked: b"\x12" if asked[:2] == b"\x10\x04" and asked[-1] in b"\x01\x02\x03" else b"")
    device = Till(Path("/"), "escpos").device(slow_s=300).model_copy(update={"port": pty.path})
    clock = SkewedClock()
    poller = Poller(device, FAMILIES["escpos"], PROFILES["escpos"], clock)
    asked = []
    try:
        for _ in range(6):
            pty.received.clear()
            reading = poller.poll()
            assert (reading.contact, reading.state.cover_open) == (Contact.OK, False)
            assert reading.state.paper_end is None
            asked.append(pty.received.count(b"\x10\x04\x04"))
        clock.forward(301)
        pty.received.clear()
        poller.poll()
        asked.append(pty.received.count(b"\x10\x04\x04"))
    finally:
        pty.close()
    assert [bool(times) for times in asked] == [True, True, True, False, False, False, True]


def test_a_slow_line_is_asked_one_question_more_at_each_poll(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.devices.conversation.WINDOW_S", 0.0)
    poller = till.poller()
    family = FAMILIES[till.family]
    asked_seldom = [*family.commands(When.IDENTIFY), *family.commands(When.SLOW)]
    readings = [poller.poll() for _ in range(len(asked_seldom) + 2)]
    assert {reading.contact for reading in readings} == {Contact.OK}
    reading = readings[-1]
    assert readings[0].state.free_z_records is None
    assert reading.identity.model == till.machine.model
    assert till.family == "escpos" or reading.state.free_z_records is not None


def test_another_device_on_the_port_is_noticed_and_settles_after_an_hour(till: Till) -> None:
    poller = till.poller(slow_s=300)
    assert poller.poll().identity_changed is False
    till.unplug()
    poller.poll()
    till.plug_in(type(till.machine)(OTHER_MODEL[till.family]))
    changed = []
    for _ in range(16):
        changed.append(poller.poll().identity_changed)
        till.clock.forward(301)
    assert changed[:3] == [False, True, True], "two identifications agree"
    assert changed[-1] is False
    assert sum(changed) >= 11


def test_the_same_device_after_a_pull_of_the_plug_is_no_change(till: Till) -> None:
    poller = till.poller()
    poller.poll()
    till.unplug()
    poller.poll()
    till.plug_in()
    assert [poller.poll().identity_changed for _ in range(3)] == [False] * 3


def test_what_changes_slowly_is_asked_seldom_and_kept(tmp_path: Path) -> None:
    till = Till(tmp_path, "datecs_isl_legacy")
    till.plug_in()
    try:
        poller = till.poller(slow_s=300)
        assert poller.poll().state.free_z_records is not None
        for _ in range(3):
            poller.poll()
        asked = till.machine.received
        assert poller.poll().state.free_z_records is not None
        each = till.machine.received - asked
        till.clock.forward(301)
        poller.poll()
        assert till.machine.received - asked - each > 3 * each
    finally:
        till.unplug()


@pytest.mark.parametrize("off_s", [0, 900, -900])
def test_the_clock_of_a_fiscal_printer_is_compared_with_the_till(tmp_path: Path, off_s: int) -> None:
    till = Till(tmp_path, "datecs_isl_legacy")
    till.clock.wall_s = -off_s
    till.plug_in()
    try:
        reading = till.poller().poll()
    finally:
        till.unplug()
    assert reading.clock_offset_s == pytest.approx(off_s, abs=2)


def test_another_kind_of_device_is_a_mismatch(tmp_path: Path) -> None:
    """A Datecs printer of the other generation answers, but not with this protocol."""
    till = Till(tmp_path, "datecs_isl_legacy")
    machine = DatecsIsl()
    machine.set_behaviour({"other_variant": 1})
    till.plug_in(machine)
    try:
        reading = till.poller().poll()
    finally:
        till.unplug()
    assert reading.contact is Contact.MISMATCH, reading
    assert reading.state == UNKNOWN


def test_a_busy_device_is_in_contact(tmp_path: Path) -> None:
    till = Till(tmp_path, "datecs_isl_legacy")
    machine = DatecsIsl()
    machine.set_behaviour({"syn_forever": 1})
    till.plug_in(machine)
    try:
        reading = till.poller().poll()
    finally:
        till.unplug()
    assert reading.contact is Contact.OK, reading
    assert reading.state == DeviceState(busy=True)
    assert reading.reason_code == "device.busy"


def test_a_printer_family_on_the_wrong_device_reads_nothing_false(printer: Till) -> None:
    """An ESC/POS printer that is asked as a Datecs printer stays unknown."""
    device = printer.device().model_copy(update={"family": "datecs_isl_legacy"})
    reading = Poller(
        device, FAMILIES["datecs_isl_legacy"], PROFILES["datecs_isl_legacy"], printer.clock
    ).poll()
    assert reading.contact is not Contact.OK
    assert reading.state == UNKNOWN
    assert isinstance(printer.machine, EscPos)


def _judge(judge: Judge, reading: Reading, clock: SkewedClock) -> list[str]:
    found = observe_device(reading.contact, reading.state, identity_changed=reading.identity_changed)
    changes = judge.observe(found, at_s=clock.monotonic(), now=reading.at)
    return [f"{change.code} {change.change.value}" for change in changes]


def _until(till: Till, poller: Poller, judge: Judge, wanted: str) -> float:
    """The monotonic time at which it happened."""
    for _ in range(20):
        till.clock.forward(poller.next_delay_s)
        if wanted in _judge(judge, poller.poll(), till.clock):
            return till.clock.monotonic()
    raise AssertionError(f"{wanted} never came")
