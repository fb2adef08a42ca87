"""A real `plomba-collector serve` in a process of its own, over TLS, and a terminal that signs its
reports."""

import base64
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any, Self

import psycopg
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from collector.core import clock, config, home
from protocols.wire import signing, v1
from tests.collector import template

COMMAND = [sys.executable, "-m", "collector.cli"]
ROOT = Path(__file__).resolve().parents[2]
_PAUSE = Event()

MAKE_CODES = """
import sys, datetime, django
django.setup()
from collector.core import clock
from collector.inventory import enrolment
site = enrolment.site_of("SIA Zaļā karote", "Kafejnīca Centrs")
ttl = datetime.timedelta(seconds=float(sys.argv[2]))
print(*(enrolment.make_code(site, "", clock.now(), ttl)[1] for _ in range(int(sys.argv[1]))))
"""

MAKE_PEOPLE = """
import sys, django
django.setup()
from collector.core.models import User
for role in sys.argv[2:]:
    user = User(username=role, role=role, language="lv")
    user.set_password(sys.argv[1])
    user.save()
"""


def until(found: Callable[[], Any], what: str, timeout_s: float = 180) -> Any:
    """What `found` returns as soon as that is true. Fails after `timeout_s`."""
    for _ in range(int(timeout_s / 0.05)):
        if answer := found():
            return answer
        _PAUSE.wait(0.05)
    raise AssertionError(f"after {timeout_s} s still not: {what}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Served:
    """`program` replaces the command, for controls; `tables` go to the end of the configuration. Use as a context
    manager."""

    def __init__(
        self, home: Path, database: str = "", program: Sequence[str] = COMMAND, tables: str = ""
    ) -> None:
        self.home = home
        self.database = database
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self._program = list(program)
        self._tables = tables
        self._process: subprocess.Popen[bytes] | None = None
        self._codes: list[str] = []
        self.sessions: list[requests.Session] = []

    def __enter__(self) -> Self:
        self.home.mkdir(exist_ok=True)
        if self.database or self._tables:
            where = f'database = "{self.database}"\n' if self.database else ""
            self.configure(f"{where}[server]\nport = {self.port}\n{self._tables}")
        if self.database:
            self.cli("init", "--port", str(self.port), "--no-manager")
        else:
            self._initialise()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        for session in self.sessions:
            session.close()
        if self._process and self._process.poll() is None:
            self.stop()

    def _initialise(self) -> None:
        """What `init` does after its migrations and articles, in this process: a second of CPU less."""
        template.put(self.home)
        mask = os.umask(0o077)
        try:
            file = self.home / config.FILE_NAME
            if not file.exists():
                home.write_config(file, "127.0.0.1", self.port, self.url)
            given = config.load(self.home, file)
            home.make_secret_key(given)
            home.make_authority(given, clock.SystemClock().now())
            home.make_certificate(given, clock.SystemClock().now())
        finally:
            os.umask(mask)

    def configure(self, toml: str) -> None:
        (self.home / "collector.toml").write_text(toml)

    @property
    def authority(self) -> str:
        return str(self.home / "ca.pem")

    def cli(self, *arguments: str, stdin: str = "", expect: int = 0) -> str:
        done = subprocess.run(
            [*COMMAND, "--home", self.home, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        assert done.returncode == expect, (done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def start(self) -> None:
        with (self.home / "serve.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._program, "--home", str(self.home), "serve"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
            )
        until(self._answers, "the collector answers")

    def _answers(self) -> bool:
        assert self._process
        if self._process.poll() is not None:
            raise AssertionError((self.home / "serve.log").read_text())
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def kill(self) -> None:
        """kill -9."""
        assert self._process
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(30)

    def stop(self) -> int:
        assert self._process
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(20)

    def codes(self, count: int, ttl_s: float = 3600) -> list[str]:
        """Fresh one-time secrets."""
        return self.python(MAKE_CODES, str(count), str(ttl_s)).split()

    def people(self, password: str, *roles: str) -> None:
        """One of each role, by its name."""
        self.python(MAKE_PEOPLE, password, *roles)

    def python(self, program: str, *arguments: str) -> str:
        """What a few lines print that run with the collector's settings, in a process of their own."""
        env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "collector.settings",
            "PLOMBA_COLLECTOR_HOME": str(self.home),
        }
        command = [sys.executable, "-c", program, *arguments]
        done = subprocess.run(command, env=env, cwd=ROOT, check=True, capture_output=True, text=True)
        return done.stdout

    def terminal(self) -> "Till":
        """A freshly enrolled terminal."""
        if not self._codes:
            self._codes = self.codes(30)
        till = Till(self)
        till.enrol(self._codes.pop())
        return till

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Straight from the database, `?` for values."""
        if self.database:
            with psycopg.connect(self.database) as found:
                cursor = found.execute(sql.replace("?", "%s"), values)
                return cursor.fetchall() if cursor.description else []
        connection = sqlite3.connect(self.home / "collector.sqlite3", timeout=30)
        try:
            with connection:
                return connection.execute(sql, values).fetchall()
        finally:
            connection.close()


class Till:
    """A terminal as the collector sees it: one key, one stream of numbered messages."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.key = Ed25519PrivateKey.generate()
        raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        self.id = self.public
        self.epoch = 1
        self.session = requests.Session()
        self.session.verify = served.authority
        self.session.trust_env = False
        served.sessions.append(self.session)
        self._nonces = 0

    def enrol(self, secret: str) -> requests.Response:
        body = v1.Enrol(code=secret, public_key=self.public, hostname="kase", os="Linux", agent="0.1.0")
        answer = self.post(v1.PATH_ENROL, body.model_dump_json().encode(), keyid=self.public)
        if answer.ok:
            self.id = answer.json()["terminal"]
        return answer

    def headers(
        self, path: str, body: bytes, *, keyid: str = "", age_s: float = 0, nonce: str = ""
    ) -> dict[str, str]:
        self._nonces += 1
        return signing.sign(
            self.key,
            "POST",
            path,
            body,
            keyid=keyid or self.id,
            created=int(clock.now().timestamp() - age_s),
            nonce=nonce or f"{os.getpid()}-{id(self)}-{self._nonces}",
        )

    def post(
        self, path: str, body: bytes, *, keyid: str = "", headers: dict[str, str] | None = None
    ) -> requests.Response:
        if headers is None:
            headers = self.headers(path, body, keyid=keyid)
        return self.session.post(self.served.url + path, data=body, headers=headers, timeout=30)

    def document(self, *messages: v1.AnyMessage, **changed: object) -> bytes:
        report = v1.Report(terminal=self.id, epoch=self.epoch, sent_at=clock.now(), messages=messages)
        return json.dumps({**json.loads(report.model_dump_json()), **changed}).encode()

    def report(self, *messages: v1.AnyMessage) -> requests.Response:
        return self.post(v1.PATH_REPORTS, self.document(*messages))

    def stored(self) -> list[int]:
        rows = self.served.rows("SELECT seq FROM ingest_message WHERE terminal_id = ? ORDER BY id", self.id)
        return [row[0] for row in rows]


def fact(seq: int, name: str = "drawer.opened") -> v1.Fact:
    subject = v1.Subject(kind=v1.SubjectKind.DEVICE, id="printer")
    return v1.Fact(seq=seq, at=clock.now(), subject=subject, name=name)


def event(seq: int, change: str, code: str = "printer.paper_end", at: datetime | None = None) -> v1.Event:
    when = at or clock.now()
    return v1.Event(
        seq=seq,
        at=when,
        subject=v1.Subject(kind=v1.SubjectKind.DEVICE, id="printer"),
        code=code,
        change=v1.Change(change),
        since=when,
    )
