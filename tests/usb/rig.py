"""Boots the guest with an emulated USB serial adapter, pulls and plugs the adapter when the guest asks, and ends
as its tests did. python -m tests.usb.rig"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from tests.emulators.escpos import EscPos
from tests.usb import kernel

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 420.0
"""The guest runs without the processor's help, some ten times slower."""
ADAPTER = {"driver": "usb-serial", "id": "adapter", "chardev": "line", "serial": "FT123456"}
_QEMU = "qemu-system-x86_64"


class Monitor:
    """QEMU's own control socket (QMP)."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(20)
        self._socket.connect(str(path))
        self._file = self._socket.makefile("rwb")
        self._file.readline()
        self.do("qmp_capabilities")

    def do(self, command: str, **arguments: Any) -> None:
        self._file.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        self._file.flush()
        while True:
            answer = json.loads(self._file.readline())
            if "error" in answer:
                raise AssertionError(answer["error"])
            if "return" in answer:
                return

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def main() -> int:
    missing = [name for name in (_QEMU, "dpkg-deb") if not shutil.which(name)]
    if not kernel.BUSYBOX.exists():
        missing.append("busybox-static")
    if missing or os.geteuid() != 0:
        sys.stderr.write(f"test-usb: NOT TESTED: needs root and {', '.join(missing) or 'nothing else'}\n")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        return _boot(Path(folder))


def _boot(folder: Path) -> int:
    line, control = folder / "line", folder / "control"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(line))
        server.listen(1)
        threading.Thread(target=_printer, args=(server,), daemon=True).start()
        process = subprocess.Popen(
            _command(line, control), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        watchdog = threading.Timer(LIMIT_S, process.kill)
        watchdog.start()
        try:
            return _follow(process, control)
        finally:
            watchdog.cancel()
            process.kill()
            process.wait(30)


def _command(line: Path, control: Path) -> list[str]:
    return [
        _QEMU, "-accel", "tcg", "-m", "768", "-smp", "1", "-nographic", "-no-reboot", "-nodefaults",
        "-serial", "stdio", "-device", "qemu-xhci,id=usb",
        "-kernel", str(kernel.kernel()), "-initrd", str(kernel.initrd()),
        "-append", f"console=ttyS0 quiet panic=1 plomba={ROOT}",
        "-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap",
        "-chardev", f"socket,id=line,path={line},reconnect=1",
        "-device", "usb-serial,id=adapter,chardev=line,serial=FT123456",
        "-qmp", f"unix:{control},server=on,wait=off",
    ]  # fmt: skip


def _printer(server: socket.socket) -> None:
    """An ESC/POS printer behind the adapter."""
    machine = EscPos()
    while True:
        client, _ = server.accept()
        with client:
            while data := client.recv(4096):
                client.sendall(machine.receive(data))


def _follow(process: subprocess.Popen[str], control: Path) -> int:
    """Show what the guest prints and do what it asks. 1 unless it says that all went well."""
    monitor: Monitor | None = None
    assert process.stdout
    try:
        for text in process.stdout:
            if not text.startswith("@@"):
                sys.stdout.write(text)
                sys.stdout.flush()
                continue
            monitor = monitor or Monitor(control)
            if text.startswith("@@ unplug"):
                monitor.do("device_del", id="adapter")
            elif text.startswith("@@ plug"):
                monitor.do("device_add", **ADAPTER)
            elif text.startswith("@@ end"):
                return int(text.split()[2])
            else:
                sys.stdout.write(text)
    finally:
        if monitor:
            monitor.close()
    sys.stdout.write("test-usb: the guest ended without a result\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
