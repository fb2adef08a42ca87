"""A bucket of an S3 object store: the few calls that backups need, and its errors in our words. Knows no terminal, and
never shows its secret."""

import base64
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from botocore.config import Config as Settings  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
from botocore.session import Session  # type: ignore[import-untyped]

from collector.core.config import Storage
from protocols.errors import RepositoryRefused, RepositoryUnreachable
from protocols.wire.direct import Address

CONNECT_S, READ_S, TRIES = 5, 60, 2
CONNECTIONS = 32
_MISSING = {"NoSuchKey", "404", "NotFound"}
_TAKEN = {"PreconditionFailed", "ConditionalRequestConflict", "412"}
_DENIED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403"}
_FULL = {"QuotaExceeded", "XMinioStorageFull", "InsufficientCapacity", "507"}
_UNEQUAL = {"BadDigest", "InvalidDigest", "InvalidRequest", "XAmzContentChecksumMismatch"}
_NO_TRUE_SUM = base64.b64encode(bytes(32)).decode()


@dataclass(frozen=True, slots=True)
class Kept:
    """`sha256`: what the store says that it has counted itself, or b"" where it tells none. `etag` changes with the
    content."""

    key: str
    size: int
    at: datetime
    etag: str = ""
    sha256: bytes = b""


class Bucket:
    """From any thread. RepositoryUnreachable where the store cannot be used now, whoever is to blame: a till tries
    again later."""

    def __init__(self, storage: Storage, secret: str, ca_file: Path | None) -> None:
        self._storage, self._name = storage, storage.bucket
        self._client = _client(storage, storage.url, secret, ca_file)
        self._signer = _client(storage, storage.tills_url or storage.url, secret, ca_file)

    def put_new(self, key: str, data: bytes, digest: bytes) -> bool:
        """False, and nothing is changed, where there is one. `digest`: SHA-256, which the store counts itself."""
        with _translated(key):
            try:
                self._client.put_object(
                    Bucket=self._name,
                    Key=key,
                    Body=data,
                    IfNoneMatch="*",
                    ChecksumSHA256=base64.b64encode(digest).decode(),
                )
            except ClientError as e:
                if _code(e) not in _TAKEN:
                    raise
                return False
        return True

    def get(self, key: str, first: int = 0) -> bytes:
        """The whole of it, or so many of its first bytes."""
        part = {"Range": f"bytes=0-{first - 1}"} if first else {}
        with _translated(key):
            answer = self._client.get_object(Bucket=self._name, Key=key, **part)
            with answer["Body"] as body:
                return bytes(body.read())

    def head(self, key: str) -> Kept:
        with _translated(key):
            found = self._client.head_object(Bucket=self._name, Key=key, ChecksumMode="ENABLED")
        told = base64.b64decode(found.get("ChecksumSHA256", "").partition("-")[0])
        return Kept(key, found["ContentLength"], found["LastModified"], found["ETag"], told)

    def list(self, prefix: str) -> Iterator[Kept]:
        """In the order of their keys."""
        with _translated(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix)
            for page in pages:
                for one in page.get("Contents", ()):
                    yield Kept(one["Key"], one["Size"], one["LastModified"])

    def remove(self, key: str) -> None:
        """What is gone already is well."""
        with _translated(key):
            self._client.delete_object(Bucket=self._name, Key=key)

    def copy_new(self, of: Kept, to: str) -> bool:
        """Within the store, and only while that is the very object that was looked at. False where it is not, or
        where there is one at the other place."""
        with _translated(to):
            try:
                self._client.copy_object(
                    Bucket=self._name,
                    Key=to,
                    CopySource={"Bucket": self._name, "Key": of.key},
                    CopySourceIfMatch=of.etag,
                    IfNoneMatch="*",
                )
            except ClientError as e:
                if _code(e) not in _TAKEN:
                    raise
                return False
        return True

    def address(self, key: str, size: int, digest: bytes) -> Address:
        """Signed for one PUT of these bytes to this key, where nothing is."""
        headers = {"If-None-Match": "*", "x-amz-checksum-sha256": base64.b64encode(digest).decode()}
        url = self._signer.generate_presigned_url(
            "put_object",
            Params={
                "Bucket": self._name,
                "Key": key,
                "ContentLength": size,
                "IfNoneMatch": "*",
                "ChecksumSHA256": headers["x-amz-checksum-sha256"],
            },
            ExpiresIn=self._storage.address_s,
            HttpMethod="PUT",
        )
        return Address(url=url, headers=headers, expires_s=self._storage.address_s)

    @cached_property
    def counts_sums(self) -> bool:
        """Does the store refuse what does not fit its SHA-256? What such a store tells of a sum may be believed. Tried
        once, with an object that no till can name."""
        key = f"{self._storage.prefix}.probe/{uuid4().hex}"
        with _translated(key):
            try:
                self._client.put_object(
                    Bucket=self._name, Key=key, Body=b"probe", ChecksumSHA256=_NO_TRUE_SUM
                )
            except ClientError as e:
                if _code(e) not in _UNEQUAL:
                    raise
                return True
            self._client.delete_object(Bucket=self._name, Key=key)
        return False

    @cached_property
    def keeps_first(self) -> bool:
        """Does the store refuse a second object under one key?"""
        key = f"{self._storage.prefix}.probe/{uuid4().hex}"
        with _translated(key):
            self._client.put_object(Bucket=self._name, Key=key, Body=b"one", IfNoneMatch="*")
            try:
                self._client.put_object(Bucket=self._name, Key=key, Body=b"two", IfNoneMatch="*")
            except ClientError as e:
                return _code(e) in _TAKEN
            finally:
                self._client.delete_object(Bucket=self._name, Key=key)
        return False


def _client(storage: Storage, url: str, secret: str, ca_file: Path | None) -> Any:
    session = Session()
    # nothing but the collector's own configuration says where backups go, and with whose key
    session.set_config_variable("config_file", os.devnull)
    session.set_config_variable("credentials_file", os.devnull)
    return session.create_client(
        "s3",
        endpoint_url=url,
        region_name=storage.region,
        aws_access_key_id=storage.access_key,
        aws_secret_access_key=secret,
        verify=str(ca_file) if ca_file else ssl.get_default_verify_paths().cafile or True,
        config=Settings(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=CONNECT_S,
            read_timeout=READ_S,
            retries={"mode": "standard", "total_max_attempts": TRIES},
            max_pool_connections=CONNECTIONS,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def _translated(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as e:
        code = _code(e)
        if code in _MISSING:
            raise RepositoryRefused(f"{key} is not stored here", code="backup.object_missing") from e
        if code in _FULL:
            raise RepositoryUnreachable("the object store is full", code="backup.repository_full") from e
        if code in _DENIED:
            raise RepositoryUnreachable(f"the object store refuses the collector's key ({code})") from e
        raise RepositoryUnreachable(f"the object store does not do it now ({code})") from e
    except BotoCoreError as e:
        raise RepositoryUnreachable(f"the object store cannot be reached: {str(e)[:200]}") from e
