"""A key is changed against a real collector, and whatever ends the agent in between, it goes on with the key that
the collector has."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from agent.runtime.clock import SystemClock
from agent.uplink import enrol, identity
from tests.agent.uplink.rekeying import KILLED
from tests.collector.served import ROOT, Served

pytestmark = [pytest.mark.xdist_group("rekey"), pytest.mark.timeout(400)]
TURNS = 3
"""What an agent needs at most: one refusal that makes it doubt, one answer that tells what waits, one for itself."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("rekeyed")) as running:
        yield running


class Tills:
    """Freshly enrolled tills that the collector wishes a new key of; each gives its state folder."""

    def __init__(self, served: Served, folder: Path) -> None:
        self._served, self._folder = served, folder
        self._secrets = served.codes(60)
        certificate = x509.load_pem_x509_certificate(Path(served.authority).read_bytes())
        self._fingerprint = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()

    def new(self) -> Path:
        code = enrol.Code(self._secrets.pop(), self._fingerprint)
        folder = self._folder / f"state{len(self._secrets)}"
        made = enrol.enrol(
            self._served.url, code, folder, name="Kase", version="0", clock=SystemClock()
        ).identity
        self._served.rows(_WISH, made.terminal)
        return folder


_WISH = "UPDATE inventory_terminal SET rekey_wanted_at = enrolled_at WHERE id = ?"


@pytest.fixture
def tills(served: Served, tmp_path: Path) -> Tills:
    return Tills(served, tmp_path)


def turn(state_dir: Path, step: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.agent.uplink.rekeying", str(state_dir), "one", str(step)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def collector_key(served: Served, terminal: str) -> str:
    return str(served.rows("SELECT public_key FROM inventory_terminal WHERE id = ?", terminal)[0][0])


def test_the_key_changes_and_only_the_new_one_is_kept(served: Served, tills: Tills) -> None:
    state_dir = tills.new()
    before = identity.load(state_dir)
    assert turn(state_dir).returncode == 0
    after = identity.load(state_dir)
    assert identity.public_key(before.key) != identity.public_key(after.key)
    assert identity.public_key(after.key) == collector_key(served, after.terminal)
    names = sorted(file.name for file in state_dir.iterdir())
    assert len([name for name in names if name.endswith(".key")]) == 1, names
    assert turn(state_dir).returncode == 0
    [(wanted,)] = served.rows("SELECT rekey_wanted_at FROM inventory_terminal WHERE id = ?", after.terminal)
    assert wanted is None
    kinds = [kind for (kind,) in served.rows(_KINDS, after.terminal)]
    assert kinds == ["enrolled", "rekeyed"]


_KINDS = "SELECT kind FROM inventory_identitychange WHERE terminal_id = ? ORDER BY id"


def test_a_damaged_next_key_goes(served: Served, tills: Tills) -> None:
    state_dir = tills.new()
    (state_dir / identity.NEXT_FILE).write_bytes(b"torn")
    assert turn(state_dir).returncode == 0
    known = identity.load(state_dir)
    assert identity.public_key(known.key) == collector_key(served, known.terminal)
    assert not (state_dir / identity.NEXT_FILE).exists()


def test_ended_at_any_step_the_agent_goes_on_with_the_key_that_the_collector_has(
    served: Served, tills: Tills
) -> None:
    moved = unsure = 0
    for step in range(1, 60):
        state_dir = tills.new()
        known = identity.load(state_dir)
        first = identity.public_key(known.key)
        ended = turn(state_dir, step)
        if ended.returncode == 0:
            break
        assert ended.returncode == KILLED, ended.stderr
        has_moved = collector_key(served, known.terminal) != first
        moved += has_moved
        unsure += has_moved and identity.public_key(identity.load(state_dir).key) == first
        turns = [turn(state_dir) for _ in range(TURNS)]
        assert turns[-1].returncode == 0, (step, turns)
        now = identity.public_key(identity.load(state_dir).key)
        assert now == collector_key(served, known.terminal) != first, step
    else:
        pytest.fail("the change never came to its end")
    assert step > 15, "the steps were not seen"
    assert moved > unsure > 0, "no step lay between the collector's switch and the agent's"


def test_without_the_kept_next_key_a_lost_answer_locks_the_till_out(served: Served, tills: Tills) -> None:
    """The control: what the kept key is for."""
    for step in range(1, 60):
        state_dir = tills.new()
        known = identity.load(state_dir)
        turn(state_dir, step)
        if collector_key(served, known.terminal) != identity.public_key(known.key):
            break
    (state_dir / identity.NEXT_FILE).unlink()
    last = [turn(state_dir) for _ in range(TURNS)][-1]
    assert last.returncode == 1
    assert "signature.invalid" in last.stdout
