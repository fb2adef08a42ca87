"""Real database servers for the tests, one of each for a session: in a folder of their own, on a socket or on loopback,
never as root, and never the machine's own."""

import os
import pwd
import secrets
import shutil
import socket
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
        self._extra: dict[str, str] = {}

    def do(self, arguments: Sequence[str | Path], text: str = "") -> str:
        """As the server's account."""
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
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **self._extra},
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


class Firebird(_Server):
    """A SuperServer with a security database of its own, on loopback."""

    def __init__(self) -> None:
        super().__init__("plomba-fb-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.password = secrets.token_hex(8)
        self.password_file = self._file("password", self.password)
        self._configure()
        security = Path("/usr/share/firebird/3.0/security.sql").read_text()
        database = self.folder / "security3.fdb"
        self._isql(f"CREATE DATABASE '{database}';\n{security}\n")
        self._isql(f"CONNECT '{database}'; CREATE USER SYSDBA PASSWORD '{self.password}'; COMMIT;")
        server = shutil.which("firebird", path="/usr/sbin:/usr/bin")
        assert server
        self.start([server, "-d"], self._answers, self._extra)

    def url(self, path: Path) -> str:
        return f"firebird://SYSDBA@localhost:{self.port}/{path}?password_file={self.password_file}"

    def create(self, path: Path, statements: str) -> None:
        self._isql(
            f"CREATE DATABASE '{self._at(path)}' PAGE_SIZE 8192 DEFAULT CHARACTER SET UTF8;\n{statements}"
        )

    def sql(self, path: Path, statements: str) -> str:
        return self._isql(f"CONNECT '{self._at(path)}';\n{statements}")

    def _at(self, path: Path) -> str:
        return f"localhost/{self.port}:{path}"

    def _isql(self, statements: str) -> str:
        given = ["-user", "SYSDBA", "-fetch_password", self.password_file]
        return self.do(["isql-fb", "-bail", "-quiet", *given], statements)

    def _configure(self) -> None:
        conf, lock = self.folder / "conf", self.folder / "lock"
        for folder in (conf, lock):
            folder.mkdir()
            shutil.chown(folder, self.account or os.getuid())
        for name in ("plugins.conf", "fbintl.conf"):
            shutil.copy(f"/etc/firebird/3.0/{name}", conf)
        (conf / "databases.conf").touch()
        (conf / "firebird.conf").write_text(
            f"RemoteServicePort = {self.port}\nRemoteBindAddress = 127.0.0.1\n"
            f"SecurityDatabase = {self.folder}/security3.fdb\n"
            "AuthServer = Srp\nAuthClient = Srp\nUserManager = Srp\n"
        )
        self._extra = {"FIREBIRD": str(conf), "FIREBIRD_LOCK": str(lock)}

    def _answers(self) -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self.port)) == 0

    def _file(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.touch(mode=0o600)
        file.write_text(text)
        shutil.chown(file, self.account or os.getuid())
        return file


@pytest.fixture(scope="session")
def firebird() -> Iterator[Firebird]:
    if not (shutil.which("firebird", path="/usr/sbin:/usr/bin") and shutil.which("gbak")):
        missing("Firebird")
    server = Firebird()
    yield server
    server.stop()
