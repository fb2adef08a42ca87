"""Shared fixtures. `--database=postgresql` runs everything that has a database on a PostgreSQL server of its
own."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from pytest_django import DjangoDbBlocker

if sys.platform != "win32":  # the collector does not run there
    import pwd

    from django.conf import settings


hypothesis.settings.register_profile(
    "plomba", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("plomba")
"""How long an example takes says what else the machine does, and nothing of the code."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=("sqlite", "postgresql"), default="sqlite")


SEEDED = ("service", "knowledge")
"""Apps whose migrations bring rows."""
GROUP_S = 240.0
"""What a group of tests that stay on one worker may take, for the order alone."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several workers share the tests, the longest begin first: by the time that a test asks for, or the group
    that it is in. Else one worker would begin the last of the long ones when the others have nothing left."""
    if config.getoption("--database") == "postgresql":
        _keep(config, items, _has_database)
    if not hasattr(config, "workerinput"):
        return
    longest: dict[str, float] = {}
    for item in items:
        longest[_unit(item)] = max(_asked_s(item), longest.get(_unit(item), 0))
    items.sort(key=lambda item: -longest[_unit(item)])


def _keep(config: pytest.Config, items: list[pytest.Item], wanted: Callable[[pytest.Item], bool]) -> None:
    kept = [item for item in items if wanted(item)]
    config.hook.pytest_deselected(items=[item for item in items if not wanted(item)])
    items[:] = kept


def _has_database(item: pytest.Item) -> bool:
    """One that `--database` chooses. Another test would only do again what it did with SQLite."""
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(item.get_closest_marker("django_db") or fixtures & {"db", "transactional_db", "database"})


def _unit(item: pytest.Item) -> str:
    """What xdist gives to one worker as a whole."""
    group = item.get_closest_marker("xdist_group")
    return str(group.args[0]) if group else item.nodeid


def _asked_s(item: pytest.Item) -> float:
    asked = item.get_closest_marker("timeout")
    grouped = GROUP_S if item.get_closest_marker("xdist_group") else 0.0
    return max(float(asked.args[0]), grouped) if asked else grouped


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


def no_chroot() -> None:
    """Skips where the root of this system is no mount: there nothing gives namespaces whose mounts stay inside."""
    mounts = Path("/proc/self/mountinfo")
    if mounts.exists() and not any(line.split()[4] == "/" for line in mounts.read_text().splitlines()):
        pytest.skip("NOT TESTED: in a chroot there are no mounts of one's own")


INITDB = (
    "-D", "data", "-A", "trust", "-U", "plomba", "--no-sync", "--wal-segsize=1", "-E", "UTF8", "--locale=C.UTF-8"
)  # fmt: skip


class Postgresql:
    """A server in a folder of its own, on a Unix socket only, run by `postgres` where the tests run as
    root."""

    def __init__(self, binaries: Path, like: Path | None = None) -> None:
        """`like`: the data of a stopped server, to begin with a copy of."""
        self.folder = Path(tempfile.mkdtemp(prefix="plomba-pg-"))
        self._binaries = binaries
        self._user = _unprivileged() if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self.folder, self._user)
        self.folder.chmod(0o755)
        if like:
            self._run("/bin/cp", "-a", str(like), "data")
        else:
            self._run("initdb", *INITDB)
        options = f"-k {self.folder} -c listen_addresses= -c fsync=off -c full_page_writes=off"
        self._run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def url(self, name: str) -> str:
        return f"postgresql://plomba@/{name}?host={self.folder}"

    def create(self, name: str, like: str = "") -> str:
        """A database, empty or as another one that nobody uses; its address."""
        self._run("createdb", "-h", str(self.folder), "-U", "plomba", *(("-T", like) if like else ()), name)
        return self.url(name)

    def stop(self, keep: Path | None = None) -> None:
        """`keep`: where its data goes."""
        self._run("pg_ctl", "-D", "data", "-m", "fast" if keep else "immediate", "stop")
        if keep:
            shutil.move(self.folder / "data", keep)
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
def postgresql(on_postgresql: bool) -> Iterator[Postgresql]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version)
    if not found:
        missing("PostgreSQL")
    from tests.collector import template  # noqa: PLC0415 - only where the collector runs

    server = Postgresql(found[-1], template.cluster(Postgresql, found[-1]) if on_postgresql else None)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def on_postgresql(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--database") == "postgresql")


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """The database of the tests is there, with all migrations; Django still looks whether any is missing."""
    return True


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    request: pytest.FixtureRequest, on_postgresql: bool, django_db_modify_db_settings_parallel_suffix: None
) -> None:
    """Make the test database before pytest-django does; on PostgreSQL, point Django at the session's server."""
    from django.db import connections  # noqa: PLC0415 - only where a database is used

    from tests.collector import template  # noqa: PLC0415

    if not on_postgresql:
        shutil.copyfile(template.bare(), connections["default"].settings_dict["TEST"]["NAME"])
        return
    from collector.settings import postgresql as entry  # noqa: PLC0415

    server: Postgresql = request.getfixturevalue("postgresql")
    server.create("test_postgres", like=template.DATABASE)
    default = connections["default"]
    default.close()
    settings.DATABASES = {"default": entry(server.url("postgres"))}
    connections.settings = connections.configure_settings(settings.DATABASES)
    del connections["default"]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: "DjangoDbBlocker") -> None:
    """A test with real transactions empties every table when it ends; what the migrations brought is put back then,
    since the next test of this worker may need it."""
    from django.apps import apps  # noqa: PLC0415 - only where a database is used
    from django.core import serializers  # noqa: PLC0415
    from django.db import transaction  # noqa: PLC0415
    from django.db.models.signals import post_migrate  # noqa: PLC0415

    with django_db_blocker.unblock():
        models = [model for name in SEEDED for model in apps.get_app_config(name).get_models()]
        seeds = [serializers.serialize("python", model._default_manager.all()) for model in models]
    assert any(seeds)

    def put_back(**_more: object) -> None:
        with transaction.atomic():
            for rows in seeds:
                for row in serializers.deserialize("python", rows):
                    row.save()

    last = [app for app in apps.get_app_configs() if app.models_module][-1]  # the signal comes once for each
    post_migrate.connect(put_back, sender=last, weak=False, dispatch_uid="seeds of the tests")


if sys.platform != "win32":  # fixtures for all; at the end, since they use what is above
    from tests.databases import firebird, mariadb  # noqa: F401
