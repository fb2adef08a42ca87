"""Enrolment with a one-time code that also says which collector to trust, or with a key that a person claims on a
page, whose word says it. It keeps nothing on failure but the key."""

import base64
import binascii
import hashlib
import hmac
import platform
import re
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from agent.clock import Clock
from agent.uplink import identity
from agent.uplink.client import Client
from agent.uplink.connection import Connection, trust_only
from protocols.errors import CollectorUnreachable, UplinkError
from protocols.wire import claim, v1

NOT_CLAIMED = "enrol.not_claimed"
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """`waits`: the collector takes no reports before a technician has approved this terminal."""

    identity: identity.Identity
    waits: bool = False


class Shown:
    """A key that is shown to a person, who claims it on a page of the collector. `address` is what the picture
    holds, `number` what page and till both show. Nothing that the collector says is believed before `proves`."""

    def __init__(self, url: str, state_dir: Path, name: str) -> None:
        """CollectorUnreachable; WrongCollector where what answers gives no authority."""
        self._url = url
        self._ca_pem, self._fingerprint = _fetch_authority(url)
        key = identity.public_key(identity.make_key(state_dir))
        self._key = key
        self.address = claim.address(url, key, name or platform.node())
        self.number = claim.number(key)

    def proves(self, word: str) -> bool:
        """Is this the word that the page of the collector shows whose authority answered here?"""
        expected = claim.plain(claim.word(self._fingerprint, self._key))
        return hmac.compare_digest(claim.plain(word).encode(), expected.encode())

    def enrol(self, state_dir: Path, *, name: str, version: str, clock: Clock) -> Outcome:
        """Once proven. ReportRefused with NOT_CLAIMED while nobody has claimed the key; else as `enrol`."""
        return _become(
            self._url, self._ca_pem, v1.CLAIMED, state_dir, name=name, version=version, clock=clock
        )


def parse_code(text: str) -> Code:
    match = _CODE.fullmatch("".join(text.split()))
    if not match:
        raise WrongCode("this is no enrolment code; it looks like XXXXX-XXXXX.YYYY... and is copied whole")
    try:
        fingerprint = base64.b32decode(match[2].upper() + "====")
    except binascii.Error as e:
        raise WrongCode("the part of the code after the dot is damaged; copy it again") from e
    return Code(match[1].upper(), fingerprint)


def enrol(url: str, code: Code, state_dir: Path, *, name: str, version: str, clock: Clock) -> Outcome:
    """Become a terminal of this collector. WrongCollector before anything secret is sent; ReportRefused with
    the collector's code where it does not take the one-time code; CollectorUnreachable: try again."""
    ca_pem, found = _fetch_authority(url)
    if not hmac.compare_digest(found, code.fingerprint):
        raise WrongCollector(_NOT_THIS_ONE)
    return _become(url, ca_pem, code.secret, state_dir, name=name, version=version, clock=clock)


def _become(
    url: str, ca_pem: str, secret: str, state_dir: Path, *, name: str, version: str, clock: Clock
) -> Outcome:
    """With an authority that is proven."""
    key = identity.make_key(state_dir)
    client = Client(Connection(url, trust_only(ca_pem)), key, identity.public_key(key), clock)
    try:
        enrolled = client.enrol(
            v1.Enrol(
                code=secret,
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
    return Outcome(made, enrolled.waits)


def _fetch_authority(url: str) -> tuple[str, bytes]:
    """The authority that is said to sign the collector's certificate, and its SHA-256, by which it is to be
    proven."""
    connection = Connection(url, _trust_nobody_yet())
    try:
        answer = connection.request("GET", v1.PATH_AUTHORITY, b"", {"Accept": "application/x-pem-file"})
    finally:
        connection.close()
    try:
        certificate = x509.load_pem_x509_certificate(answer.body)
    except ValueError as e:
        raise WrongCollector(_NOT_THIS_ONE) from e
    found = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    return certificate.public_bytes(Encoding.PEM).decode(), found


_NOT_THIS_ONE = (
    "another collector answers at this address than the one that made the code; nothing was sent to it. "
    "Check the address, and that nobody stands between"
)


def _trust_nobody_yet() -> ssl.SSLContext:
    """Only to fetch the authority, which is then proven by its fingerprint or its word: the request holds nothing
    secret, and a wrong answer is refused. Every later connection uses `trust_only`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
