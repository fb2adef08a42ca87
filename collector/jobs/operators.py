"""Keeps the lists of operators that the company's root signed. Whether they hold is for the tills, which know the root;
here only what could never hold is refused."""

from datetime import datetime

from django.db import IntegrityError, transaction

from collector.core.models import User
from collector.jobs.models import Operators
from protocols.errors import JobError
from protocols.wire import job_signing
from protocols.wire.job import OperatorList, SignedOperators, moment, read_operators


def keep(document: bytes, now: datetime, by: User | None = None) -> OperatorList:
    """The document as the signing tool wrote it. JobError: operators.malformed, operators.signature,
    operators.expired, operators.not_yet, operators.rolled_back, operators.other_root."""
    signed = parsed(document)
    listed = job_signing.verify_operators(signed, job_signing.public_key(signed.root), now)
    newest = Operators.objects.first()
    if newest and newest.root != signed.root:
        raise JobError("it is signed by another root than the lists before it", code="operators.other_root")
    try:
        with transaction.atomic():
            if newest and newest.number >= listed.number:
                raise JobError(
                    f"list {newest.number} is here already; give a higher number",
                    code="operators.rolled_back",
                )
            Operators.objects.create(
                number=listed.number,
                text=signed.text,
                root=signed.root,
                signature=signed.signature,
                expires=moment(listed.expires),
                kept_at=now,
                by=by,
            )
    except IntegrityError as e:
        raise JobError("a list of this number came at the same moment", code="operators.rolled_back") from e
    return listed


def newest() -> SignedOperators | None:
    row = Operators.objects.first()
    return None if row is None else SignedOperators(text=row.text, root=row.root, signature=row.signature)


def listed() -> OperatorList | None:
    """What the newest list says."""
    signed = newest()
    return None if signed is None else read_operators(signed)


def parsed(document: bytes) -> SignedOperators:
    try:
        return SignedOperators.model_validate_json(document)
    except ValueError as e:
        raise JobError("this is no signed list of operators", code="operators.malformed") from e
