"""A real collector, a real agent, and a person who writes on the page what a till shall go by."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import requests

from tests.collector.served import ROOT, Served
from tests.end_to_end.process import Process, run

PASSWORD = "kafija un maize"
MAIN = "import sys; from agent.cli import main; sys.exit(main())"
AGENT = [sys.executable, "-c", MAIN]
SOON = [sys.executable, "-c", f"from agent.runtime import configuring; configuring.PAUSE_S = 1.0; {MAIN}"]
"""Does not make the tests wait for a minute before a second version is fetched."""

FILE = """\
[agent]
state_dir = "{home}/state"
{marks}

[collector]
url = "{url}"
report_s = 1

[discovery]
ports = ["socket://127.0.0.1:9"]

[host]
sample_s = 600

[[device]]
id = "kitchen"
family = "escpos"
port = "/dev/ttyS_not_there"
poll_s = 600

[[backup]]
name = "pos"
engine = "sqlite"
source = "{home}/nothing.db"
repository = "{home}/backups"
recovery_key = "{home}/recovery.pub"
at = "{at}"
"""


class Till:
    """One agent with its own folder, alone in a shop. `program` replaces the agent's command line, for controls."""

    def __init__(
        self, served: Served, home: Path, *, marks: str = "", program: list[str] | None = None
    ) -> None:
        self.served = served
        self.home = home
        self.file = home / "agent.toml"
        self.state = home / "state"
        self.process: Process | None = None
        self._program = program or SOON
        home.mkdir(exist_ok=True)
        self.write(marks)
        (home / "recovery.pub").write_text("no key: backups are not made here")
        shop = ("--customer", "SIA Zaļā karote", "--site", home.parent.name, "--terminal-name", "Kase 1")
        code = json.loads(served.cli("enrol-code", *shop, "--json"))["code"]
        self.command("enrol", "--collector", served.url, "--code", code)
        self.id = str(json.loads((self.state / "identity.json").read_text())["terminal"])

    def write(self, marks: str = "") -> None:
        values = {"home": self.home, "url": self.served.url, "marks": marks, "at": "03:30"}
        self.file.write_text(FILE.format(**values))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process:
            self.process.stop()

    def start(self, **env: str) -> None:
        command = [*self._program, "run", "--config", self.file]
        self.process = Process("agent", command, self.home / "agent.log", env)

    def command(self, *arguments: str) -> str:
        return run(*AGENT, *arguments, "--config", self.file)

    def kept(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.state / "desired.json").read_text())
        except FileNotFoundError:
            return {}
        return found

    def told(self) -> dict[str, Any]:
        """The row of this terminal at the collector."""
        names = ("number", "told_number", "outcome", "holds", "code", "key", "error", "differs")
        rows = self.served.rows(
            f"SELECT {', '.join(names)}, digest = told_digest FROM inventory_desiredstate WHERE terminal_id = ?",
            self.id,
        )
        return dict(zip((*names, "answered"), rows[0], strict=True)) if rows else {}

    def settled(self, outcome: str, number: int) -> dict[str, Any] | None:
        """The row, once the terminal has said this of this version."""
        assert self.process
        if not self.process.alive():
            raise AssertionError(self.process.tail(40))
        row = self.told()
        return row if row and (row["outcome"], row["told_number"]) == (outcome, number) else None

    def messages(self) -> list[dict[str, Any]]:
        rows = self.served.rows(
            "SELECT body FROM ingest_message WHERE terminal_id = ? AND kind = 'configuration' ORDER BY id",
            self.id,
        )
        return [json.loads(row[0]) if isinstance(row[0], str) else row[0] for row in rows]

    def status(self) -> dict[str, Any]:
        done = subprocess.run(
            [*AGENT, "status", "--json", "--config", self.file],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=True,
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found


class Person:
    """Signed in at the pages, as a browser is."""

    def __init__(self, served: Served, name: str = "manager") -> None:
        served.cli("user", "add", name, "--role", "manager", "--password-stdin", stdin=PASSWORD + "\n")
        self._url = served.url
        self._session = requests.Session()
        self._session.verify = served.authority
        self._session.trust_env = False
        served.sessions.append(self._session)
        self._post("/sign-in", {"username": name, "password": PASSWORD}, 302)

    def write(self, level: str, pk: object, text: str, *, refused: bool = False) -> str:
        """Shown first, then saved; the page."""
        address = f"/configuration/{level}/{pk}/"
        page = self._get(address)
        base = re.search(r'name="base" value="(\d+)"', page)
        assert base
        given = {"text": text, "base": base[1], "comment": "a test"}
        shown = self._post(address, {**given, "check": "1"}, 422 if refused else 200)
        if refused:
            return shown
        checked = re.search(r'name="checked" value="(\w+)"', shown)
        assert checked
        self._post(address, {**given, "checked": checked[1], "save": "1"}, 302)
        return self._get(address)

    def page(self, level: str, pk: object) -> str:
        return self._get(f"/configuration/{level}/{pk}/")

    def _get(self, path: str) -> str:
        answer = self._session.get(self._url + path, timeout=20)
        answer.raise_for_status()
        return answer.text

    def _post(self, path: str, form: dict[str, str], status: int) -> str:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self._get(path))
        assert token
        answer = self._session.post(
            self._url + path,
            data={**form, "csrfmiddlewaretoken": token[1]},
            headers={"Referer": self._url},
            allow_redirects=False,
            timeout=20,
        )
        assert answer.status_code == status, answer.text[:3000]
        return answer.text
