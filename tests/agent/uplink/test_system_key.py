"""Signatures by the system's OpenSSL are those of the `cryptography` library, byte for byte (Ed25519 has one signature
for a message), and where it cannot sign the library does."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from agent.uplink import system_key
from agent.uplink.system_key import SystemKey

RAW = bytes(range(32))

pytestmark = pytest.mark.skipif(
    not getattr(sys.modules.get("_ssl"), "__file__", None), reason="this interpreter holds its own OpenSSL"
)


@pytest.fixture
def forgets() -> Iterator[None]:
    system_key._openssl.cache_clear()
    yield
    system_key._openssl.cache_clear()


@given(raw=st.binary(min_size=32, max_size=32), data=st.binary(max_size=5000))
def test_it_signs_as_the_library_does(raw: bytes, data: bytes) -> None:
    key = system_key.load(raw)
    assert isinstance(key, SystemKey)
    assert key.sign(data) == Ed25519PrivateKey.from_private_bytes(raw).sign(data)


def test_the_rest_of_a_key_is_the_library_s() -> None:
    key, whole = system_key.load(RAW), Ed25519PrivateKey.from_private_bytes(RAW)
    assert key.private_bytes_raw() == RAW
    assert key.public_key() == whole.public_key()
    key.public_key().verify(key.sign(b"x"), b"x")
    with pytest.raises(AttributeError):
        key.no_such_thing  # type: ignore[attr-defined] # noqa: B018


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_what_is_no_key(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        system_key.load(bytes(size))


def test_a_library_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_key, "_openssl", lambda: None)
    assert not isinstance(system_key.load(RAW), SystemKey)


@pytest.mark.usefixtures("forgets")
def test_a_library_that_signs_otherwise_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    key, message, signature = system_key._PROBE
    monkeypatch.setattr(system_key, "_PROBE", (key, message + b"x", signature))
    assert not isinstance(system_key.load(RAW), SystemKey)


def test_a_library_that_refuses_to_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    key = system_key.load(RAW)
    right = key.sign(b"x")
    monkeypatch.setattr(system_key, "_signed", lambda *_: None)
    assert key.sign(b"x") == right


def test_threads_sign_at_the_same_time() -> None:
    key, whole = system_key.load(RAW), Ed25519PrivateKey.from_private_bytes(RAW)
    texts = [str(number).encode() * 50 for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(key.sign, texts)) == [whole.sign(text) for text in texts]


LIGHT = """
import sys
import agent.runtime.resident, agent.uplink.sender
from agent.uplink import system_key
from protocols.wire import signing
key = system_key.load(bytes(32))
signing.sign(key, "POST", "/", b"", keyid="a", created=1, nonce="b")
print("cryptography" in sys.modules)
key.public_key()
print("cryptography" in sys.modules)
"""


def test_the_resident_agent_signs_without_a_second_openssl() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["False", "True"]
