"""A whole small world on this machine: collector, agent, two emulated printers on ptys, a POS database."""

import json
import shutil
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any, Self, TypeVar

import requests

from tests.collector import template
from tests.end_to_end.process import BIN, Process, run

T = TypeVar("T")

PRINTER = "printer"
FISCAL = "fiscal"
MANAGER = "manager"
PASSWORD = "plomba-demo-2026"  # shown on the screen by the demo, valid for this collector only

AGENT_TOML = """\
[agent]
state_dir = "{home}/agent"

[collector]
url = "{url}"
report_s = 5

[[device]]
id = "printer"
family = "escpos"
port = "{home}/printer.pty"
poll_s = {poll_s}
drawer_open_when = "high"
drawer_open_too_long_s = {drawer_s}

[[device]]
id = "fiscal"
family = "datecs_isl_legacy"
port = "{home}/fiscal.pty"
baud = 115200
poll_s = {poll_s}

[[backup]]
name = "pos"
engine = "sqlite"
source = "{home}/pos.db"
repository = "collector"
at = "03:30"
recovery_key = "{home}/recovery/recovery.pub"
"""


class TimedOut(AssertionError):
    """Something that had to come did not."""


def until(found: Callable[[], T | None], what: str, timeout_s: float = 30, every_s: float = 0.1) -> T:
    """Ask until there is an answer. The only waiting of the end-to-end tests."""
    pause = Event()
    for _ in range(int(timeout_s / every_s) + 1):
        if (answer := found()) is not None:
            return answer
        pause.wait(every_s)
    raise TimedOut(f"after {timeout_s:g} s still not: {what}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Emulator:
    """One emulated device as a process, with its control port."""

    def __init__(self, family: str, pty: Path, model: str, log: Path):
        command = [
            BIN / "python",
            "-m",
            f"tests.emulators.{family}",
            "--pty",
            pty,
            "--control",
            "127.0.0.1:0",
        ]
        self.process = Process(family, [*command, "--model", model], log)
        self._session = requests.Session()
        ready = until(self._ready, f"the {family} emulator says that it is ready")
        self.control = str(ready["control"])

    def _ready(self) -> dict[str, object] | None:
        if not self.process.alive():
            raise AssertionError(self.process.tail())
        return self.process.first_json()

    def fault(self, **faults: bool) -> None:
        self._post("/faults", faults)

    def reset(self) -> None:
        self._post("/reset", {})

    def forbidden(self) -> list[Any]:
        answer = self._session.get(f"{self.control}/forbidden", timeout=30)
        answer.raise_for_status()
        found: list[Any] = answer.json()
        return found

    def _post(self, path: str, body: dict[str, bool]) -> None:
        self._session.post(f"{self.control}{path}", json=body, timeout=30).raise_for_status()

    def close(self) -> None:
        self._session.close()
        self.process.stop()


class Api:
    """A signed-in person at the collector's REST API."""

    def __init__(self, url: str, authority: Path):
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False  # a CA bundle from the environment would win
        self._session.verify = str(authority)

    def sign_in(self, name: str, password: str) -> None:
        self.post("/session", {"username": name, "password": password})

    def get(self, path: str, **query: str | int) -> Any:
        answer = self._session.get(f"{self.url}/api/v1{path}", params=query, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        token = self._session.cookies.get("csrftoken", "")
        headers = {"X-CSRFToken": token, "Referer": self.url}
        answer = self._session.post(f"{self.url}/api/v1{path}", json=body, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def close(self) -> None:
        self._session.close()

    def open_codes(self) -> list[str]:
        """Codes of all open incidents."""
        return sorted(str(row["code"]) for row in self.get("/incidents", open="true", limit=200)["items"])


class Stage:
    """Everything runs under `home`, which must not exist or be empty. Use it as a context manager."""

    def __init__(self, home: Path, *, port: int = 0, poll_s: float = 2, drawer_s: float = 3):
        self.home = home
        self.port = port or free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.poll_s = poll_s
        self.drawer_s = drawer_s
        self._logs = home / "logs"
        self.collector: Process | None = None
        self.agent: Process | None = None
        self.printer: Emulator | None = None
        self.fiscal: Emulator | None = None
        self.api = Api(self.url, self.authority)

    @property
    def authority(self) -> Path:
        return self.home / "collector" / "ca.pem"

    @property
    def config(self) -> Path:
        return self.home / "agent.toml"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for part in (self.agent, self.collector):
            if part and part.alive():
                part.stop()
        for emulator in (self.printer, self.fiscal):
            if emulator:
                emulator.close()
        self.api.close()

    # one method per step of building the world, so that the demo can tell what it does

    def make_collector(self) -> None:
        self._logs.mkdir(parents=True, exist_ok=True)
        where = ("--public-url", self.url, "--port", str(self.port))
        manager = ("--manager", MANAGER, "--password-stdin")
        template.put(self.home / "collector")
        self._collector_command("init", *where, *manager, stdin=PASSWORD + "\n")
        self.start_collector()
        self.api.sign_in(MANAGER, PASSWORD)

    def start_collector(self) -> None:
        self.collector = Process(
            "collector",
            [BIN / "plomba-collector", "--home", self.home / "collector", "serve"],
            self._log("collector"),
        )
        until(self._answers, "the collector answers", timeout_s=60)

    def _answers(self) -> bool | None:
        assert self.collector
        if not self.collector.alive():
            raise AssertionError(self.collector.tail())
        try:
            answer = requests.get(f"{self.url}/api/v1/health", verify=str(self.authority), timeout=30)
        except requests.ConnectionError:
            return None
        return True if answer.ok else None

    def make_devices(self) -> None:
        self.printer = Emulator("escpos", self.home / "printer.pty", "TM-T20III", self._log("printer"))
        self.fiscal = Emulator("datecs_isl_legacy", self.home / "fiscal.pty", "FP-700", self._log("fiscal"))

    def make_agent(self) -> None:
        make_pos_database(self.home / "pos.db")
        run(BIN / "plomba-agent", "recovery-key", "--out", self.home / "recovery")
        values = {"home": self.home, "url": self.url, "poll_s": self.poll_s, "drawer_s": self.drawer_s}
        self.config.write_text(AGENT_TOML.format(**values))
        self.agent_command("check")
        site = ("--customer", "SIA Zaļā karote", "--site", "Kafejnīca Centrs", "--terminal-name", "Kase 1")
        code = json.loads(self._collector_command("enrol-code", *site, "--json"))["code"]
        self.agent_command("enrol", "--collector", self.url, "--code", code)

    def start_agent(self) -> None:
        self.agent = Process(
            "agent", [BIN / "plomba-agent", "run", "--config", self.config], self._log("agent")
        )

    def build(self) -> Self:
        self.make_collector()
        self.make_devices()
        self.make_agent()
        self.start_agent()
        self.wait_all_well()
        return self

    def wait_all_well(self, timeout_s: float = 30) -> None:
        """Both devices answer and no incident is open."""
        until(
            lambda: True if self.devices_ok() and not self.api.open_codes() else None,
            "all is well",
            timeout_s,
        )

    def devices_ok(self) -> bool:
        devices = self.api.get("/devices")["items"]
        return len(devices) == 2 and all(device["contact"] == "ok" for device in devices)

    def wait_open(self, code: str, timeout_s: float = 15) -> None:
        until(lambda: True if code in self.api.open_codes() else None, f"an open incident {code}", timeout_s)

    def wait_closed(self, code: str, timeout_s: float = 60) -> None:
        until(lambda: None if code in self.api.open_codes() else True, f"{code} is resolved", timeout_s)

    def agent_command(self, *command: str | Path, timeout_s: float = 120) -> str:
        return run(BIN / "plomba-agent", *command, "--config", self.config, timeout_s=timeout_s)

    def _collector_command(self, *command: str, stdin: str | None = None) -> str:
        return run(BIN / "plomba-collector", "--home", self.home / "collector", *command, stdin=stdin)

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"


def make_pos_database(path: Path, receipts: int = 5000) -> None:
    """A small till database in WAL mode, as a POS application keeps it."""
    with sqlite3.connect(path) as db:
        db.execute("pragma journal_mode=wal")
        db.execute("create table receipts(id integer primary key, at text, total integer, document text)")
        rows = (
            (i, f"2026-11-22T{i % 24:02}:{i % 60:02}", i * 37 % 9000, f"receipt {i} " * 9)
            for i in range(receipts)
        )
        db.executemany("insert into receipts values(?,?,?,?)", rows)
    db.close()


def clean(home: Path) -> Path:
    """An empty folder in place of what an earlier run left."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    return home
