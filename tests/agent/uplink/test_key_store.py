"""The private key lies where only the service gets at it."""

import stat
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.uplink import identity, key_store
from tests.agent.uplink.authority import Authority

RAW = bytes(range(32))
WINDOWS = pytest.mark.skipif(sys.platform != "win32", reason="NOT TESTED: Windows only")
LINUX = pytest.mark.skipif(sys.platform == "win32", reason="NOT TESTED: Linux only")


def test_a_key_comes_back_and_the_newest_counts(tmp_path: Path) -> None:
    file = tmp_path / "state" / "till.key"
    key_store.write_key(file, bytes(32))
    key_store.write_key(file, RAW)
    assert key_store.read_key(file) == RAW
    assert [found.name for found in file.parent.iterdir()] == ["till.key"]


def test_no_key_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    file = tmp_path / "till.key"
    with pytest.raises(FileNotFoundError):
        key_store.read_key(file)
    for content in (b"", b"?" * 43, b"dpapi1:AAAA", b"A" * 41):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"damaged|sealed|32 bytes"):
            Ed25519PrivateKey.from_private_bytes(key_store.read_key(file))


@LINUX
def test_the_file_is_for_this_account_only_whatever_the_umask(tmp_path: Path) -> None:
    file = tmp_path / "till.key"
    key_store.write_key(file, RAW)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@LINUX
def test_a_credential_of_systemd_stands_in_for_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = identity.Identity(
        "till", "https://c", identity.ca_file(tmp_path, "till"), Ed25519PrivateKey.generate()
    )
    identity.save(tmp_path, made, Authority().pem)
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (tmp_path / "till.key").rename(credentials / key_store.CREDENTIAL)
    with pytest.raises(identity.NotEnrolled):
        identity.load(tmp_path)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert identity.public_key(identity.load(tmp_path).key) == identity.public_key(made.key)


@LINUX
def test_a_key_made_since_counts_before_the_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_store.write_key(tmp_path / key_store.CREDENTIAL, bytes(32))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert key_store.read_key(tmp_path / "till.key") == bytes(32)
    key_store.write_key(tmp_path / "till.key", RAW)
    assert key_store.read_key(tmp_path / "till.key") == RAW


@LINUX
def test_systemd_may_give_other_credentials_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(FileNotFoundError):
        key_store.read_key(tmp_path / "till.key")


@WINDOWS
def test_the_file_holds_no_key_in_the_clear(tmp_path: Path) -> None:
    file = tmp_path / "till.key"
    key_store.write_key(file, RAW)
    content = file.read_bytes()
    assert content.startswith(b"dpapi1:")
    assert RAW not in content
    assert key_store._raw(content.removeprefix(b"dpapi1:")) != RAW


@WINDOWS
def test_an_unsealed_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "till.key"
    file.write_bytes(key_store._text(RAW))
    with pytest.raises(ValueError, match="not sealed"):
        key_store.read_key(file)


@WINDOWS
def test_a_seal_without_our_entropy_does_not_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "till.key"
    key_store.write_key(file, RAW)
    monkeypatch.setattr("agent.uplink.key_windows.ENTROPY", b"another program")
    with pytest.raises(ValueError, match="not sealed on this machine"):
        key_store.read_key(file)


def _let_in(file: Path) -> set[str]:
    """The accounts on its access list, by their SID."""
    import win32security  # noqa: PLC0415 - there on Windows only

    found = win32security.GetFileSecurity(str(file), win32security.DACL_SECURITY_INFORMATION)
    access = found.GetSecurityDescriptorDacl()
    return {win32security.ConvertSidToStringSid(access.GetAce(i)[2]) for i in range(access.GetAceCount())}


@WINDOWS
def test_nobody_but_system_and_the_administrators_is_let_in(tmp_path: Path) -> None:
    """Wine 8 keeps an access list as the mode of a file, and shows the account that runs it for the
    Administrators."""
    file, plain = tmp_path / "till.key", tmp_path / "plain"
    key_store.write_key(file, RAW)
    plain.write_bytes(RAW)
    everyone, system, administrators, own = "S-1-1-0", "S-1-5-18", "S-1-5-32-544", "S-1-5-21-0-0-0-1000"
    assert everyone in _let_in(plain), "the test sees an open file"
    assert _let_in(file) in ({system, administrators}, {system, own})
