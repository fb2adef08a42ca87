"""A private key that signs with the OpenSSL which TLS has loaded anyway. The `cryptography` library brings a second
one, which takes 8 MiB of a process that does nothing with it but sign; it is loaded for all else that is asked."""

import ctypes
import ssl
import sys
from functools import cache
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_ED25519 = 1087
"""NID_ED25519 (OpenSSL obj_mac.h)."""
_KEY_BYTES, _SIGNATURE_BYTES = 32, 64
_PROBE = (
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
    b"",
    bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    ),
)
"""RFC 8032 section 7.1, test 1: key, message, signature. Asked before any key is trusted to the library."""


def load(raw: bytes) -> "Ed25519PrivateKey":
    """As `Ed25519PrivateKey.from_private_bytes`, ValueError included; that very one where the system's OpenSSL cannot
    be reached (Windows, an interpreter that holds its own) or does not do Ed25519."""
    openssl = _openssl() if len(raw) == _KEY_BYTES else None
    handle = openssl and _handle(openssl, raw)
    if openssl and handle:
        return cast("Ed25519PrivateKey", SystemKey(raw, openssl, handle))
    return _whole(raw)


class SystemKey:
    """Any thread may sign."""

    def __init__(self, raw: bytes, openssl: ctypes.CDLL, handle: int) -> None:
        self._raw = raw
        self._openssl = openssl
        self._handle = handle

    def sign(self, data: bytes) -> bytes:
        return _signed(self._openssl, self._handle, data) or _whole(self._raw).sign(data)

    def __getattr__(self, name: str) -> object:
        """The rest of what a private key can."""
        return getattr(_whole(self._raw), name)

    def __del__(self) -> None:
        self._openssl.EVP_PKEY_free(self._handle)


def _whole(raw: bytes) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - see the module

    return Ed25519PrivateKey.from_private_bytes(raw)


@cache
def _openssl() -> ctypes.CDLL | None:
    """Through the module of `ssl`: what it is linked with is found by its own names."""
    file = getattr(sys.modules.get("_ssl"), "__file__", None)
    if sys.platform != "linux" or not file or ssl.OPENSSL_VERSION_INFO < (1, 1, 1):
        return None
    key, message, signature = _PROBE
    try:
        openssl = _declared(ctypes.CDLL(file))
    except (OSError, AttributeError):
        return None
    handle = _handle(openssl, key)
    if not handle:
        return None
    right = _signed(openssl, handle, message) == signature
    openssl.EVP_PKEY_free(handle)
    return openssl if right else None


def _declared(openssl: ctypes.CDLL) -> ctypes.CDLL:
    """The functions that are used (OpenSSL manual, EVP_PKEY_new and EVP_DigestSignInit)."""
    pointer, size, text = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p
    for name, result, arguments in (
        ("EVP_PKEY_new_raw_private_key", pointer, (ctypes.c_int, pointer, text, size)),
        ("EVP_PKEY_free", None, (pointer,)),
        ("EVP_MD_CTX_new", pointer, ()),
        ("EVP_MD_CTX_free", None, (pointer,)),
        ("EVP_DigestSignInit", ctypes.c_int, (pointer, pointer, pointer, pointer, pointer)),
        ("EVP_DigestSign", ctypes.c_int, (pointer, text, ctypes.POINTER(size), text, size)),
        ("ERR_clear_error", None, ()),
    ):
        function = getattr(openssl, name)
        function.restype, function.argtypes = result, arguments
    return openssl


def _handle(openssl: ctypes.CDLL, raw: bytes) -> int | None:
    handle: int | None = openssl.EVP_PKEY_new_raw_private_key(_ED25519, None, raw, len(raw))
    if not handle:
        openssl.ERR_clear_error()
    return handle


def _signed(openssl: ctypes.CDLL, handle: int, data: bytes) -> bytes | None:
    """None where the library refuses."""
    context = openssl.EVP_MD_CTX_new()
    if not context:
        return None
    try:
        out, size = ctypes.create_string_buffer(_SIGNATURE_BYTES), ctypes.c_size_t(_SIGNATURE_BYTES)
        done = openssl.EVP_DigestSignInit(context, None, None, None, handle) == 1 and (
            openssl.EVP_DigestSign(context, out, ctypes.byref(size), data, len(data)) == 1
        )
        if not done:
            openssl.ERR_clear_error()  # what is left there would be taken for a failure of TLS in this thread
        return out.raw if done and size.value == _SIGNATURE_BYTES else None
    finally:
        openssl.EVP_MD_CTX_free(context)
