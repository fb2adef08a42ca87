"""ErpNet.FP with one printer, from its PROTOCOL.md: a real HTTP server on loopback. Nothing is sold; what would
print or change something is recorded.
python -m tests.emulators.erpnet_fp --listen 127.0.0.1:8001 --fault paper_end"""

import json
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from tests.emulators import stopping
from tests.emulators.command_line import add_list, address, made, parser_of
from tests.emulators.machine import Machine

FORBIDDEN_EXAMPLES = {
    "receipt": b"receipt",
    "Z report": b"zreport",
    "raw request": b"rawrequest",
    "cash amount, which is asked of the printer with a money command": b"cash",
    "another printer": b"../dt000000/status",
}
_CODES = {
    "paper_end": ("error", "E301", "No paper"),
    "paper_near_end": ("warning", "W301", "Low paper"),
    "cover_open": ("error", "E302", "The cover is open"),
    "head_overheat": ("error", "E304", "The head is too hot"),
    "mechanism_error": ("error", "E303", "Fault of the printing unit"),
    "battery_low": ("error", "E102", "Low battery"),
    "clock_not_set": ("error", "E103", "The clock is not set"),
    "fiscal_memory_full": ("error", "E201", "The fiscal memory is full"),
    "fiscal_memory_near_full": ("warning", "W201", "Fewer than 50 records are left"),
    "journal_full": ("error", "E206", "End of the journal"),
    "general_error": ("error", "E199", "General error"),
    "off": ("error", "E101", "The printer does not answer"),
    "strange": ("error", "E108", "Another connection has the printer"),
}


class ErpNetFp(Machine):
    """`receive` takes the last part of the path, "." for the printer itself, and gives the body of the answer.
    `uri` names the driver. Behaviours of the server: `not_ready`; `too_much`, a body without an end; `drip`, a
    byte at a time; `hang`, no answer until `let_go`; `no_length`, a body that ends with the connection."""

    family = "erpnet_fp"
    models = ("FP-2000", "DP-25", "FP-700X")
    faults_known: ClassVar[tuple[str, ...]] = tuple(_CODES)
    behaviours_known = ("not_ready", "too_much", "drip", "hang", "no_length", "as_text")
    identifier = "dt279013"

    def __init__(
        self, model: str = "", now: Callable[[], str] = lambda: time.strftime("%d-%m-%y %H:%M:%S")
    ) -> None:
        super().__init__(model)
        self.now = now
        kind = {"FP-2000": "p", "DP-25": "c", "FP-700X": "x"}[self.model]
        self.uri = f"bg.dt.{kind}.isl.com://COM15"
        self.let_go = threading.Event()

    def answer(self, data: bytes) -> bytes:
        if data == b"status":
            return self._dump(self._status())
        if data == b".":
            return self._dump(self._info())
        self.forbidden.append(data[:40].decode("latin-1"))
        return b""

    def _dump(self, body: dict[str, object]) -> bytes:
        return json.dumps(body, ensure_ascii=False).encode()

    def _status(self) -> dict[str, object]:
        shown = [_CODES[name] for name in sorted(self.faults)]
        broken = any(kind == "error" for kind, _, _ in shown)
        found = [{"type": kind, "code": code, "text": text} for kind, code, text in shown]
        read = self.faults.isdisjoint({"off", "strange"})
        told = datetime.strptime(self.now(), "%d-%m-%y %H:%M:%S") if read else datetime.min
        return {
            "deviceDateTime": told.isoformat(),
            "ok": str(not broken).lower() if self.behaves("as_text") else not broken,
            "messages": [*found, {"type": "info", "text": "FM is formatted"}],
        }

    def _info(self) -> dict[str, object]:
        return {
            "uri": self.uri,
            "serialNumber": "DT279013",
            "fiscalMemorySerialNumber": "02279013",
            "manufacturer": "Datecs",
            "model": self.model,
            "firmwareVersion": "1.00BG 23NOV18 1000",
            "itemTextMaxLength": 36,
            "taxIdentificationNumber": "000713391",
            "supportedPaymentTypes": ["cash", "card"],
        }


class Neighbour(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, machine: ErpNetFp, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        super().__init__(address, _Handler)
        self.machine = machine
        self.asked: list[str] = []
        self.url = "http://{}:{}/printers/{}".format(*self.server_address[:2], machine.identifier)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no fault of the neighbour."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Neighbour
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        machine = self.server.machine
        self.server.asked.append(f"GET {self.path}")
        own = f"/printers/{machine.identifier}"
        if machine.behaves("not_ready"):
            self._send(405, b"")
        elif self.path == own:
            self._send(200, machine.receive(b"."))
        elif self.path.startswith(own + "/"):
            self._send(200, machine.receive(self.path.removeprefix(own + "/").encode()))
        else:
            self._send(404, b"")

    def do_POST(self) -> None:
        self.server.asked.append(f"POST {self.path}")
        self.server.machine.receive(self.path.rpartition("/")[2].encode())
        self._send(200, b'{"ok": true, "messages": []}')

    def _send(self, status: int, body: bytes) -> None:
        machine = self.server.machine
        if machine.behaves("hang"):
            machine.let_go.wait(30)
        if machine.behaves("too_much"):
            body = b"[" * 1_000_000
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        if machine.behaves("no_length"):
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self._write(body, slowly=bool(machine.behaves("drip") or machine.behaves("no_length")))
        except OSError:
            return  # the client has gone

    def _write(self, body: bytes, *, slowly: bool) -> None:
        if not slowly:
            self.wfile.write(body)
            return
        for byte in body:
            self.wfile.write(bytes([byte]))
            if self.server.machine.let_go.wait(0.05):
                return

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged: standard output belongs to the line that says ready."""


def main() -> int:
    parser = parser_of(ErpNetFp)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--listen", metavar="HOST:PORT", type=address, default="127.0.0.1:8001")
    add_list(where)
    args = parser.parse_args()
    machine = made(ErpNetFp, parser, args)
    stopping.hold()
    with Neighbour(machine, args.listen) as server:
        threading.Thread(target=server.serve_forever, args=(stopping.LOOKS_S,), daemon=True).start()
        sys.stdout.write(json.dumps({"family": machine.family, "port": server.url}) + "\n")
        sys.stdout.flush()
        stopping.wait()
        server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
