"""The two questions of the updater, which runs as root and believes nothing that the agent's account could have
written: is this order signed, and does the new agent do its work? The resident agent loads none of this."""

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from agent.clock import Clock
from agent.config import Config, updating
from agent.spool import FILE, Spool
from agent.uplink import identity
from agent.uplink.sender import STATE
from protocols.errors import PlombaError
from protocols.wire import job_signing
from protocols.wire.job import Update
from protocols.wire.package import NAME, ORDER_BYTES, PACKAGE_BYTES, Order

PACKAGE, WANTED, NONCE = "new.deb", "wanted", "nonce"
"""Left for the updater when the order is good."""
DPKG_S = 60.0


class OrderRefused(PlombaError):
    """Nothing is installed on the word of this order."""

    code = "update.order"


@dataclass(frozen=True, slots=True)
class Taken:
    version: str
    nonce: str


def take(config: Config, into: Path, done: frozenset[str], now: datetime) -> Taken:
    """A copy of the package, in a folder that the caller alone may write, once the company's root has vouched for the
    operators, they for the job, and the job for its bytes. OrderRefused, JobError: what does not hold. `done`: nonces
    of orders that were carried out."""
    state = config.agent.state_dir
    order = _order(updating.order_in(state))
    if not config.jobs.company_root:
        raise OrderRefused("the configuration names no [jobs] company_root")
    listed = job_signing.verify_operators(
        order.operators, job_signing.public_key(config.jobs.company_root), now
    )
    job = job_signing.verify(order.job, listed, _terminal(state), now)
    wanted = job.parameters
    if not isinstance(wanted, Update) or job.dry_run:
        raise OrderRefused(f"a job of type {job.type} is no order to update")
    if job.nonce in done:
        raise OrderRefused("this order was carried out before")
    copy = into / PACKAGE
    if _copied(updating.package_in(state, wanted.sha256), copy) != wanted.sha256:
        raise OrderRefused("the package is not the one that was signed")
    _check(*_fields(copy), wanted.version)
    (into / WANTED).write_text(wanted.version, "ascii")
    (into / NONCE).write_text(job.nonce, "ascii")
    return Taken(wanted.version, job.nonce)


def healthy(state_dir: Path, since: datetime, clock: Clock) -> bool:
    """Has the collector taken a report since? An agent that was started anew in between has sent it."""
    with Spool(state_dir / FILE, clock) as spool:
        kept = spool.read_state(STATE)
    at = kept.get("receipt_at") if isinstance(kept, dict) else None
    return isinstance(at, str) and datetime.fromisoformat(at) > since


def _order(file: Path) -> Order:
    try:
        with os.fdopen(_plain(file), "rb") as data:
            return Order.model_validate_json(data.read(ORDER_BYTES))
    except ValidationError as e:
        raise OrderRefused("the order cannot be read") from e


def _terminal(state_dir: Path) -> str:
    """Without its key, which is no business of the updater."""
    try:
        with os.fdopen(_plain(state_dir / identity.IDENTITY_FILE), "rb") as data:
            return str(json.loads(data.read(ORDER_BYTES))["terminal"])
    except (ValueError, KeyError, TypeError) as e:
        raise OrderRefused("the identity of this till cannot be read") from e


def _plain(file: Path) -> int:
    """The account of the agent may have put anything in its place: a link to what only root can read, or a pipe that
    nobody writes into."""
    if sys.platform == "win32":
        raise OrderRefused("an update by a job is for Debian packages only")
    try:
        number = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as e:
        raise OrderRefused(f"{file} cannot be read: {e.strerror}") from e
    if stat.S_ISREG(os.fstat(number).st_mode):
        return number
    os.close(number)
    raise OrderRefused(f"{file} is no file")


def _copied(source: Path, target: Path) -> str:
    """The digest of the copy, from the bytes that were written."""
    digest = hashlib.sha256()
    with os.fdopen(_plain(source), "rb") as data, target.open("wb") as out:
        size = 0
        while piece := data.read(1 << 20):
            size += len(piece)
            if size > PACKAGE_BYTES:
                raise OrderRefused("the package is too large")
            digest.update(piece)
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()


def _check(name: str, version: str, architecture: str, wanted: str) -> None:
    if name != NAME or version != wanted:
        raise OrderRefused(f"the package is {name} {version}, and not {NAME} {wanted}")
    here = _said("dpkg", "--print-architecture")
    if architecture not in (here, "all"):
        raise OrderRefused(f"the package is for {architecture}, and this computer is {here}")


def _fields(package: Path) -> tuple[str, str, str]:
    """Name, version and architecture."""
    names = ("Package", "Version", "Architecture")
    name, version, architecture = (_said("dpkg-deb", "--field", str(package), one) for one in names)
    return name, version, architecture


def _said(program: str, *arguments: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise OrderRefused(f"{program} is not here, so no package can be installed")
    ended = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=DPKG_S, check=False)
    if ended.returncode:
        raise OrderRefused(f"{program} does not take the package: {ended.stderr.strip()[:200]}")
    return ended.stdout.strip()
