"""The people behind a job: a company with its root key, operators with theirs, and what they sign. Keys are made for
each test."""

import json
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.wire import job_signing
from protocols.wire.job import (
    Job,
    Offer,
    Operator,
    OperatorList,
    SignedJob,
    SignedOperators,
    Type,
    written,
)

NOW = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)
EVERYTHING = tuple(Type)


def public(key: Ed25519PrivateKey) -> str:
    return job_signing.encode(key.public_key().public_bytes_raw())


@dataclass
class Person:
    name: str
    may: tuple[Type, ...] = EVERYTHING
    valid_from: datetime = NOW - timedelta(days=30)
    valid_to: datetime = NOW + timedelta(days=300)
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def entry(self) -> Operator:
        return Operator(
            name=self.name,
            key=public(self.key),
            may=self.may,
            valid_from=written(self.valid_from),
            valid_to=written(self.valid_to),
        )


@dataclass
class Office:
    """`now` is the time at which it signs."""

    terminal: str = "till-1"
    now: datetime = NOW
    root: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    anna: Person = field(default_factory=lambda: Person("Anna"))
    janis: Person = field(default_factory=lambda: Person("Jānis"))

    @property
    def root_key(self) -> str:
        return public(self.root)

    def operators(
        self,
        number: int = 1,
        people: Sequence[Person] | None = None,
        *,
        root: Ed25519PrivateKey | None = None,
        lasts: timedelta = timedelta(days=90),
    ) -> SignedOperators:
        listed = OperatorList(
            number=number,
            issued=written(self.now - timedelta(minutes=1)),
            expires=written(self.now - timedelta(minutes=1) + lasts),
            operators=tuple(person.entry for person in (people or (self.anna, self.janis))),
        )
        return job_signing.sign_operators(listed, root or self.root)

    def job(self, parameters: dict[str, Any] | None = None, **changes: Any) -> str:
        """The text of a job; what is changed need not be allowed."""
        document: dict[str, Any] = {
            "version": 1,
            "id": str(uuid.uuid4()),
            "target": self.terminal,
            "nonce": secrets.token_urlsafe(16),
            "not_before": written(self.now),
            "expires": written(self.now + timedelta(minutes=10)),
            "dry_run": False,
            "parameters": parameters or {"type": "read_state_now", "device": ""},
        } | changes
        return text_of(document)

    def signed(self, text: str, *people: Person) -> SignedJob:
        who = people or (self.anna,)
        return SignedJob(text=text, signatures=tuple(job_signing.sign_job(text, one.key) for one in who))

    def offer(self, *jobs: SignedJob, operators: SignedOperators | None = None) -> bytes:
        return Offer(operators=operators or self.operators(), jobs=jobs).model_dump_json().encode()


def text_of(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def job_of(signed: SignedJob) -> Job:
    return Job.model_validate_json(signed.text)


def altered(signed: SignedJob, **changes: Any) -> SignedJob:
    """The same signatures under another text."""
    document = json.loads(signed.text) | changes
    return SignedJob(text=text_of(document), signatures=signed.signatures)
