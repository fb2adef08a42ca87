"""What agents tell, in the inventory."""

from datetime import timedelta

import pytest

from collector.inventory import record
from collector.inventory.models import Device, Terminal
from protocols.wire import v1
from tests.collector.still import START

pytestmark = pytest.mark.django_db


def hello(*names: str) -> v1.Hello:
    devices = tuple(v1.DeviceInfo(id=name, family="escpos", port=f"/dev/{name}") for name in names)
    return v1.Hello(
        seq=1, at=START, agent="0.2", hostname="kase1", os="Debian 12", boot_at=START, devices=devices
    )


def state(contact: str = "ok", at_s: float = 0, **fields: bool) -> v1.State:
    return v1.State(
        seq=1 + int(at_s),
        at=START + timedelta(seconds=at_s),
        device="printer",
        contact=v1.Contact(contact),
        identity={"model": "TM-T20"},
        state=dict(fields),
    )


def test_hello_makes_and_retires_devices(terminal: Terminal) -> None:
    record.record_hello(terminal.pk, hello("printer", "drawer"), START)
    record.record_hello(terminal.pk, hello("printer"), START)
    found = {device.name: device.retired_at for device in Device.objects.all()}
    assert found == {"printer": None, "drawer": START}
    record.record_hello(terminal.pk, hello("printer", "drawer"), START)
    assert not Device.objects.exclude(retired_at=None).exists()
    terminal.refresh_from_db()
    assert (terminal.hostname, terminal.agent_version) == ("kase1", "0.2")


def test_a_new_device_appears_by_itself(terminal: Terminal) -> None:
    record.record_state(terminal.pk, 1, state(paper_end=False), START)
    device = Device.objects.get()
    assert (device.name, device.contact, device.state) == ("printer", "ok", {"paper_end": False})
    assert (device.identity, device.first_seen_at) == ({"model": "TM-T20"}, START)


def test_since_moves_only_with_a_change(terminal: Terminal) -> None:
    def since() -> float:
        found = Device.objects.get().state_since
        assert found
        return (found - START).total_seconds()

    record.record_state(terminal.pk, 1, state(at_s=0, paper_end=False), START)
    record.record_state(terminal.pk, 1, state(at_s=9, paper_end=False), START)
    assert since() == 0
    record.record_state(terminal.pk, 1, state(at_s=20, paper_end=True), START)
    assert since() == 20
    record.record_state(terminal.pk, 1, state("no_reply", at_s=30, paper_end=True), START)
    assert since() == 30


def test_contact_keeps_queue_and_clock(terminal: Terminal) -> None:
    queue = v1.Queue(messages=2**40, oldest_at=START)
    ahead = START + timedelta(seconds=2.5)
    report = v1.Report(terminal=terminal.pk, epoch=1, sent_at=ahead, queue=queue, messages=())
    record.record_contact(report, START)
    terminal.refresh_from_db()
    assert (terminal.clock_offset_s, terminal.queue_oldest_at, terminal.last_seen_at) == (2.5, START, START)


def test_samples_are_kept_side_by_side(terminal: Terminal) -> None:
    subject = v1.Subject(kind=v1.SubjectKind.TERMINAL)

    def sample(about: v1.Subject, seq: int, **values: float) -> v1.Sample:
        return v1.Sample(seq=seq, at=START, subject=about, values=values)

    of_device = v1.Subject(kind=v1.SubjectKind.DEVICE, id="printer")
    report = v1.Report(terminal=terminal.pk, epoch=1, sent_at=START, messages=())
    record.record_contact(report, START, [sample(subject, 1, cpu_percent=1.0)])
    more = [
        sample(subject, 7, disk_free_bytes=2.0),
        sample(of_device, 8, x=1.0),
        sample(subject, 9, cpu_percent=3.0),
    ]
    record.record_contact(report, START, more)
    record.record_contact(report, START, [sample(subject, 6, cpu_percent=0.0)])  # older, and later on the way
    terminal.refresh_from_db()
    assert terminal.sample == {"cpu_percent": 3.0, "disk_free_bytes": 2.0}


def test_an_older_state_that_comes_later_changes_nothing(terminal: Terminal) -> None:
    record.record_state(terminal.pk, 2, state(at_s=0, paper_end=True), START)
    record.record_state(terminal.pk, 1, state(at_s=50, paper_end=False), START)
    assert Device.objects.get().state == {"paper_end": True}
    record.record_state(terminal.pk, 2, state(at_s=1, paper_end=False), START)
    assert Device.objects.get().state == {"paper_end": False}


def test_a_state_brings_no_retired_device_back(terminal: Terminal) -> None:
    record.record_hello(terminal.pk, hello("printer"), START)
    record.record_hello(terminal.pk, hello(), START)
    record.record_state(terminal.pk, 1, state(at_s=1), START)
    assert Device.objects.get().retired_at == START
