"""One drill as a child process: how it is started, what it is kept from, and what its answer means. The agent's program
does the work, over a copy of one set's objects; nothing of the agent is imported here."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

MSSQL = "mssql"
_CHECKER = "PLOMBA_MSSQL_CHECKER"
"""Of the agent: a server to restore into, which is reached by the network."""
FACTS = 64
_NAME, _TEXT = 80, 400
_ANSWER_BYTES = 16 << 20
PROBE_S = 20
ROOM = "room"
"""Below the working folder, where servers that are started for a check have their files; anybody may enter it."""

_BOX = """
set -e
mount -t tmpfs -o mode=0755 tmpfs /mnt
mkdir /mnt/store /mnt/work
touch /mnt/key
mount --bind "$1" /mnt/store
mount -o remount,bind,ro /mnt/store
mount --bind "$2" /mnt/work
mount --bind "$3" /mnt/key
mount -o remount,bind,ro /mnt/key
[ -z "$4" ] || mount -t tmpfs tmpfs "$4"
mount -t proc proc /proc
shift 4
cd /mnt/work
exec "$@"
"""
"""In namespaces of its own (unshare(1)): what it may see of this collector is the copied objects and the key, neither
writable, and its own folder. /mnt is on every Linux, and hides nothing that a drill needs."""


@dataclass(frozen=True, slots=True)
class Order:
    """`work` is an empty folder, `store` holds the objects of one snapshot in the layout of a repository."""

    agent: tuple[str, ...]
    store: Path
    work: Path
    key: Path
    home: Path
    snapshot: str
    engine: str
    limit_s: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Kept:
    """The command with all that is put before it, and in words what it is kept from."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    isolation: tuple[str, ...]


class Told(BaseModel):
    """What `plomba-agent drill --json` prints. `snapshot` is not there where no drill was made."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    ok: bool
    snapshot: str = ""
    duration_s: float = 0
    restored_bytes: int = 0
    facts: dict[str, bool | int | float | str | None] = {}
    error: str | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """`outcome`: proven, failed or unproven. `compared`: how many facts were equal."""

    outcome: str
    code: str = ""
    reason: str = ""
    duration_s: float | None = None
    restored_bytes: int = 0
    compared: int = 0
    facts: Mapping[str, bool | int | float | str | None] = field(default_factory=dict)


def agent_program(configured: str) -> tuple[str, ...] | None:
    """None where there is none."""
    if configured:
        return (configured,) if os.access(configured, os.X_OK) else None
    beside = Path(sys.executable).with_name("plomba-agent")
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("plomba-agent")
    return (found,) if found else None


def kept(order: Order) -> Kept:
    """In a box of its own where this system gives one, else with limits only. Tries the box first."""
    limits, bounded = _limits(order)
    box, isolation = _box(order)
    if box and _works([*box, "true"]):
        paths = "/mnt/store", "/mnt/key", "/mnt/work"
        command = (*limits, *box, *_drill(order, *paths))
        return Kept(command, _environment(order, "/mnt/work"), (*isolation, *bounded))
    paths = str(order.store), str(order.key), str(order.work)
    return Kept((*limits, *_drill(order, *paths)), _environment(order, ""), bounded)


def _drill(order: Order, store: str, key: str, work: str) -> list[str]:
    return [*order.agent, "drill", "--repository", store, "--recovery-key", key, "--snapshot", order.snapshot,
            "--scratch", f"{work}/scratch", "--json"]  # fmt: skip


def _limits(order: Order) -> tuple[list[str], tuple[str, ...]]:
    """Every program of these is on a Debian or a Red Hat as it is installed; what is missing is left out, and not
    claimed."""
    cpu = max(1, int(order.limit_s))
    wanted = (
        ("dies with the collector", ["setpriv", "--pdeathsig", "KILL", "--no-new-privs"]),
        ("lowest priority", ["nice", "-n", "19"]),
        ("idle disk", ["ionice", "-c", "3"]),
        ("memory and time limits", ["prlimit", f"--as={order.memory_bytes}", f"--cpu={cpu}"]),
    )
    found = [(word, arguments) for word, arguments in wanted if shutil.which(arguments[0])]
    return [each for _, arguments in found for each in arguments], tuple(word for word, _ in found)


def _box(order: Order) -> tuple[list[str], tuple[str, ...]]:
    if not shutil.which("unshare"):
        return [], ()
    inside = (sys.prefix, sys.base_prefix, *order.agent)
    hidden = "" if any(Path(one).is_relative_to(order.home) for one in inside) else str(order.home)
    root = os.geteuid() == 0
    # the box needs a superuser of its own where this is no superuser, and gives that up before the drill begins
    user = [] if root else ["--user", "--map-root-user"]
    network = [] if order.engine == MSSQL else ["--net"]
    box = ["unshare", *user, *network, "--mount", "--pid", "--ipc", "--fork", "--kill-child", "sh", "-c", _BOX, "sh",
           str(order.store), str(order.work), str(order.key), hidden]  # fmt: skip
    if not root:
        box += ["unshare", "--user", f"--map-user={os.geteuid()}", f"--map-group={os.getegid()}", "--"]
    words = ["own processes", "store read-only", *(["collector's files hidden"] if hidden else [])]
    return box, (*words, *(["no network"] if network else []))


def _works(command: list[str]) -> bool:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _environment(order: Order, work: str) -> dict[str, str]:
    """Nothing of this collector's own. In the box everything is below the working folder."""
    given = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    given |= {"HOME": work, "TMPDIR": f"{work}/{ROOM}"} if work else {"HOME": str(order.work)}
    if order.engine == MSSQL and _CHECKER in os.environ:
        given[_CHECKER] = os.environ[_CHECKER]
    return given


def end(child: "subprocess.Popen[bytes]") -> None:
    """With all that it started, as far as they are still of its session; in the box, with all of them."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def judged(asked: str, exit_code: int, said: bytes, complained: bytes) -> Result:
    """Only an answer about the very snapshot that was asked for says anything about it."""
    told = _told(said)
    if told is None:
        words = complained.decode("utf-8", "replace").strip()[-300:]
        return Result(
            "unproven", "drill.broke_off", f"the drill broke off with {exit_code}: {words}".strip(": ")
        )
    if told.snapshot != asked:
        return Result("unproven", (told.error or "drill.no_answer")[:80], told.message[:400])
    figures = {
        "duration_s": told.duration_s,
        "restored_bytes": told.restored_bytes,
        "compared": len(told.facts),
        "facts": bounded(told.facts),
    }
    if told.ok and exit_code == 0:
        return Result("proven", **figures)  # type: ignore[arg-type]
    return Result("failed", (told.error or "backup.integrity")[:80], told.message[:400], **figures)  # type: ignore[arg-type]


def _told(said: bytes) -> Told | None:
    try:
        return Told.model_validate_json(said) if len(said) <= _ANSWER_BYTES else None
    except ValidationError:
        return None


def bounded(
    facts: Mapping[str, bool | int | float | str | None],
) -> dict[str, bool | int | float | str | None]:
    """As many as an agent's message would carry: totals first, then tables in the order of their names."""
    order = sorted((name for name in facts if len(name) <= _NAME), key=lambda name: ("." in name, name))
    return {name: one[:_TEXT] if isinstance(one := facts[name], str) else one for name in order[:FACTS]}
