"""A stand-in for an MS SQL Server, written from Microsoft's documentation of TDS ([MS-TDS] 2.2) and of its messages. It
knows the few statements of a backup, keeps numbered rows in memory, and writes its own kind of .bak files. Imports
nothing of what it tests. `refuse` makes it say any messages instead of doing what a statement asks for."""

import hashlib
import json
import re
import socketserver
import struct
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PRELOGIN, LOGIN, BATCH, REPLY = 0x12, 0x10, 0x01, 0x04
PACKET_BYTES = 4096
ERROR, INFO = 0xAA, 0xAB
PAGE = 8192
COLLATION = bytes.fromhex("0904d00034")
Told = tuple[int, int, str]
"""Number, severity, text."""


def ucs(text: str) -> bytes:
    return text.encode("utf-16-le")


def message(told: Told) -> bytes:
    number, severity, text = told
    body = struct.pack("<iBB", number, 1, severity) + struct.pack("<H", len(text)) + ucs(text)
    body += bytes([4]) + ucs("FAKE") + bytes([0]) + struct.pack("<i", 1)
    return struct.pack("<BH", ERROR if severity > 10 else INFO, len(body)) + body


def done(*, failed: bool = False, rows: int = 0, more: bool = False) -> bytes:
    status = (0x02 if failed else 0) | (0x10 if rows else 0) | (0x01 if more else 0)
    return struct.pack("<BHHQ", 0xFD, status, 0, rows)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    """Whole numbers as bigint, all else as nvarchar."""
    out = struct.pack("<BH", 0x81, len(columns))
    kinds = [all(isinstance(row[at], int | None) for row in rows) for at in range(len(columns))]
    for name, number in zip(columns, kinds, strict=True):
        kind = bytes([0x26, 8]) if number else bytes([0xE7]) + struct.pack("<H", 8000) + COLLATION
        out += struct.pack("<IH", 0, 1) + kind + bytes([len(name)]) + ucs(name)
    for row in rows:
        out += b"\xd1"
        for value, number in zip(row, kinds, strict=True):
            if number:
                out += b"\0" if value is None else b"\x08" + struct.pack("<q", value)
            else:
                text = ucs(str(value))
                out += struct.pack("<H", len(text)) + text
    return out + done(rows=len(rows))


@dataclass
class SqlServer:
    """`databases`: name -> table -> rows. Paths are this machine's own."""

    user: str
    password: str
    databases: dict[str, dict[str, int]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refuse: dict[str, list[Told]] = field(default_factory=dict)
    during: Callable[[], None] = lambda: None
    """Called while a backup is written."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    current: str = "master"

    def answer(self, statement: str) -> bytes:
        self.asked.append(statement)
        for beginning, told in self.refuse.items():
            if statement.startswith(beginning):
                return b"".join(map(message, told)) + done(failed=any(each[1] > 10 for each in told))
        for pattern, act in self._known():
            if found := re.match(pattern, statement, re.DOTALL):
                with self.lock:
                    return act(*(each.replace("]]", "]").replace("''", "'") for each in found.groups()))
        return message((102, 15, f"Incorrect syntax near '{statement[:30]}'.")) + done(failed=True)

    def _known(self) -> Iterable[tuple[str, Callable[..., bytes]]]:
        name, file = r"\[((?:[^\]]|\]\])+)\]", r"N'((?:[^']|'')+)'"
        return (
            (rf"USE {name}; SELECT s\.name", self._tables),
            (r"USE master$", done),
            (
                rf"BACKUP DATABASE {name} TO DISK = {file} WITH COPY_ONLY, CHECKSUM, NO_COMPRESSION, INIT, FORMAT",
                self._backup,
            ),
            (rf"RESTORE VERIFYONLY FROM DISK = {file} WITH CHECKSUM", self._verify),
            (rf"RESTORE HEADERONLY FROM DISK = {file}", self._header),
            (rf"RESTORE FILELISTONLY FROM DISK = {file}", self._files),
            (rf"RESTORE DATABASE {name} FROM DISK = {file} WITH CHECKSUM, STATS = 5, MOVE", self._restore),
            (rf"DBCC CHECKDB \({name}\)", lambda _: done()),
            (rf"DROP DATABASE {name}", self._drop),
        )

    def _missing(self, database: str) -> bytes:
        text = f"Database '{database}' does not exist. Make sure that the name is entered correctly."
        return message((911, 16, text)) + done(failed=True)

    def _tables(self, database: str) -> bytes:
        if database not in self.databases:
            return self._missing(database)
        rows = [
            ("dbo", name, count, count or None) for name, count in sorted(self.databases[database].items())
        ]
        return message((5701, 0, "Changed database context.")) + table(["name", "name", "", ""], rows)

    def _backup(self, database: str, file: str) -> bytes:
        if database not in self.databases:
            return self._missing(database)
        content = json.dumps(self.databases[database]).encode()
        pages = b"".join(hashlib.sha256(b"%d" % at).digest() * (PAGE // 32) for at in range(20))
        body = struct.pack(">I", len(content)) + content + pages
        try:
            Path(file).write_bytes(b"TAPE" + hashlib.sha256(body).digest() + body)
        except OSError as e:
            number = {13: 5, 2: 3, 28: 112}[e.errno or 2]
            return self._terminated(
                (3201, 16, f"Cannot open backup device '{file}'. Operating system error {number}(x).")
            )
        self.during()
        told = [(3211, 0, f"{percent} percent processed.") for percent in range(5, 101, 5)]
        told.append((3014, 0, "BACKUP DATABASE successfully processed 20 pages in 0.1 seconds (1 MB/sec)."))
        return b"".join(map(message, told)) + done()

    def _terminated(self, why: Told) -> bytes:
        ended = (3013, 16, "BACKUP DATABASE is terminating abnormally.")
        return message(why) + message(ended) + done(failed=True)

    def _read(self, file: str) -> dict[str, int] | None:
        data = Path(file).read_bytes()
        if data[:4] != b"TAPE" or hashlib.sha256(data[36:]).digest() != data[4:36]:
            return None
        length = struct.unpack_from(">I", data, 36)[0]
        read: dict[str, int] = json.loads(data[40 : 40 + length])
        return read

    def _damaged(self) -> bytes:
        return self._terminated((3241, 16, "The media family on device is incorrectly formed."))

    def _verify(self, file: str) -> bytes:
        if self._read(file) is None:
            return self._damaged()
        return message((3262, 0, "The backup set on file 1 is valid.")) + done()

    def _header(self, file: str) -> bytes:
        size = Path(file).stat().st_size
        columns = {
            "SoftwareVersionMajor": 15, "SoftwareVersionMinor": 0, "SoftwareVersionBuild": 2000, "BackupSize": size,
            "BackupSetGUID": "7f1c", "FirstLSN": "33000000021600037", "LastLSN": "33000000023200001",
            "CheckpointLSN": "33000000021600037", "IsCopyOnly": 1, "HasBackupChecksums": 1, "IsDamaged": 0,
        }  # fmt: skip
        return table(list(columns), [list(columns.values())])

    def _files(self, file: str) -> bytes:
        return table(["LogicalName", "Type"], [("POS", "D"), ("POS_log", "L")])

    def _restore(self, database: str, file: str) -> bytes:
        content = self._read(file)
        if content is None:
            return self._damaged()
        self.databases[database] = content
        return message((3014, 0, "RESTORE DATABASE successfully processed 20 pages.")) + done()

    def _drop(self, database: str) -> bytes:
        del self.databases[database]
        return done()


class _Talk(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server: SqlServer = self.server.sql  # type: ignore[attr-defined]
        while packet := self._receive():
            kind, data = packet
            if kind == PRELOGIN:
                self._send(_prelogin())
            elif kind == LOGIN:
                self._send(_login(server, data))
            else:
                skip = struct.unpack_from("<I", data)[0]
                self._send(server.answer(data[skip:].decode("utf-16-le")))

    def _receive(self) -> tuple[int, bytes] | None:
        data = b""
        while True:
            head = self._exactly(8)
            if not head:
                return None
            kind, status, length = struct.unpack_from(">BBH", head)
            data += self._exactly(length - 8)
            if status & 1:
                return kind, data

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self.request.recv(count - len(data))
            if not piece:
                return b""
            data += piece
        return data

    def _send(self, data: bytes) -> None:
        room = PACKET_BYTES - 8
        pieces = [data[at : at + room] for at in range(0, len(data), room)]
        for number, piece in enumerate(pieces):
            status = 1 if number == len(pieces) - 1 else 0
            self.request.sendall(
                struct.pack(">BBHHBB", REPLY, status, len(piece) + 8, 51, number % 256, 0) + piece
            )


def _prelogin() -> bytes:
    options = [(0, bytes([15, 0, 7, 208, 0, 0])), (1, b"\x02"), (2, b"\0"), (3, b""), (4, b"\0")]
    at, head, body = 5 * len(options) + 1, b"", b""
    for kind, value in options:
        head += struct.pack(">BHH", kind, at + len(body), len(value))
        body += value
    return head + b"\xff" + body


def _login(server: SqlServer, data: bytes) -> bytes:
    def named(at: int) -> bytes:
        offset, count = struct.unpack_from("<HH", data, at)
        return data[offset : offset + 2 * count]

    hidden = named(44)
    password = bytes(((each ^ 0xA5) << 4 & 0xF0) | ((each ^ 0xA5) >> 4) for each in hidden)
    if (named(40).decode("utf-16-le"), password.decode("utf-16-le")) != (server.user, server.password):
        return message((18456, 14, "Login failed for user.")) + done(failed=True)
    program = ucs("Microsoft SQL Server")
    accepted = (
        b"\x01"
        + struct.pack(">I", 0x74000004)
        + bytes([len(program) // 2])
        + program
        + bytes([15, 0, 7, 208])
    )
    changes = _changed(4, "4096") + _changed(1, "master")
    return changes + struct.pack("<BH", 0xAD, len(accepted)) + accepted + done()


def _changed(kind: int, value: str) -> bytes:
    both = 2 * (bytes([len(value)]) + ucs(value))
    return struct.pack("<BHB", 0xE3, len(both) + 1, kind) + both


class Listening(socketserver.ThreadingTCPServer):
    """On a port of loopback; `with` ends it."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, sql: SqlServer) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.sql = sql
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def server_close(self) -> None:
        self.shutdown()
        self._thread.join()
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away says nothing."""
