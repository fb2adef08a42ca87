"""Who signed a job and who signed the list of operators, and everything else about them that can be checked without a
till. Pure: the caller gives time and keys, and remembers what was done."""

import base64
import binascii
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocols.errors import JobError
from protocols.wire.job import (
    SKEW,
    Job,
    Operator,
    OperatorList,
    Signed,
    SignedJob,
    SignedOperators,
    canonical,
    moment,
    read_job,
    read_operators,
)

_JOB_SIGNED_FOR = b"plomba job 1\0"
_LIST_SIGNED_FOR = b"plomba operators 1\0"


def verify_operators(signed: SignedOperators, root: Ed25519PublicKey, now: datetime) -> OperatorList:
    """The list, once the company's root key has signed it. JobError: operators.malformed, operators.signature,
    operators.expired, operators.not_yet."""
    _check(root, signed.signature, _LIST_SIGNED_FOR + signed.text.encode(), "operators.signature")
    found = read_operators(signed)
    if now >= moment(found.expires):
        raise JobError("the list of operators has expired: sign a new one", code="operators.expired")
    if now < moment(found.issued) - SKEW:
        raise JobError("the list of operators is from the future", code="operators.not_yet")
    return found


def verify(signed: SignedJob, operators: OperatorList, terminal: str, now: datetime) -> Job:
    """The job, once everything about it is in order that does not depend on the till. JobError with the code of
    what is wrong: those of `read_job`, job.wrong_target, job.signature, job.unknown_operator,
    job.operator_not_allowed, job.operator_not_valid, job.signatures_missing, job.no_dry_run, job.lasts_too_long,
    job.not_yet, job.expired."""
    job = read_job(signed.text)
    if job.target != terminal:
        raise JobError("the job is for another till", code="job.wrong_target")
    verify_signatures(signed, job, operators, now)
    check_times(job, now)
    if job.dry_run and not job.kind.dry_run:
        raise JobError(f"{job.type} cannot be tried without doing it", code="job.no_dry_run")
    return job


def verify_signatures(signed: SignedJob, job: Job, operators: OperatorList, now: datetime) -> list[Operator]:
    """Who signed: as many different people as the catalogue wants."""
    who = signers(signed, job, operators, now)
    if len(who) < job.kind.signatures:
        raise JobError(
            f"{job.type} needs the signatures of {job.kind.signatures} operators and has {len(who)}",
            code="job.signatures_missing",
        )
    return who


def signers(signed: SignedJob, job: Job, operators: OperatorList, now: datetime) -> list[Operator]:
    """The people who signed, each once. One signature that does not hold spoils all."""
    known = {operator.key: operator for operator in operators.operators}
    found: dict[str, Operator] = {}
    for one in signed.signatures:
        operator = known.get(one.operator)
        if operator is None:
            raise JobError("it is signed by somebody who is no operator", code="job.unknown_operator")
        _check(
            public_key(one.operator), one.signature, _JOB_SIGNED_FOR + signed.text.encode(), "job.signature"
        )
        if job.type not in operator.may:
            raise JobError(f"{operator.name} may not sign {job.type}", code="job.operator_not_allowed")
        if not moment(operator.valid_from) <= now < moment(operator.valid_to):
            raise JobError(f"{operator.name} is no operator at this time", code="job.operator_not_valid")
        found[operator.name] = operator
    return list(found.values())


def check_times(job: Job, now: datetime) -> None:
    begins, ends = moment(job.not_before), moment(job.expires)
    if not begins < ends <= begins + job.kind.lasts:
        raise JobError(f"{job.type} may wait for {job.kind.lasts} at most", code="job.lasts_too_long")
    if now < begins - SKEW:
        raise JobError("the job is for a later time", code="job.not_yet")
    if now >= ends:
        raise JobError("the job has expired", code="job.expired")


def sign_job(text: str, key: Ed25519PrivateKey) -> Signed:
    return Signed(operator=encode(_raw(key)), signature=encode(key.sign(_JOB_SIGNED_FOR + text.encode())))


def sign_operators(operators: OperatorList, root: Ed25519PrivateKey) -> SignedOperators:
    text = canonical(operators)
    signature = root.sign(_LIST_SIGNED_FOR + text.encode())
    return SignedOperators(text=text, root=encode(_raw(root)), signature=encode(signature))


def public_key(text: str) -> Ed25519PublicKey:
    """Of 43 letters of base64url; JobError job.key where they are none."""
    try:
        return Ed25519PublicKey.from_public_bytes(_decoded(text))
    except (ValueError, binascii.Error) as e:
        raise JobError("this is no public key", code="job.key") from e


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _decoded(text: str) -> bytes:
    """binascii.Error also where the same bytes would be written in another way."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if encode(raw) != text:
        raise binascii.Error("not the one way to write it")
    return raw


def _raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def _check(key: Ed25519PublicKey, signature: str, signed: bytes, code: str) -> None:
    try:
        key.verify(_decoded(signature), signed)
    except (InvalidSignature, binascii.Error) as e:
        raise JobError("the signature does not hold", code=code) from e
