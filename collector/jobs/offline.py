"""What people with keys do, on a computer of their own: make keys, sign the list of operators, sign jobs. It reads and
writes files, speaks with nobody, and knows no database."""

import os
import secrets
import tomllib
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import TypeAdapter, ValidationError

from protocols.errors import ConfigError, JobError
from protocols.wire import job_signing
from protocols.wire.job import (
    CATALOGUE,
    Job,
    Moment,
    Operator,
    OperatorList,
    Part,
    SignedJob,
    SignedOperators,
    Type,
    canonical,
    moment,
    read_job,
    written,
)

KEY_MOST = 16 << 10


def make_key(folder: Path, name: str, passphrase: str = "") -> str:
    """NAME.key and NAME.pub in the folder; the public key. ConfigError where one is there already."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.key"
    key = Ed25519PrivateKey.generate()
    lock = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:  # noqa: PTH123 - its mode
            out.write(pem)
    except FileExistsError as e:
        raise ConfigError(
            str(file), "key", "is there already, and a key that is lost cannot be had again"
        ) from e
    public = public_of(key)
    (folder / f"{name}.pub").write_text(public + "\n", "ascii")
    return public


def read_key(file: Path, passphrase: str = "") -> Ed25519PrivateKey:
    """ConfigError where the file holds no such key, or another passphrase opens it."""
    try:
        found = load_pem_private_key(file.read_bytes()[:KEY_MOST], passphrase.encode() or None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as e:
        raise ConfigError(
            str(file), "key", "is no Ed25519 key in PEM, or is locked by another passphrase"
        ) from e
    if not isinstance(found, Ed25519PrivateKey):
        raise ConfigError(str(file), "key", "is no Ed25519 key")
    return found


def public_of(key: Ed25519PrivateKey) -> str:
    return job_signing.encode(key.public_key().public_bytes_raw())


def sign_operators(
    people: Path, root: Ed25519PrivateKey, number: int, now: datetime, lasts: timedelta
) -> SignedOperators:
    """`people`: a TOML file of [[operator]] tables: name, key, may (a list of types, or ["all"]), valid_to (a date,
    else as long as the list). ConfigError."""
    try:
        document = tomllib.loads(people.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise ConfigError(str(people), "(file)", f"is not TOML: {e}") from e
    rows = document.get("operator", [])
    ends = now + lasts
    try:
        found = tuple(_operator(row, now, ends) for row in rows)
        listed = OperatorList(number=number, issued=written(now), expires=written(ends), operators=found)
    except (ValidationError, ValueError, TypeError, AttributeError) as e:
        raise ConfigError(str(people), "operator", f"is not as it should be: {_first_line(e)}") from e
    return job_signing.sign_operators(listed, root)


def new_job(
    terminal: str, type_: Type, given: Sequence[str], *, now: datetime, lasts: timedelta, dry_run: bool
) -> str:
    """The text of a job. `given`: NAME=VALUE for each parameter. ConfigError names the wrong one."""
    job = {
        "id": str(uuid.uuid4()),
        "target": terminal,
        "nonce": secrets.token_urlsafe(16),
        "not_before": written(now),
        "expires": written(now + lasts),
        "dry_run": dry_run,
        "parameters": _parameters(type_, given),
    }
    try:
        return canonical(Job.model_validate(job))
    except ValidationError as e:
        raise ConfigError("--set", type_.value, f"is not as it should be: {_first_line(e)}") from e


def sign(signed: SignedJob, key: Ed25519PrivateKey) -> SignedJob:
    """With one signature more."""
    if any(one.operator == public_of(key) for one in signed.signatures):
        raise JobError("this key has signed it already", code="job.same_operator")
    return SignedJob(
        text=signed.text, signatures=(*signed.signatures, job_signing.sign_job(signed.text, key))
    )


def describe(text: str) -> list[str]:
    """What a person puts a signature under."""
    job = read_job(text)
    given = ", ".join(f"{k} = {v}" for k, v in job.parameters.model_dump(exclude={"type"}).items())
    return [
        f"job       {job.type}{' (dry run)' if job.dry_run else ''}{': ' + given if given else ''}",
        f"till      {job.target}",
        f"valid     {moment(job.not_before):%Y-%m-%d %H:%M} to {moment(job.expires):%Y-%m-%d %H:%M} UTC",
        f"signers   {job.kind.signatures} needed",
    ]


def _operator(row: Mapping[str, object], now: datetime, ends: datetime) -> Operator:
    may = row.get("may")
    until = row.get("valid_to")
    if not isinstance(may, list):
        raise TypeError("may is a list of types of jobs")
    valid_to = f"{until}T00:00:00Z" if until is not None else written(ends)
    return Operator(
        name=str(row.get("name", "")),
        key=str(row.get("key", "")),
        may=tuple(Type) if may == ["all"] else tuple(Type(str(one)) for one in may),
        valid_from=written(now),
        valid_to=TypeAdapter(Moment).validate_python(valid_to),
    )


def _parameters(type_: Type, given: Sequence[str]) -> Part:
    model = CATALOGUE[type_].parameters
    wanted = [name for name in model.model_fields if name != "type"]
    values: dict[str, str | int] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or name not in wanted:
            raise ConfigError("--set", name, "is no parameter of this job", ", ".join(wanted) or "none")
        number = model.model_fields[name].annotation is int
        values[name] = int(value) if number and value.isdecimal() else value
    try:
        return model.model_validate(values)
    except ValidationError as e:
        raise ConfigError("--set", type_.value, _first_line(e), ", ".join(wanted) or "none") from e


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        one = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}"
    return str(error).splitlines()[0]
