"""Debian's kernel and the initial file system of the guest, made in build/usb-guest and kept there."""

import gzip
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

HOME = Path(__file__).resolve().parents[2] / "build" / "usb-guest"
MODULES = (
    "virtio_pci", "9pnet_virtio", "9p", "xhci-pci", "usblp", "usbmon", "usbhid", "hid-generic", "uhid",
    "ftdi_sio", "dummy_hcd", "usb_f_printer",
)  # fmt: skip
"""Loaded in this order, each after what it needs."""
BUSYBOX = Path("/bin/busybox")
INIT = Path(__file__).with_name("guest-init")
_NEWC = "070701"


def kernel() -> Path:
    """vmlinuz; fetched as a package once."""
    found = sorted(HOME.glob("package/boot/vmlinuz-*"))
    if found:
        return found[-1]
    HOME.mkdir(parents=True, exist_ok=True)
    listed = subprocess.run(
        ["apt-cache", "depends", "linux-image-amd64"], check=True, capture_output=True, text=True
    ).stdout
    name = next(line.split()[-1] for line in listed.splitlines() if "Depends: linux-image" in line)
    subprocess.run(["apt-get", "download", "-qq", name], cwd=HOME, check=True, stderr=subprocess.DEVNULL)
    package = next(HOME.glob("linux-image-*.deb"))
    subprocess.run(["dpkg-deb", "-x", package, HOME / "package"], check=True)
    package.unlink()
    return kernel()


def initrd() -> Path:
    """Busybox, the modules and the first program; made anew each time, for it takes a moment only."""
    root = HOME / "initrd"
    shutil.rmtree(root, ignore_errors=True)
    for folder in ("bin", "dev", "proc", "sys", "host", "modules"):
        (root / folder).mkdir(parents=True)
    shutil.copy(BUSYBOX, root / "bin" / "busybox")
    (root / "bin" / "sh").symlink_to("busybox")
    shutil.copy(INIT, root / "init")
    (root / "init").chmod(0o755)
    order = list(dict.fromkeys(path for name in MODULES for path in _with_needs(name)))
    for path in order:
        shutil.copy(path, root / "modules" / path.name)
    (root / "modules" / "order").write_text("".join(f"{path.name}\n" for path in order))
    target = HOME / "initrd.gz"
    target.write_bytes(gzip.compress(b"".join(_archive(root)), compresslevel=1))
    return target


def _with_needs(module: str) -> Iterator[Path]:
    """The module after all that it depends on, by the kernel's own list."""
    folder = next((HOME / "package" / "lib" / "modules").iterdir())
    path = next(folder.rglob(f"{module}.ko"))
    for name in _needs(path):
        yield from _with_needs(name)
    yield path


def _needs(path: Path) -> list[str]:
    """Names from the `depends` line that every module carries; a dash and an underscore are the same there."""
    text = path.read_bytes()
    start = text.find(b"\0depends=") + len(b"\0depends=")
    names = text[start : text.find(b"\0", start)].decode().split(",")
    folder = next((HOME / "package" / "lib" / "modules").iterdir())
    stems = {found.stem.replace("-", "_"): found.stem for found in folder.rglob("*.ko")}
    return [stems[name.replace("-", "_")] for name in names if name]


def _archive(root: Path) -> Iterator[bytes]:
    """The cpio format `newc` (Linux, Documentation/driver-api/early-userspace/buffer-format.rst)."""
    for number, path in enumerate(sorted(root.rglob("*")), 1):
        body = str(path.readlink()).encode() if path.is_symlink() else b""
        if path.is_file() and not path.is_symlink():
            body = path.read_bytes()
        yield _entry(number, str(path.relative_to(root)), path.lstat().st_mode, body)
    yield _entry(0, "TRAILER!!!", 0, b"")


def _entry(number: int, name: str, mode: int, body: bytes) -> bytes:
    spelt = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(body), 0, 0, 0, 0, len(spelt), 0)
    head = (_NEWC + "".join(f"{value:08X}" for value in fields)).encode() + spelt
    return _padded(head) + _padded(body)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
