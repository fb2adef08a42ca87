"""Real database servers for the tests, one of each for a session: in a folder of their own, on a socket or on loopback,
never as root, and never the machine's own."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event

import pytest

from tests.conftest import missing

START_S = 60


def _account() -> str | None:
    """Servers refuse to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


class _Server:
    """A process and its folder. `stop` ends that process and no other."""

    def __init__(self, prefix: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=prefix))
        self.account = _account()
        if self.account:
            shutil.chown(self.folder, self.account, self.account)
        self.folder.chmod(0o755)
        self._process: subprocess.Popen[bytes] | None = None

    def do(self, arguments: Sequence[str | Path], text: str = "") -> str:
        done = subprocess.run(
            arguments,
            cwd=self.folder,
            user=self.account,
            group=self.account,
            extra_groups=[] if self.account else None,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(
        self, arguments: Sequence[str | Path], answers: Callable[[], bool], extra: dict[str, str]
    ) -> None:
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                arguments,
                cwd=self.folder,
                user=self.account,
                group=self.account,
                extra_groups=[] if self.account else None,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **extra},
            )
        for _ in range(START_S * 20):
            if answers():
                return
            assert self._process.poll() is None, (self.folder / "log").read_text(errors="replace")
            Event().wait(0.05)
        raise AssertionError((self.folder / "log").read_text(errors="replace"))

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Mariadb(_Server):
    def __init__(self) -> None:
        super().__init__("plomba-my-")
        install, server = (
            shutil.which("mariadb-install-db"),
            shutil.which("mariadbd", path="/usr/sbin:/usr/bin"),
        )
        assert install
        assert server
        common = ["--no-defaults", f"--datadir={self.folder}/data"]
        self.do(
            [
                install,
                *common,
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--debug-no-sync",
            ]
        )
        self.socket = self.folder / "socket"
        quick = [
            "--skip-networking",
            "--debug-no-sync",
            "--innodb-flush-log-at-trx-commit=0",
            f"--socket={self.socket}",
        ]
        self.start([server, *common, *quick, f"--pid-file={self.folder}/pid"], self.socket.exists, {})

    def url(self, database: str) -> str:
        return f"mariadb://root@localhost/{database}?socket={self.socket}"

    def sql(self, statements: str, database: str = "mysql") -> str:
        return self.do(
            ["mariadb", "--no-defaults", f"--socket={self.socket}", "--user=root", "-N", database], statements
        )


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Mariadb]:
    if not (shutil.which("mariadbd", path="/usr/sbin:/usr/bin") and shutil.which("mariadb-dump")):
        missing("MariaDB")
    server = Mariadb()
    yield server
    server.stop()
