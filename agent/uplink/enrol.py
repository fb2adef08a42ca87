"""Enrolment with a one-time code that also says which collector to trust. It keeps nothing on failure but
the key."""

import base64
import binascii
import hashlib
import hmac
import platform
import re
import ssl
import warnings
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from urllib3.exceptions import InsecureRequestWarning

from agent.clock import Clock
from agent.uplink import identity
from agent.uplink.client import Client
from agent.uplink.connection import Connection, trust_only
from protocols.errors import CollectorUnreachable, UplinkError
from protocols.wire import v1

_ID = re.compile(r"[0-9A-Za-z-]{1,80}")
_CODE = re.compile(r"([0-9A-Za-z]+(?:-[0-9A-Za-z]+)*)\.([A-Za-z2-7]{52})")


class WrongCode(UplinkError):
    code = "enrol.code"


class WrongCollector(UplinkError):
    """The answering collector is not the one that made the code. Nothing secret was sent to it."""

    code = "enrol.fingerprint"


@dataclass(frozen=True, slots=True)
class Code:
    """`fingerprint` is the SHA-256 of the collector's authority certificate in DER."""

    secret: str
    fingerprint: bytes


def parse_code(text: str) -> Code:
    match = _CODE.fullmatch("".join(text.split()))
    if not match:
        raise WrongCode("this is no enrolment code; it looks like XXXXX-XXXXX.YYYY... and is copied whole")
    try:
        fingerprint = base64.b32decode(match[2].upper() + "====")
    except binascii.Error as e:
        raise WrongCode("the part of the code after the dot is damaged; copy it again") from e
    return Code(match[1].upper(), fingerprint)


def enrol(
    url: str, code: Code, state_dir: Path, *, name: str, version: str, clock: Clock
) -> identity.Identity:
    """Become a terminal of this collector. WrongCollector before anything secret is sent; ReportRefused with
    the collector's code where it does not take the one-time code; CollectorUnreachable: try again."""
    ca_pem = _fetch_authority(url, code.fingerprint)
    key = identity.make_key(state_dir)
    client = Client(Connection(url, trust_only(ca_pem)), key, identity.public_key(key), clock)
    try:
        enrolled = client.enrol(
            v1.Enrol(
                code=code.secret,
                public_key=identity.public_key(key),
                hostname=name or platform.node() or "?",
                os=f"{platform.system()} {platform.release()}"[:400],
                agent=version,
            )
        )
    finally:
        client.close()
    if not _ID.fullmatch(enrolled.terminal):
        raise CollectorUnreachable("the collector gave no usable terminal id", code="uplink.answer")
    made = identity.Identity(
        terminal=enrolled.terminal,
        collector=url.rstrip("/"),
        ca_file=identity.ca_file(state_dir, enrolled.terminal),
        key=key,
        name=enrolled.name,
        site=enrolled.site,
        customer=enrolled.customer,
    )
    identity.save(state_dir, made, ca_pem.encode())
    return made


def _fetch_authority(url: str, fingerprint: bytes) -> str:
    """The authority that signs the collector's certificate, proven by the fingerprint in the code."""
    connection = Connection(url, _trust_nobody_yet())
    try:
        with warnings.catch_warnings(category=InsecureRequestWarning, action="ignore"):
            answer = connection.request("GET", v1.PATH_AUTHORITY, b"", {"Accept": "application/x-pem-file"})
    finally:
        connection.close()
    try:
        certificate = x509.load_pem_x509_certificate(answer.body)
    except ValueError as e:
        raise WrongCollector(_NOT_THIS_ONE) from e
    found = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    if not hmac.compare_digest(found, fingerprint):
        raise WrongCollector(_NOT_THIS_ONE)
    return certificate.public_bytes(Encoding.PEM).decode()


_NOT_THIS_ONE = (
    "another collector answers at this address than the one that made the code; nothing was sent to it. "
    "Check the address, and that nobody stands between"
)


def _trust_nobody_yet() -> ssl.SSLContext:
    """Only to fetch the authority, which is then proven by its fingerprint: the request holds nothing
    secret, and a wrong answer is refused. Every later connection uses `trust_only`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
