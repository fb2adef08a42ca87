"""A real OpenSSH server on loopback, with one account's key and a host key of its own."""

import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from agent.backup.repository.sftp import SftpAccess
from tests.collector.served import free_port
from tests.conftest import missing

CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {root}/host
AuthorizedKeysFile {root}/authorized
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
"""


@dataclass(frozen=True)
class Server:
    port: int
    root: Path

    def access(self, folder: Path) -> SftpAccess:
        key = (self.root / "host.pub").read_text()
        return SftpAccess("127.0.0.1", self.port, getpass.getuser(), str(folder), self.root / "till", key)


@contextmanager
def running(root: Path) -> Iterator[Server]:
    if not Path("/usr/sbin/sshd").exists() or not shutil.which("ssh-keygen"):
        missing("an OpenSSH server")
    for name in ("host", "till"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(root / name)]
        subprocess.run(command, check=True)
    (root / "host.pub").write_text(" ".join((root / "host.pub").read_text().split()[:2]))
    shutil.copy(root / "till.pub", root / "authorized")
    port = free_port()
    (root / "config").write_text(CONFIG.format(port=port, root=root))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    command = ["/usr/sbin/sshd", "-D", "-e", "-f", str(root / "config")]
    with (root / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            _wait(port, process, root / "log")
            yield Server(port, root)
        finally:
            process.terminate()


def _wait(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None, log.read_text()
            Event().wait(0.05)
            continue
        return
    raise AssertionError(log.read_text())
