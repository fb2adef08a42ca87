"""`plomba-collector` as a person meets it."""

import json
import socket
import stat
from pathlib import Path

import pytest

from collector import cli
from collector.core import authority
from tests.collector.served import Served

pytestmark = pytest.mark.xdist_group("cli")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Served:
    made = Served(tmp_path_factory.mktemp("home"))
    made.cli("init", "--port", "9443", "--public-url", "https://plomba.example:9443", "--password-stdin",
             stdin="a long enough password\n")  # fmt: skip
    return made


def test_init_again_changes_nothing(home: Served) -> None:
    files = [path for path in home.home.rglob("*") if path.is_file() and "sqlite3" not in path.name]
    before = {path: path.read_bytes() for path in files}
    said = home.cli("init")
    assert "password" not in said
    assert {path: path.read_bytes() for path in files} == before


def test_private_files_are_private(home: Served) -> None:
    for name in ("secret.key", "tls/ca.key", "tls/server.key", "collector.sqlite3"):
        assert stat.S_IMODE((home.home / name).stat().st_mode) == 0o600, name


def test_the_certificate_names_every_way_in(home: Served) -> None:
    certificate = authority.read_certificate(home.home / "tls" / authority.SERVER_CERT)
    assert authority.names_of(certificate) == {"plomba.example", "localhost", "127.0.0.1"}
    certificate.verify_directly_issued_by(authority.read_certificate(home.home / "ca.pem"))


def test_people(home: Served) -> None:
    home.cli(
        "user",
        "add",
        "technician",
        "--role",
        "technician",
        "--password-stdin",
        stdin="another long password\n",
    )
    home.cli("user", "role", "technician", "reader")
    home.cli("user", "password", "technician", "--password-stdin", stdin="yet another password\n")
    rows = {row["username"]: row["role"] for row in json.loads(home.cli("user", "list", "--json"))}
    assert rows == {"manager": "manager", "technician": "reader"}


@pytest.mark.parametrize(
    ("arguments", "stdin", "says"),
    [
        (("user", "add", "manager", "--password-stdin"), "a long enough one\n", "is there already"),
        (("user", "add", "short", "--password-stdin"), "short\n", "10"),
        (("user", "role", "nobody", "reader"), "", "there is no nobody"),
    ],
)
def test_refused(home: Served, arguments: tuple[str, ...], stdin: str, says: str) -> None:
    assert says in home.cli(*arguments, stdin=stdin, expect=cli.REFUSED)


def test_doctor(home: Served) -> None:
    assert json.loads(home.cli("doctor", "--json"))["ok"] is True
    (home.home / "secret.key").chmod(0o644)
    said = home.cli("doctor", expect=cli.FAILED)
    (home.home / "secret.key").chmod(0o600)
    assert "BAD  file secret.key: mode 0644; run chmod 600" in said


def test_no_home(tmp_path: Path) -> None:
    assert "plomba-collector init" in Served(tmp_path / "none").cli("doctor", expect=cli.USAGE)


def test_a_wrong_key_is_one_line(home: Served, tmp_path: Path) -> None:
    wrong = Served(tmp_path)
    wrong.configure("[server]\nprot = 1\n")
    said = wrong.cli("serve", expect=cli.USAGE)
    assert said == f"{tmp_path}/collector.toml: server.prot: is not known; did you mean port?\n"


def test_a_wrong_command_is_wrong_usage(home: Served) -> None:
    home.cli("bake", expect=cli.USAGE)


@pytest.mark.parametrize(
    "wrong",
    [
        ["serve", "--port", "99999"],
        ["enrol-code", "--customer", "", "--site", "b"],
        ["enrol-code", "--customer", "a" * 201, "--site", "b"],
        ["enrol-code", "--customer", "a", "--site", "b", "--ttl", "-5"],
        ["enrol-code", "--customer", "a", "--site", "b", "--ttl", "99999999999"],
    ],
)
def test_wrong_usage_is_said_and_is_2(home: Served, wrong: list[str]) -> None:
    assert "Traceback" not in home.cli(*wrong, expect=2)


def test_a_password_needs_somebody_to_type_it(home: Served) -> None:
    assert "--password-stdin" in home.cli("user", "add", "nobody", expect=3)


def test_a_taken_port_is_one_line(home: Served) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = home.cli("serve", "--port", str(taken.getsockname()[1]), expect=2)
    assert "choose another port" in said
    assert said.count("\n") == 1
