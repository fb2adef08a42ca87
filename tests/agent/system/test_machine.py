"""The computer is known by its disk, its board and its installation, and by nothing that others have too."""

import hashlib
import os
import sys
from pathlib import Path

import pytest

from agent.system import machine


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    if sys.platform == "win32":
        pytest.skip("NOT TESTED: sysfs is Linux's")
    (tmp_path / "sys/class/dmi/id").mkdir(parents=True)
    (tmp_path / "sys/dev/block").mkdir(parents=True)
    return tmp_path / "sys"


def disk(sysfs: Path, name: str, folder: Path, partition: str = "") -> Path:
    """A disk in sysfs on which the folder lies, or on its partition."""
    home = sysfs / "devices/pci/block" / name
    place = home / partition if partition else home
    place.mkdir(parents=True)
    if partition:
        (place / "partition").write_text("1\n")
    number = folder.stat().st_dev
    (sysfs / f"dev/block/{os.major(number)}:{os.minor(number)}").symlink_to(place)
    return home


def read(sysfs: Path, folder: Path) -> tuple[str, str, str]:
    (folder / "machine-id").write_text("0123456789ABCDEF0123456789abcdef\n")
    found = machine.read(folder, sysfs=sysfs, machine_id=folder / "machine-id")
    return found.disk_serial, found.board_serial, found.machine_id


def test_nvme_on_a_partition(sysfs: Path, tmp_path: Path) -> None:
    home = disk(sysfs, "nvme0n1", tmp_path, "nvme0n1p2")
    (home / "device").mkdir()
    (home / "device/serial").write_text("S6XNNX0T123456      \n")
    (sysfs / "class/dmi/id/board_serial").write_text("MB-0042\n")
    serial, board, machine_id = read(sysfs, tmp_path)
    assert (serial, board) == ("S6XNNX0T123456", "MB-0042")
    text = b"plomba machine 1\n0123456789abcdef0123456789abcdef"
    assert machine_id == hashlib.sha256(text).hexdigest()[:32]


def test_sata_tells_it_on_a_page_of_vital_product_data(sysfs: Path, tmp_path: Path) -> None:
    home = disk(sysfs, "sda", tmp_path, "sda1")
    (home / "device").mkdir()
    (home / "device/vpd_pg80").write_bytes(b"\x00\x80\x00\x14" + b"      WD-WCC4E1234567"[:20].rjust(20))
    assert read(sysfs, tmp_path)[0].startswith("WD-WCC4E")


def test_a_volume_of_the_device_mapper_lies_on_a_disk(sysfs: Path, tmp_path: Path) -> None:
    home = sysfs / "devices/pci/block/vda"
    (home / "vda3").mkdir(parents=True)
    (home / "vda3/partition").write_text("3\n")
    (home / "serial").write_text("VIRT-7\n")
    volume = disk(sysfs, "dm-0", tmp_path)
    (volume / "slaves").mkdir()
    (volume / "slaves/vda3").symlink_to(home / "vda3")
    assert read(sysfs, tmp_path)[0] == "VIRT-7"


@pytest.mark.parametrize(
    "text", ["To Be Filled By O.E.M.\n", "Default string\n", "0\n", "00000000\n", "None\n", "", "\0\n"]
)
def test_what_every_board_has_is_no_number(sysfs: Path, tmp_path: Path, text: str) -> None:
    (sysfs / "class/dmi/id/board_serial").write_text(text)
    assert read(sysfs, tmp_path)[:2] == ("", "")
    (sysfs / "class/dmi/id/product_serial").write_text("PF2ABCDE\n")
    assert read(sysfs, tmp_path)[1] == "PF2ABCDE"


def test_this_very_computer_is_read_without_a_complaint(tmp_path: Path) -> None:
    assert machine.read(tmp_path) == machine.read(tmp_path)


def smbios(kind: int, serial: bytes) -> bytes:
    formatted = bytes((kind, 15, 0, 1, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0))
    return formatted + b"Maker\0Board\0rev 1\0" + serial + b"\0\0"


def test_smbios() -> None:
    table = smbios(1, b"SYSTEM-1") + smbios(2, b"BOARD-2") + bytes((127, 4, 0, 9, 0, 0))
    assert machine.board_serial_of(table) == "BOARD-2"
    assert machine.board_serial_of(smbios(2, b"Default string") + smbios(1, b"SYSTEM-1")) == "SYSTEM-1"
    for cut in range(len(table)):
        assert machine.board_serial_of(table[:cut]) in ("", "SYSTEM-1", "BOARD-2")


def test_storage_descriptor() -> None:
    head = bytes(24) + (36).to_bytes(4, "little") + bytes(8)
    assert machine.disk_serial_of(head + b"  WD-123\0rest") == "WD-123"
    assert machine.disk_serial_of(bytes(40)) == machine.disk_serial_of(b"") == ""
    assert machine.disk_serial_of(head) == ""
