"""A folder on an SSH server, over SFTP. Objects are written beside and renamed; a broken upload goes on where it broke.
What an account may remove there, the server decides: give the till one that cannot."""

import errno
import secrets
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, local
from urllib.parse import unquote, urlsplit

from agent.backup.repository.ssh_library import paramiko  # isort: split

from paramiko.message import Message
from paramiko.sftp import CMD_EXTENDED, CMD_MKDIR, CMD_RENAME, CMD_STAT, CMD_WRITE, int64

from agent.backup.repository import MISSING, ObjectInfo, missing, taken
from agent.backup.repository.meter import Free, Meter
from agent.backup.repository.sftp_requests import Together
from protocols.errors import ConfigError, PlombaError, RepositoryRefused, RepositoryUnreachable
from protocols.wire.snapshot import KINDS, check_digest, object_path, split_name

CONNECT_S, ANSWER_S = 15.0, 120.0
CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes256-ctr", "aes128-ctr")
"""Where both sides have it, GCM: half the work of a cipher and a checksum apart."""
SAFE_BYTES = 32_000
"""A write of so many fits with all around it into one packet of SSH, and every server takes it."""
MOST_BYTES = 126 << 10
_EXTENDED_REPLY = 201
_TEMPORARY = "incoming"
_DENIED = (errno.EACCES, errno.EPERM)


@dataclass(frozen=True, slots=True)
class SftpAccess:
    """`host_key` is the server's only key that is believed, as `ssh-keyscan` prints it: kind and base64. `folder` is
    there already, absolute or below the account's home."""

    host: str
    port: int
    user: str
    folder: str
    key_file: Path
    host_key: str


def parse_address(address: str, key_file: Path | None, host_key: str) -> SftpAccess:
    """`sftp://user@host[:port]/folder`; `/~/` begins at the account's home."""
    parts = urlsplit(address)
    try:
        port = parts.port or 22
    except ValueError as e:
        raise ConfigError("repository", address, "has no port that can be used") from e
    if (
        parts.scheme != "sftp"
        or not parts.hostname
        or not parts.username
        or parts.password
        or len(parts.path) < 2
    ):
        raise ConfigError("repository", address, "is no SFTP address", "sftp://user@host:port/folder")
    if key_file is None or len(host_key.split()) < 2:
        raise ConfigError(
            "repository", address, "needs sftp_key (a file) and sftp_host_key (what ssh-keyscan prints)"
        )
    folder = unquote(parts.path).removeprefix("/~/")
    return SftpAccess(parts.hostname, port, unquote(parts.username), folder, key_file, host_key)


class SftpRepository:
    """From any thread: each has a channel of its own on one connection."""

    def __init__(self, access: SftpAccess, meter: Meter | None = None) -> None:
        self._access, self._meter = access, meter or Free()
        self._lock, self._mine = Lock(), local()
        self._transport: paramiko.Transport | None = None
        self._own = secrets.token_hex(4)

    @property
    def address(self) -> str:
        a = self._access
        return f"sftp://{a.user}@{a.host}:{a.port}/{a.folder.lstrip('/')}"

    @property
    def streams(self) -> int:
        return 4

    @property
    def checks_packs(self) -> bool:
        return False

    def put_new(self, name: str, data: bytes | memoryview) -> None:
        check_digest(name, data)
        target = self._path(name)
        part = f"{self._access.folder}/{_TEMPORARY}/{split_name(name)[1]}.{self._own}.part"
        with self._asked(name) as sftp:
            there, begun = self._sizes(sftp, target, part)
            if there is not None:
                return self._compare(sftp, name, target, data)
            try:
                self._write(sftp, part, target, data, begun or 0)
                arrived = self._name(sftp, part, target)
            except FileNotFoundError as e:
                self._mine.folders.clear()
                self._must_be_there(sftp)
                raise RepositoryUnreachable(f"a folder went away while {name} was written") from e
            if arrived != len(data):
                raise RepositoryUnreachable(f"{name} did not arrive whole")
        return None

    def get(self, name: str) -> bytes:
        with self._asked(name) as sftp, sftp.open(self._path(name), "rb") as file:
            size = file.stat().st_size or 0
            file.prefetch(size)
            return bytes(file.read(size))

    def list(self, kind: str) -> Iterator[ObjectInfo]:
        if kind not in KINDS:
            raise RepositoryRefused(f"{kind} is no kind of object", code="backup.object_name")
        with self._asked(kind) as sftp:
            self._must_be_there(sftp)
            found = list(self._walk(sftp, kind))
        yield from found

    def stat(self, name: str) -> ObjectInfo:
        with self._asked(name) as sftp:
            return ObjectInfo(name, sftp.stat(self._path(name)).st_size or 0)

    def delete(self, name: str) -> None:
        with self._asked(name) as sftp:
            sftp.remove(self._path(name))

    def is_missing(self, error: Exception) -> bool:
        return isinstance(error, PlombaError) and error.code == MISSING

    def is_permanent(self, error: Exception) -> bool:
        return not (isinstance(error, PlombaError) and error.retriable)

    def close(self) -> None:
        with self._lock:
            if self._transport:
                self._transport.close()
            self._transport = None

    def _path(self, name: str) -> str:
        return f"{self._access.folder}/{object_path(name)}"

    def _must_be_there(self, sftp: paramiko.SFTPClient) -> None:
        try:
            sftp.stat(self._access.folder)
        except FileNotFoundError as e:
            raise RepositoryUnreachable(f"the folder {self._access.folder} is not on the server") from e

    def _walk(self, sftp: paramiko.SFTPClient, kind: str) -> Iterator[ObjectInfo]:
        root = f"{self._access.folder}/{kind}"
        with suppress(FileNotFoundError):
            for folder in sftp.listdir_attr(root):
                if not stat.S_ISDIR(folder.st_mode or 0):
                    continue
                for one in sftp.listdir_attr(f"{root}/{folder.filename}"):
                    name = f"{kind}/{one.filename}"
                    with suppress(RepositoryRefused):  # a stranger's file is not an object
                        split_name(name)
                        yield ObjectInfo(name, one.st_size or 0)

    def _write(
        self, sftp: paramiko.SFTPClient, part: str, target: str, data: bytes | memoryview, there: int
    ) -> None:
        if there > len(data):
            there = 0
        for path in (part, target):
            self._make(sftp, path.rpartition("/")[0])
        file = sftp.open(part, "r+b" if there else "wb")
        try:
            view, most, writes = memoryview(data), self._mine.write_bytes, Together(sftp)
            for at in range(there, len(data), most):
                piece = view[at : at + most]
                self._meter.spend(len(piece))
                writes.ask(CMD_WRITE, file.handle, int64(at), piece)
            flushed = self._flush(sftp, file)
            writes.all_done()
            flushed.answers()  # a server that does not know how says so
        finally:
            file._close(async_=True)  # type: ignore[attr-defined]
        if there and not self._equal(sftp, part, data):
            sftp.remove(part)
            raise RepositoryUnreachable("what was left of a broken upload was not ours; it begins anew")

    def _flush(self, sftp: paramiko.SFTPClient, file: paramiko.SFTPFile) -> Together:
        """On the server's disk, where the server knows how."""
        flush = Together(sftp)
        flush.ask(CMD_EXTENDED, "fsync@openssh.com", file.handle)
        return flush

    def _name(self, sftp: paramiko.SFTPClient, part: str, target: str) -> int | None:
        """The size of what has the name then. SFTP's own rename refuses a name that is taken; POSIX's writes over it,
        and is only for a server that cannot do the first."""
        both = Together(sftp)
        both.ask(CMD_RENAME, part, target)
        both.ask(CMD_STAT, target)
        renamed, found = both.answers()
        if renamed is None:
            return _size_in(found)
        if isinstance(found, OSError):
            sftp.posix_rename(part, target)
        else:
            sftp.remove(part)
        return self._size(sftp, target)

    def _make(self, sftp: paramiko.SFTPClient, folder: str) -> None:
        """A folder below the repository's own, with those above it. Whether it is there then, the next step tells."""
        known: set[str] = (
            self._mine.folders
        )  # of this channel: the server takes another's requests in any order
        if not known:
            self._must_be_there(sftp)
        below = folder.removeprefix(f"{self._access.folder}/")
        path = self._access.folder
        for step in below.split("/"):
            path = f"{path}/{step}"
            if path not in known:
                sftp._async_request(type(None), CMD_MKDIR, path, paramiko.SFTPAttributes())  # type: ignore[attr-defined]
                known.add(path)

    def _size(self, sftp: paramiko.SFTPClient, path: str) -> int | None:
        return self._sizes(sftp, path)[0]

    def _sizes(self, sftp: paramiko.SFTPClient, *paths: str) -> tuple[int | None, ...]:
        """None for what is not there."""
        asked = Together(sftp)
        for path in paths:
            asked.ask(CMD_STAT, path)
        return tuple(_size_in(answer) for answer in asked.answers())

    def _equal(self, sftp: paramiko.SFTPClient, path: str, data: bytes | memoryview) -> bool:
        with sftp.open(path, "rb") as file:
            size = file.stat().st_size or 0
            file.prefetch(size)
            return size == len(data) and bytes(file.read(size)) == data

    def _compare(self, sftp: paramiko.SFTPClient, name: str, target: str, data: bytes | memoryview) -> None:
        if not self._equal(sftp, target, data):
            raise taken(name)

    @contextmanager
    def _asked(self, name: str) -> Iterator[paramiko.SFTPClient]:
        try:
            yield self._channel()
        except FileNotFoundError as e:
            raise missing(name) from e
        except (paramiko.SSHException, EOFError, TimeoutError, ConnectionError) as e:
            self._drop()
            raise RepositoryUnreachable(f"the SSH server broke off: {e}") from e
        except OSError as e:
            if e.errno in _DENIED:
                raise RepositoryRefused(
                    f"the repository may not be written or read: {e}", code="backup.repository_denied"
                ) from e
            self._drop()
            raise RepositoryUnreachable(f"the SSH server cannot do it now: {e}") from e

    def _channel(self) -> paramiko.SFTPClient:
        with self._lock:
            if self._transport is None or not self._transport.is_active():
                self._transport = _connect(self._access)
            transport = self._transport
        if getattr(self._mine, "transport", None) is not transport:
            self._mine.sftp = _sftp(transport)
            self._mine.write_bytes = _write_bytes(self._mine.sftp)
            self._mine.transport, self._mine.folders = transport, set()
        client: paramiko.SFTPClient = self._mine.sftp
        return client

    def _drop(self) -> None:
        """The next call connects anew."""
        self.close()


def _size_in(answer: Message | OSError | None) -> int | None:
    if isinstance(answer, FileNotFoundError):
        return None
    if isinstance(answer, Message):
        return paramiko.SFTPAttributes._from_msg(answer).st_size or 0  # type: ignore[attr-defined]
    raise answer or OSError("the SSH server tells no size")


def _sftp(transport: paramiko.Transport) -> paramiko.SFTPClient:
    client = paramiko.SFTPClient.from_transport(transport)
    if client is None:
        raise RepositoryUnreachable("the SSH server offers no SFTP")
    channel = client.get_channel()
    if channel:
        channel.settimeout(ANSWER_S)
    return client


def _write_bytes(sftp: paramiko.SFTPClient) -> int:
    """What one request may write: fewer requests, fewer answers. (limits@openssh.com, OpenSSH's PROTOCOL section
    4.8)"""
    try:
        kind, answer = sftp._request(CMD_EXTENDED, "limits@openssh.com")  # type: ignore[attr-defined]
    except OSError:
        return SAFE_BYTES
    if kind != _EXTENDED_REPLY:
        return SAFE_BYTES
    _packet, _read, write = (answer.get_int64() for _ in range(3))
    return min(write, MOST_BYTES) if write >= SAFE_BYTES else SAFE_BYTES


def _connect(access: SftpAccess) -> paramiko.Transport:
    """On a socket of our own: without TCP_NODELAY each small packet waits for the answer to the last."""
    line = socket.create_connection((access.host, access.port), CONNECT_S)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = paramiko.Transport(line)
    try:
        options = transport.get_security_options()
        options.ciphers = [one for one in CIPHERS if one in options.ciphers]
        kind, key = access.host_key.split()[-2:]
        kinds = ("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,)
        options.key_types = [one for one in kinds if one in options.key_types] or options.key_types
        transport.start_client(timeout=CONNECT_S)
        server = transport.get_remote_server_key()
        if (server.get_name(), server.get_base64()) != (kind, key):
            raise RepositoryRefused(
                "the SSH server shows another key than the configured one; nothing was sent",
                code="backup.host_key",
            )
        transport.auth_publickey(access.user, _own_key(access.key_file))
    except paramiko.AuthenticationException as e:
        alive = transport.is_active()
        transport.close()
        if not alive:
            raise RepositoryUnreachable("the SSH server hung up while it was asked to let us in") from e
        raise RepositoryRefused(
            "the SSH server does not take this account's key", code="backup.denied"
        ) from e
    except BaseException:
        transport.close()
        raise
    return transport


def _own_key(path: Path) -> paramiko.PKey:
    try:
        return paramiko.PKey.from_path(path)
    except (OSError, paramiko.SSHException, ValueError) as e:
        raise ConfigError(str(path), "sftp_key", f"is no private key that can be read ({e})") from e
