"""Other programs that watch a computer, from Debian (`tests/system-packages peers`), started as children on loopback
with the least configuration. Each is given the work it is made for: items asked for, a page scraped, a server to
wait for. They read no printers and keep no queue, so their processor time says "of the same order", no more."""

import random
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ASK_S = 15.0
"""Each is asked this often, as its makers advise or more seldom."""
ITEMS = (
    "system.cpu.util", "system.cpu.load[all,avg1]", "vm.memory.size[available]", "vm.memory.size[total]",
    "vfs.fs.size[/,free]", "vfs.fs.size[/,pfree]", "vfs.fs.inode[/,pfree]", "system.uptime", "system.boottime",
    "proc.num[]", "net.if.in[lo]", "net.if.out[lo]",
)  # fmt: skip

Start = Callable[[Path, ExitStack], tuple[subprocess.Popen[bytes], Callable[[], None]]]
"""A process in that folder, and what to do to it every ASK_S."""


def free_port() -> int:
    """Below 32768: zabbix_agent2 takes no other."""
    for port in random.sample(range(20000, 32000), 100):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise OSError("no port is free")


def child(command: list[str], folder: Path, stack: ExitStack) -> subprocess.Popen[bytes]:
    """Ends with the stack; what it says goes to a file in the folder."""
    log = stack.enter_context((folder / f"{Path(command[0]).name}.log").open("wb"))
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder)
    stack.callback(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def zabbix_agent2(folder: Path, stack: ExitStack) -> tuple[subprocess.Popen[bytes], Callable[[], None]]:
    port = free_port()
    file = folder / "zabbix.conf"
    file.write_text(
        f"LogType=console\nServer=127.0.0.1\nListenIP=127.0.0.1\nListenPort={port}\nHostname=till\n"
        f"ControlSocket={folder}/zabbix.sock\nPluginSocket={folder}/plugin.sock\nPidFile={folder}/zabbix.pid\n"
    )

    def ask() -> None:
        for item in ITEMS:
            _zabbix_get(port, item)

    return child(["/usr/sbin/zabbix_agent2", "-c", str(file)], folder, stack), ask


def _zabbix_get(port: int, item: str) -> bytes:
    """The passive check of the Zabbix protocol: ZBXD, flags, length, text."""
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        line.sendall(b"ZBXD\x01" + struct.pack("<II", len(item), 0) + item.encode())
        answer = b""
        while piece := line.recv(4096):
            answer += piece
    if not answer.startswith(b"ZBXD") or b"ZBX_NOTSUPPORTED" in answer:
        raise RuntimeError(f"zabbix_agent2 does not tell {item}: {answer!r}")
    return answer[13:]


def node_exporter(folder: Path, stack: ExitStack) -> tuple[subprocess.Popen[bytes], Callable[[], None]]:
    port = free_port()

    def scrape() -> None:
        line = HTTPConnection("127.0.0.1", port, timeout=10)
        line.request("GET", "/metrics")
        answer = line.getresponse()
        if answer.status != 200 or b"node_memory_" not in answer.read():
            raise RuntimeError("node_exporter gives no figures")
        line.close()

    command = ["/usr/bin/prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}"]
    return child(command, folder, stack), scrape


class _Nothing(BaseHTTPRequestHandler):
    """A server of inventories that wants none now."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._send(b'<?xml version="1.0"?><REPLY><PROLOG_FREQ>24</PROLOG_FREQ></REPLY>')

    def do_GET(self) -> None:
        self._send(b"{}")

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def fusioninventory(folder: Path, stack: ExitStack) -> tuple[subprocess.Popen[bytes], Callable[[], None]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Nothing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    stack.callback(thread.join)
    stack.callback(server.server_close)
    stack.callback(server.shutdown)
    file = folder / "fusioninventory.conf"
    file.touch()
    command = [
        "/usr/bin/fusioninventory-agent", "--daemon", "--no-fork", "--logger=stderr", f"--conf-file={file}",
        f"--server=http://127.0.0.1:{server.server_port}/", "--httpd-ip=127.0.0.1", f"--httpd-port={free_port()}",
    ]  # fmt: skip
    return child(command, folder, stack), lambda: None


PEERS: Mapping[str, tuple[str, str, Start]] = {
    "zabbix_agent2": (
        "/usr/sbin/zabbix_agent2",
        f"{len(ITEMS)} items asked every {ASK_S:.0f} s",
        zabbix_agent2,
    ),
    "node_exporter": ("/usr/bin/prometheus-node-exporter", f"scraped every {ASK_S:.0f} s", node_exporter),
    "fusioninventory-agent": ("/usr/bin/fusioninventory-agent", "waits, no inventory", fusioninventory),
}
"""Name -> its program, what it does meanwhile, and how it is started."""


class Asking:
    """Asks every peer every ASK_S in a thread of ours, until the stack is left. `failed`: what went wrong."""

    def __init__(self, asks: Mapping[str, Callable[[], None]], stack: ExitStack) -> None:
        self._asks = asks
        self._over = threading.Event()
        self.failed: dict[str, str] = {}
        thread = threading.Thread(target=self._run)
        thread.start()
        stack.callback(thread.join)
        stack.callback(self._over.set)

    def _run(self) -> None:
        while not self._over.wait(ASK_S):
            for name, ask in self._asks.items():
                try:
                    ask()
                except (OSError, RuntimeError) as e:
                    self.failed[name] = str(e)


def installed() -> list[str]:
    return [name for name, (program, _, _) in PEERS.items() if shutil.which(program)]


def version(name: str) -> str:
    """As Debian says it."""
    package = "prometheus-node-exporter" if name == "node_exporter" else name.replace("_", "-")
    found = subprocess.run(
        ["dpkg-query", "-W", "-f=${Version}", package], capture_output=True, text=True, check=False
    )
    return found.stdout or "?"
