"""The package's way from a real collector to a till."""

import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.runtime.clock import SystemClock
from agent.uplink.client import Client
from agent.uplink.connection import Connection, trust_only
from agent.uplink.package import WrongPackage, fetch
from collector.core import clock
from protocols.errors import CollectorUnreachable, ReportRefused
from protocols.wire import signing
from protocols.wire.package import PIECE_BYTES, piece_path
from tests.collector.served import Served, Till
from tests.update.test_order import VERSION, built


@pytest.fixture
def till(served: Served) -> Till:
    return served.terminal()


@pytest.fixture
def client(served: Served, till: Till) -> Iterator[Client]:
    made = Client(
        Connection(served.url, trust_only(Path(served.authority).read_text("ascii"))),
        till.key,
        till.id,
        SystemClock(),
    )
    yield made
    made.close()


def large(folder: Path) -> Path:
    """Of a little more than two pieces."""
    package = built(folder)
    with package.open("ab") as out:
        out.write(secrets.token_bytes(2 * PIECE_BYTES))
    return package


def test_a_kept_package_comes_whole_and_goes_on_where_it_broke_off(
    served: Served, client: Client, tmp_path: Path
) -> None:
    package = large(tmp_path)
    sha256 = hashlib.sha256(package.read_bytes()).hexdigest()
    said = served.cli("package", "add", str(package))
    assert f"--type update --set version={VERSION} --set sha256={sha256}" in said
    assert sha256 in served.cli("package", "list")
    file = tmp_path / "till" / f"{sha256}.deb"
    file.parent.mkdir()
    file.with_suffix(".part").write_bytes(package.read_bytes()[: PIECE_BYTES + 7])
    (file.parent / "older.deb").touch()
    sizes: list[int] = []
    fetch(client, sha256, file, sizes.append)
    assert file.read_bytes() == package.read_bytes()
    assert sizes[0] == PIECE_BYTES + 7
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    sizes.clear()
    fetch(client, sha256, file, sizes.append)
    assert sizes == [], "it is here already"
    served.cli("package", "remove", sha256)
    file.unlink()
    with pytest.raises(ReportRefused) as told:
        fetch(client, sha256, file)
    assert told.value.code == "package.unknown"


def test_what_is_not_what_was_signed_does_not_stay(served: Served, client: Client, tmp_path: Path) -> None:
    package = large(tmp_path)
    sha256 = hashlib.sha256(package.read_bytes()).hexdigest()
    served.cli("package", "add", str(package))
    file = tmp_path / "till" / f"{sha256}.deb"
    file.parent.mkdir()
    file.with_suffix(".part").write_bytes(b"what another hand has begun")
    with pytest.raises(WrongPackage):
        fetch(client, sha256, file)
    assert list(file.parent.iterdir()) == []
    fetch(client, sha256, file)
    assert file.read_bytes() == package.read_bytes()


@pytest.mark.parametrize("name", ["../secret", "0" * 64, "%2e%2e/ca.pem", ""])
def test_only_packages_are_handed_out(client: Client, name: str) -> None:
    with pytest.raises((ReportRefused, CollectorUnreachable)) as told:
        client.send("GET", piece_path(name, 0), b"", content_type="application/json")
    assert told.value.code in ("package.unknown", "path.unknown")


def test_who_is_not_enrolled_gets_none(served: Served, till: Till) -> None:
    path = piece_path("0" * 64, 0)
    assert till.session.get(served.url + path, timeout=30).status_code == 401
    headers = signing.sign(
        till.key,
        "GET",
        path,
        b"",
        keyid=till.id,
        created=int(clock.now().timestamp()),
        nonce=secrets.token_hex(8),
    )
    assert till.session.get(served.url + path, headers=headers, timeout=30).status_code == 404
    assert till.session.put(served.url + path, headers=headers, timeout=30).status_code == 405


@pytest.mark.parametrize("made", ["other", "text", "cut"])
def test_what_is_no_package_of_the_agent_is_not_kept(served: Served, tmp_path: Path, made: str) -> None:
    file = tmp_path / "file.deb"
    if made == "other":
        file = built(tmp_path, name="other")
    elif made == "text":
        file.write_text("no archive at all, and longer than a header of sixty bytes has to be")
    else:
        file.write_bytes(built(tmp_path).read_bytes()[:100])
    before = served.cli("package", "list")
    served.cli("package", "add", str(file), expect=3)
    assert served.cli("package", "list") == before
