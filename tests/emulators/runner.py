"""Puts an emulated device on a pty or a TCP port, with a control port on loopback, until it is told to stop:
python -m tests.emulators.escpos --pty ./printer.pty --model TM-T20III --fault paper_end"""

import ctypes
import errno
import json
import os
import select
import socket
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.emulators import stopping
from tests.emulators.command_line import add_list, address, made, parser_of
from tests.emulators.machine import Machine, Unknown

if sys.platform != "win32":  # where only the emulated devices themselves are of use
    import tty

_IN_OPEN = 0x20
_PIECE = 4096
_GAP_S = 0.02
"""No byte for so long after another: a frame that is not complete never will be."""
SLOW_S = 0.05


class Line:
    """The device's end of a line: writes as the behaviours say."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._never = threading.Event()
        self._write_lock = threading.Lock()
        machine.send = self.send

    def put(self, data: bytes) -> None:
        raise NotImplementedError

    def vanish(self) -> None:
        raise NotImplementedError

    def pause(self, seconds: float) -> None:
        self._never.wait(seconds)

    def send(self, data: bytes) -> None:
        """The whole answer, in the pieces that the behaviour asks for."""
        with self._write_lock:
            half = self.machine.half(data) if self.machine.behaves("vanish") else None
            if half is not None:
                self.put(half)
                self.vanish()
                return
            slow = self.machine.behaves("slow")
            size = 1 if slow else self.machine.behaves("split") or len(data)
            for at in range(0, len(data), size or 1):
                self.put(data[at : at + size])
                if slow:
                    self.pause(SLOW_S)


class PtyLine(Line):
    """Keeps only the master end, so that nobody but the client has the port. Waits without turning: while no
    client is there, for inotify to see the port opened."""

    def __init__(self, machine: Machine, link: Path) -> None:
        super().__init__(machine)
        self.link = link
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        self._opened = _watch_opening(self.path)
        os.close(slave)
        self._stop, self._stopper = os.pipe()
        link.unlink(missing_ok=True)
        link.symlink_to(self.path)
        self._thread = threading.Thread(target=self._run, name="pty", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        os.write(self._stopper, b"x")
        self._thread.join(30)
        self.link.unlink(missing_ok=True)
        self.vanish()
        for number in (self._opened, self._stop, self._stopper):
            os.close(number)

    def put(self, data: bytes) -> None:
        try:
            os.write(self.master, data)
        except OSError as e:
            if e.errno not in (errno.EIO, errno.EBADF):
                raise

    def vanish(self) -> None:
        if self.master >= 0:
            self.link.unlink(missing_ok=True)
            os.close(self.master)
            self.master = -1

    def _run(self) -> None:
        gap_s: float | None = None
        while self.master >= 0:
            ready, _, _ = select.select([self.master, self._stop], [], [], gap_s)
            if self._stop in ready:
                return
            gap_s = _GAP_S if ready else None
            if not ready:
                self.machine.quiet()
                continue
            data = self._read()
            if data:
                self.send(self.machine.receive(data))
            elif not self._wait_for_client():
                return

    def _read(self) -> bytes:
        """b"" while no client has the port open."""
        try:
            return os.read(self.master, _PIECE)
        except OSError as e:
            if e.errno != errno.EIO:
                raise
            return b""

    def _wait_for_client(self) -> bool:
        """False when told to stop. An opening before this call still stands in the inotify queue."""
        ready, _, _ = select.select([self._opened, self._stop], [], [])
        if self._opened in ready:
            os.read(self._opened, _PIECE)
        return self._stop not in ready


def _watch_opening(path: str) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    number: int = libc.inotify_init()
    if number < 0 or libc.inotify_add_watch(number, path.encode(), _IN_OPEN) < 0:
        raise OSError(ctypes.get_errno(), "inotify")
    return number


class TcpLine(Line):
    """One client at a time, as printers do; the next waits in the queue."""

    def __init__(self, machine: Machine, address: tuple[str, int]) -> None:
        super().__init__(machine)
        self._server = socket.create_server(address, backlog=1)
        self.path = "socket://{}:{}".format(*self._server.getsockname()[:2])
        self._client: socket.socket | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="tcp", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped = True
        self._server.shutdown(socket.SHUT_RDWR)
        self.vanish()
        self._thread.join(30)
        self._server.close()

    def put(self, data: bytes) -> None:
        if self._client and data:
            try:
                self._client.sendall(data)
            except OSError:
                return  # the client has gone; a printer does not care

    def vanish(self) -> None:
        client = self._client
        if client:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it was gone already

    def _run(self) -> None:
        while not self._stopped:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            with client:
                self._client = client
                self._serve(client)
                self._client = None

    def _serve(self, client: socket.socket) -> None:
        while True:
            try:
                data = client.recv(_PIECE)
            except OSError:
                return
            if not data:
                return
            self.send(self.machine.receive(data))


class Control(ThreadingHTTPServer):
    """GET /state, /forbidden; POST /faults, /behaviour, /reset. JSON both ways; 400 for an unknown name."""

    daemon_threads = True

    def __init__(self, machine: Machine, address: tuple[str, int]) -> None:
        super().__init__(address, _Handler)
        self.machine = machine
        self.url = "http://{}:{}".format(*self.server_address[:2])


class _Handler(BaseHTTPRequestHandler):
    server: Control
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        machine = self.server.machine
        pages: dict[str, Callable[[], object]] = {
            "/state": machine.state,
            "/forbidden": lambda: list(machine.forbidden),
        }
        page = pages.get(self.path)
        self._answer(200 if page else 404, page() if page else {"error": "no such page"})

    def do_POST(self) -> None:
        machine = self.server.machine
        actions: dict[str, Callable[[dict[str, Any]], None]] = {
            "/faults": machine.set_faults,
            "/behaviour": machine.set_behaviour,
            "/reset": lambda body: machine.reset(),
        }
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        action = actions.get(self.path)
        if not action:
            self._answer(404, {"error": "no such page"})
            return
        try:
            action(json.loads(body or b"{}"))
        except (Unknown, ValueError, TypeError, AttributeError) as e:
            self._answer(400, {"error": str(e)})
            return
        self._answer(200, machine.state())

    def _answer(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged: standard output belongs to the line that says ready."""


def main(make: type[Machine]) -> int:
    """Runs one device as a process. Prints one JSON line when ready; ends on SIGTERM or SIGINT."""
    parser = parser_of(make)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--pty", metavar="LINK", help="make a pty and this link to it")
    where.add_argument("--tcp", metavar="HOST:PORT", type=address, help="listen there instead")
    add_list(where)
    parser.add_argument(
        "--control", metavar="HOST:PORT", type=address, default="127.0.0.1:0", help="of the control port"
    )
    args = parser.parse_args()
    machine = made(make, parser, args)
    try:
        control = Control(machine, args.control)
        line = TcpLine(machine, args.tcp) if args.tcp else PtyLine(machine, Path(args.pty).absolute())
    except OSError as e:
        parser.error(f"it cannot stand there: {e}")
    _serve(machine, control, line, args.pty or line.path)
    return 0


def _serve(machine: Machine, control: Control, line: PtyLine | TcpLine, port: str) -> None:
    stopping.hold()
    threading.Thread(target=control.serve_forever, args=(stopping.LOOKS_S,), daemon=True).start()
    line.start()
    ready = {
        "family": machine.family,
        "model": machine.model,
        "port": port,
        "pty": line.path,
        "control": control.url,
        "pid": os.getpid(),
    }
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    stopping.wait()
    line.stop()
    control.shutdown()
    control.server_close()
