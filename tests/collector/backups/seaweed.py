"""A real SeaweedFS with TLS on loopback, and a gate before it that can be shut in the middle of an upload."""

import ipaddress
import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from collector.backups.bucket import _client
from collector.core import clock
from collector.core.config import Storage
from tests.collector.served import free_port
from tests.conftest import missing

ACCESS, SECRET = "collector", "not-to-be-shown-anywhere"
BUCKET = "plomba"
STARTS_S = 60


@dataclass(frozen=True)
class Seaweed:
    url: str
    root: Path

    @property
    def ca_file(self) -> Path:
        return self.root / "cert.pem"

    @property
    def secret_file(self) -> Path:
        return self.root / "storage.secret"

    def storage(self, **changed: object) -> Storage:
        told = {"kind": "s3", "url": self.url, "bucket": BUCKET, "access_key": ACCESS, "ca_file": self.ca_file,
                "secret_file": self.secret_file}  # fmt: skip
        return Storage.model_validate({**told, **changed})

    def client(self) -> Any:
        return _client(self.storage(), self.url, SECRET, self.ca_file)

    def keys(self, prefix: str) -> set[str]:
        """What lies there, whoever put it."""
        return {
            one["Key"]
            for one in self.client().list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ())
        }


@contextmanager
def running(root: Path) -> Iterator[Seaweed]:
    weed = Path(sys.executable).with_name("weed")
    if not weed.exists():
        missing("SeaweedFS")
    _certificate(root)
    identity = {"name": ACCESS, "credentials": [{"accessKey": ACCESS, "secretKey": SECRET}],
                "actions": ["Admin", "Read", "List", "Tagging", "Write"]}  # fmt: skip
    (root / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (root / "data").mkdir()
    (root / "storage.secret").write_text(SECRET + "\n")
    (root / "storage.secret").chmod(0o600)
    port = free_port()
    parts = ("s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port",
             "filer.port.grpc")  # fmt: skip
    command = [str(weed), "server", f"-dir={root / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3",
               f"-s3.port={port}", "-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={root / 's3.json'}",
               f"-s3.cert.file={root / 'cert.pem'}", f"-s3.key.file={root / 'key.pem'}", "-master.telemetry=false",
               f"-s3.localSocket={root / 's3.sock'}", *(f"-{part}={free_port()}" for part in parts)]  # fmt: skip
    with (
        (root / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, cwd=root) as process,
    ):
        try:
            store = Seaweed(f"https://127.0.0.1:{port}", root)
            _wait(store, process)
            yield store
        finally:
            process.kill()
    shutil.rmtree(root / "data")


def _wait(store: Seaweed, process: "subprocess.Popen[bytes]") -> None:
    client, pause, end_s = store.client(), Event(), clock.SystemClock().monotonic() + STARTS_S
    while process.poll() is None:
        try:
            client.create_bucket(Bucket=BUCKET)
            client.put_object(Bucket=BUCKET, Key=".begun", Body=b"the first volume takes a moment")
            return
        except (BotoCoreError, ClientError):
            assert clock.SystemClock().monotonic() < end_s, (store.root / "log").read_text()[-2000:]
            pause.wait(0.1)
    raise AssertionError((store.root / "log").read_text()[-2000:])


def _certificate(root: Path) -> None:
    """Of a store that is its own authority."""
    key, now = ec.generate_private_key(ec.SECP256R1()), clock.SystemClock().now()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "the object store")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    (root / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (root / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


class Gate:
    """Carries bytes to the store as they are, counts those that go up, and shuts by itself after so many."""

    def __init__(self, store: Seaweed) -> None:
        self._port = int(store.url.rpartition(":")[2])
        self.is_open, self.sent, self.shuts_after = True, 0, -1
        self._lines: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def shut(self) -> None:
        self.is_open = False
        for line in self._lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def open(self) -> None:
        self.is_open, self.shuts_after = True, -1

    def close(self) -> None:
        self.shut()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if not self.is_open:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._port))
                self._lines += [near, far]
                threading.Thread(target=self._carry, args=(near, far, True), daemon=True).start()
                threading.Thread(target=self._carry, args=(far, near, False), daemon=True).start()

    def _carry(self, from_: socket.socket, to: socket.socket, up: bool) -> None:
        with suppress(OSError), to:
            while data := from_.recv(65_536):
                self.sent += len(data) if up else 0
                if 0 <= self.shuts_after < self.sent:
                    self.shut()
                    return
                to.sendall(data)
