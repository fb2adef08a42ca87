"""Shared fixtures. `--database=postgresql` runs everything that has a database on a PostgreSQL server of its
own."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform != "win32":  # the collector does not run there
    import pwd

    from django.conf import settings


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=("sqlite", "postgresql"), default="sqlite")


@pytest.fixture(scope="session", autouse=True)
def _home_of_settings() -> Iterator[None]:
    """The folder that the settings named because nobody gave them one."""
    if sys.platform == "win32":
        yield
        return
    home = settings.CONFIG.home
    home.mkdir(mode=0o700)
    yield
    shutil.rmtree(home)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How much the fuzzing of this run tried."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    lines = [value for report in reports for name, value in report.user_properties if name == "fuzz"]
    if lines:
        terminalreporter.section("fuzzing")
        for line in sorted(lines):
            terminalreporter.line(line)


def missing(what: str) -> None:
    """A real component is not on this machine: a failure in CI, else a skip with its name."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is not installed, and CI must have it")
    pytest.skip(f"NOT TESTED: {what} is not installed")


class Postgresql:
    """A server in a folder of its own, on a Unix socket only, run by `postgres` where the tests run as
    root."""

    def __init__(self, binaries: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="plomba-pg-"))
        self._binaries = binaries
        self._user = _unprivileged() if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self.folder, self._user)
        self.folder.chmod(0o755)
        self._run(
            "initdb",
            "-D",
            "data",
            "-A",
            "trust",
            "-U",
            "plomba",
            "--no-sync",
            "--wal-segsize=1",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        )
        options = f"-k {self.folder} -c listen_addresses= -c fsync=off -c full_page_writes=off"
        self._run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def url(self, name: str) -> str:
        return f"postgresql://plomba@/{name}?host={self.folder}"

    def create(self, name: str) -> str:
        """An empty database; its address."""
        self._run("createdb", "-h", str(self.folder), "-U", "plomba", name)
        return self.url(name)

    def stop(self) -> None:
        self._run("pg_ctl", "-D", "data", "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._binaries / program, *arguments],
            cwd=self.folder,
            user=self._user,
            group=pwd.getpwnam(self._user).pw_gid if self._user else None,
            extra_groups=[] if self._user else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def _unprivileged() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _version(folder: Path) -> float:
    return float(folder.parent.name)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version)
    if not found:
        missing("PostgreSQL")
    server = Postgresql(found[-1])
    yield server
    server.stop()


@pytest.fixture(scope="session")
def on_postgresql(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--database") == "postgresql")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    request: pytest.FixtureRequest, on_postgresql: bool, django_db_modify_db_settings_parallel_suffix: None
) -> None:
    """Point Django at the session's PostgreSQL before pytest-django makes the test database."""
    if not on_postgresql:
        return
    from django.conf import settings  # noqa: PLC0415 - only where a database is used
    from django.db import connections  # noqa: PLC0415

    from collector.settings import postgresql as entry  # noqa: PLC0415

    server: Postgresql = request.getfixturevalue("postgresql")
    default = connections["default"]
    default.close()
    settings.DATABASES = {"default": entry(server.url("postgres"))}
    connections.settings = connections.configure_settings(settings.DATABASES)
    del connections["default"]


if sys.platform != "win32":  # fixtures for all; at the end, since they use what is above
    from tests.databases import firebird, mariadb  # noqa: F401
