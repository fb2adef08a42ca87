"""The probes give figures of this very computer, and their rules hold at the edges."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from agent.config import Host
from agent.system import boot, disk, drift, memory, temperature
from agent.system.boot import Boot, Ending, LastRun
from agent.system.disk import Room
from agent.system.probe import Measured, Probe
from agent.system.registry import Around, probes
from protocols.status.faults import FAULTS
from protocols.wire import v1

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def everything(folder: Path) -> tuple[Probe, ...]:
    host = Host(
        services=("nowhere",), pos_process="nowhere", pos_programs=(folder / "pos",), pos_server="127.0.0.1:9"
    )
    return probes(host, Around(folder, lambda: AT, lambda: (1.5, 0.1), collector="https://127.0.0.1:9"))


def test_the_quick_probes_give_what_a_sample_may_hold(tmp_path: Path) -> None:
    found = [probe.measure() for probe in everything(tmp_path) if not probe.every_s]
    values = {name: value for measured in found for name, value in measured.values.items()}
    subject = v1.Subject(kind=v1.SubjectKind.TERMINAL)
    v1.Sample(seq=1, at=AT, subject=subject, values=values)
    assert 0 < values["disk_free_percent"] <= 100
    assert 0 < values["memory_available_bytes"] <= psutil.virtual_memory().total
    assert values["clock_offset_s"] == 1.5


def looked(probe: Probe) -> tuple[Measured, str | None]:
    try:
        return probe.measure(), None
    except OSError as e:
        return Measured(), str(e)


def test_every_probe_keeps_the_contract_however_often_it_looks(tmp_path: Path) -> None:
    names = [probe.name for probe in everything(tmp_path)]
    assert len(set(names)) == len(names)
    for probe in everything(tmp_path):
        for _ in range(2):
            measured, why = looked(probe)
            assert why is None or why, f"{probe.name} does not say why"
            assert {c.code for c in measured.conditions} <= FAULTS.keys()
            assert all(isinstance(value, float) for value in measured.values.values()), probe.name
            for name, detail in measured.facts.items():
                v1.Fact(
                    seq=1,
                    at=AT,
                    subject=v1.Subject(kind=v1.SubjectKind.TERMINAL),
                    name=name,
                    detail=dict(detail),
                )
            json.dumps(measured.keep)


def test_the_filesystem_of_the_queue_is_always_among_the_disks(tmp_path: Path) -> None:
    free = psutil.disk_usage(str(tmp_path)).free
    values = disk.Disk(tmp_path, 10).measure().values
    assert any(abs(v - free) < 1 << 30 for k, v in values.items() if k.startswith("disk_free_bytes:"))


MOUNTS = r"""22 28 0:21 / /sys rw,nosuid - sysfs sysfs rw
28 1 254:0 / / ro,relatime shared:1 - ext4 /dev/vda rw,errors=remount-ro
40 28 8:17 / /media/USB\040disk ro,relatime - vfat /dev/sdb1 rw,fmask=0022
41 28 8:33 / /media/broken rw,relatime - ext4 /dev/sdc1 ro,errors=remount-ro
nonsense
"""


def test_a_service_that_sees_all_disks_read_only_is_not_fooled() -> None:
    assert disk.filesystems(MOUNTS) == {
        "/sys": True, "/": True, "/media/USB disk": True, "/media/broken": False,
    }  # fmt: skip


def test_a_place_that_may_not_be_looked_at_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "_places", lambda: [str(tmp_path / "gone")])
    assert list(disk.Disk(tmp_path, 10).rooms()) == [str(tmp_path)]


def test_the_tightest_disk_speaks() -> None:
    rooms = {"/": Room(50, 100), "/data": Room(4, 100)}
    measured = disk.judge(rooms, low_percent=10)
    [condition] = measured.conditions
    assert (condition.value, condition.raise_at, condition.clear_at) == (4.0, 10, 12.0)
    assert condition.reason.startswith("/data: 4.0 % free")
    assert measured.values["disk_free_bytes"] == 4


def test_no_disk_is_unknown_and_not_well() -> None:
    [condition] = disk.judge({}, low_percent=10).conditions
    assert condition.value is None


def test_memory_is_a_share_of_the_whole() -> None:
    [condition] = memory.judge(40, 1000, low_percent=5).conditions
    assert (condition.value, condition.raise_at, condition.clear_at) == (4.0, 5, 6.0)


@pytest.mark.parametrize(
    ("sensors", "hottest"),
    [
        ({}, None),
        ({"dead": [0.0, -128.0, 255.0]}, None),
        ({"cpu": [41.0, 90.5], "disk": [30.0], "dead": [255.0]}, 90.5),
    ],
)
def test_only_a_sensor_that_can_be_true_counts(
    sensors: dict[str, list[float]], hottest: float | None
) -> None:
    measured = temperature.judge(sensors, limit_c=85)
    assert measured.conditions[0].value == hottest
    assert measured.values.get("temperature_celsius") == hottest


@pytest.mark.parametrize(
    ("offset", "sure", "words"),
    [
        (None, None, ""),
        ((70.0, 1.0), 69.0, "the till's clock is 70 s slow"),
        ((-70.0, 1.0), 69.0, "the till's clock is 70 s fast"),
        ((70.0, 100.0), 0.0, "the till's clock is 70 s slow"),
    ],
)
def test_drift_counts_only_as_far_as_it_is_sure(
    offset: tuple[float, float] | None, sure: float | None, words: str
) -> None:
    [condition] = drift.judge(offset, limit_s=60).conditions
    assert (condition.value, condition.reason) == (sure, words)


NOW = Boot(AT, "now")


@pytest.mark.parametrize(
    ("last", "ended"),
    [
        (None, Ending.FIRST),
        (LastRun(AT, "now", clean=True), Ending.CLEAN),
        (LastRun(AT - timedelta(days=1), "before", clean=True), Ending.CLEAN),
        (LastRun(AT, "now", clean=False), Ending.CRASHED),
        (LastRun(AT + timedelta(days=300), "now", clean=False), Ending.CRASHED),
        (LastRun(AT, "before", clean=False), Ending.UNCLEAN_SHUTDOWN),
        (LastRun(AT - timedelta(seconds=30), "", clean=False), Ending.CRASHED),
        (LastRun(AT - timedelta(hours=1), "", clean=False), Ending.UNCLEAN_SHUTDOWN),
    ],
)
def test_how_the_last_run_ended(last: LastRun | None, ended: Ending) -> None:
    assert boot.ending(last, NOW) is ended


def test_this_boot_is_read_the_same_twice() -> None:
    assert boot.read() == boot.read()
    assert abs(boot.read().at.timestamp() - psutil.boot_time()) < 2
