"""What the agents of one site say to each other about the way to the collector, and what the collector tells them of
each other. A word among neighbours only says where to try: what goes through a relay is TLS to the collector, and
signed inside."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Literal, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field, ValidationError

from protocols.errors import ReportRefused
from protocols.wire.v1 import Id, Model, Text

PATH_NEIGHBOURS = "/api/agent/v1/neighbours"
DATAGRAM_BYTES = 1024
NEIGHBOURS = 200
_SIGNATURE_BYTES = 64
_ASKED, _WORD, _PASSAGE = b"plomba-relay-question-1\n", b"plomba-relay-word-1\n", b"plomba-relay-passage-1\n"
"""What is signed begins with what it is for, and as no signature of a request does (protocols.wire.signing)."""


class Reach(StrEnum):
    """How an agent's own way to the collector last ended. `reached`: it answered and took something. `refused`:
    something answered for it, so the line carries, but no collector that takes reports. `silent`: nothing came
    back. `no_name`: its name has no address here. `no_route`: this computer, or
    a router behind it, knows no way there."""

    REACHED = "reached"
    REFUSED = "refused"
    SILENT = "silent"
    NO_NAME = "no_name"
    NO_ROUTE = "no_route"
    UNKNOWN = "unknown"


class Neighbour(Model):
    """`public_key` is the raw Ed25519 key in base64url without padding."""

    terminal: Id
    name: Text
    public_key: Annotated[str, Field(min_length=43, max_length=43)]


class Neighbours(Model):
    """GET PATH_NEIGHBOURS: the terminals of the asker's site that are not retired, the asker among them."""

    version: Literal[1] = 1
    neighbours: Annotated[tuple[Neighbour, ...], Field(max_length=NEIGHBOURS)]


class Question(Model):
    """Who can carry me to this collector (`host:port`)? To the group or to one address, by UDP."""

    kind: Literal["question"] = "question"
    terminal: Id
    collector: Text
    nonce: Annotated[str, Field(min_length=16, max_length=44)]


class Word(Model):
    """The answer to the question with this nonce. `reach` is that of the relay's own way, which has been so for
    `steady_s`; `load` is the used share of the tunnels that it allows; the lower `rank` goes first; `port` (TCP) takes
    tunnels."""

    kind: Literal["word"] = "word"
    terminal: Id
    nonce: Annotated[str, Field(min_length=16, max_length=44)]
    reach: Reach
    steady_s: Annotated[float, Field(ge=0, le=1e9)]
    load: Annotated[float, Field(ge=0, le=1)]
    rank: Annotated[int, Field(ge=0, le=1000)]
    port: Annotated[int, Field(ge=1, le=65535)]


Keys = Mapping[str, Ed25519PublicKey]
"""Terminal id -> its key, of the members of one site."""
S = TypeVar("S", Question, Word)


def sealed(said: Question | Word, key: Ed25519PrivateKey) -> bytes:
    """One datagram: the signature, then the JSON."""
    body = said.model_dump_json().encode()
    return key.sign(_label(type(said)) + body) + body


def opened(kind: type[S], datagram: bytes, keys: Keys) -> S | None:
    """What a member of the site said; None where it is anything else."""
    if not _SIGNATURE_BYTES < len(datagram) <= DATAGRAM_BYTES:
        return None
    signature, body = datagram[:_SIGNATURE_BYTES], datagram[_SIGNATURE_BYTES:]
    try:
        said = kind.model_validate_json(body, extra="ignore")
        keys[said.terminal].verify(signature, _label(kind) + body)
    except (ValidationError, KeyError, InvalidSignature):
        return None
    return said


@dataclass(frozen=True, slots=True)
class Passage:
    """What a member signs to be let through: this relay, once (`nonce` is the relay's), to this collector."""

    relay: str
    nonce: str
    terminal: str
    collector: str

    def signed(self, key: Ed25519PrivateKey) -> str:
        return base64.urlsafe_b64encode(key.sign(self._bytes())).decode()

    def check(self, signature: str, keys: Keys) -> None:
        """ReportRefused with `relay.member` where the terminal is no member, or did not sign this."""
        try:
            raw = base64.b64decode(signature, altchars=b"-_", validate=True)
            keys[self.terminal].verify(raw, self._bytes())
        except (KeyError, ValueError, binascii.Error, InvalidSignature) as e:
            raise ReportRefused(
                "the relay carries terminals of its own site only", code="relay.member"
            ) from e

    def _bytes(self) -> bytes:
        return _PASSAGE + "\n".join((self.relay, self.nonce, self.terminal, self.collector)).encode()


def public_keys(neighbours: Neighbours) -> dict[str, Ed25519PublicKey]:
    """ValueError where a key is none."""
    return {
        n.terminal: Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(n.public_key + "="))
        for n in neighbours.neighbours
    }


def _label(kind: type[Question] | type[Word]) -> bytes:
    return _ASKED if kind is Question else _WORD


SCHEME: Final = "Plomba"
"""The scheme of Proxy-Authenticate and Proxy-Authorization (RFC 9110 section 11.7)."""
