"""What a drill's child is kept from, shown by a program that tries; and which of its answers count."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from collector.backups import drilling_child
from collector.backups.drilling_child import FACTS, Kept, Order, judged, kept
from tests.conftest import missing, no_chroot

SNAPSHOT = "a" * 64
LOOK = """#!/bin/sh
work="$9"
{
  touch "$3/new" 2>/dev/null && echo store
  cat "$HOME_OF_COLLECTOR/secret.key" 2>/dev/null
  ls /proc | grep -c '^[0-9]'
  ls /sys/class/net
  cat "$5"
  grep CapEff /proc/self/status
} > "${work%/scratch}/seen"
mkdir "$work" && echo yes > "$work/wrote"
"""


NOBODY = 65534
ROOT = Path(__file__).resolve().parents[3]
AS_NOBODY = """
import json, os, subprocess, sys
from pathlib import Path
from collector.backups.drilling_child import Order, kept
os.setgroups([]); os.setgid(65534); os.setuid(65534); os.chdir("/")
agent, store, work, key, home, *rest = json.loads(sys.argv[1])
way = kept(Order(tuple(agent), Path(store), Path(work), Path(key), Path(home), *rest))
print(json.dumps(way.isolation))
sys.exit(subprocess.run(way.command, env=dict(way.environment), check=False).returncode)
"""


@pytest.fixture
def order(tmp_path: Path) -> Order:
    home = tmp_path / "home"
    for folder in ("store", "work"):
        (home / folder).mkdir(parents=True)
    (home / "secret.key").write_text("SECRET")
    (home / "verify.key").write_text("KEY")
    program = tmp_path / "look"
    program.write_text(LOOK.replace("$HOME_OF_COLLECTOR", str(home)))
    program.chmod(0o755)
    return Order(
        agent=(str(program),),
        store=home / "store",
        work=home / "work",
        key=home / "verify.key",
        home=home,
        snapshot=SNAPSHOT,
        engine="sqlite",
        limit_s=60,
        memory_bytes=1 << 30,
    )


def seen(order: Order, way: Kept) -> str:
    environment = dict(way.environment)
    done = subprocess.run(
        way.command, env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (order.work / "scratch" / "wrote").read_text() == "yes\n"
    return (order.work / "seen").read_text()


def boxed(order: Order) -> Kept:
    way = kept(order)
    if "own processes" not in way.isolation:
        no_chroot()
        missing("a system that gives namespaces (unshare)")
    return way


def test_in_the_box_there_is_the_key_and_nothing_else_of_the_collector(order: Order) -> None:
    way = boxed(order)
    found = seen(order, way)
    assert "KEY" in found
    assert "SECRET" not in found
    assert "store" not in found.split()
    assert not (order.store / "new").exists()
    processes = next(line for line in found.splitlines() if line.isdecimal())
    assert int(processes) < 12
    assert {"no network", "own processes", "store read-only", "collector's files hidden"} <= set(
        way.isolation
    )


def test_control_without_the_box_it_sees_all_and_nothing_else_is_claimed(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drilling_child, "_works", lambda _command: False)
    way = kept(order)
    found = seen(order, way)
    assert "SECRET" in found
    assert (order.store / "new").exists()
    assert not {"no network", "own processes", "store read-only"} & set(way.isolation)


def test_only_a_server_that_is_reached_by_the_network_gets_one(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLOMBA_MSSQL_CHECKER", "mssql://x")
    monkeypatch.setenv("SECRET_OF_THE_COLLECTOR", "x")
    far = kept(replace(order, engine="mssql"))
    assert "no network" not in far.isolation
    assert far.environment["PLOMBA_MSSQL_CHECKER"] == "mssql://x"
    near = kept(order)
    assert "PLOMBA_MSSQL_CHECKER" not in near.environment
    assert "SECRET_OF_THE_COLLECTOR" not in near.environment


def test_what_a_system_lacks_is_left_out_and_not_claimed(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name in ("prlimit", "unshare") else real(name))
    way = kept(order)
    assert "memory and time limits" not in way.isolation
    assert "own processes" not in way.isolation
    assert "prlimit" not in way.command


def test_an_account_of_its_own_has_no_rights_in_the_box(order: Order) -> None:
    """As the collector runs in an office: not as root, and the box needs a superuser of its own."""
    if os.geteuid() != 0:
        pytest.skip("the other tests run as such an account already")
    boxed(order)
    with tempfile.TemporaryDirectory(prefix="plomba-drill-") as folder:
        root = Path(folder)
        shutil.copytree(order.home, root / "home")
        shutil.copy(order.agent[0], root / "look")
        for path in (root, *root.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        given = [[str(root / "look")], *(str(root / "home" / name) for name in ("store", "work", "verify.key", "")),
                 order.snapshot, order.engine, order.limit_s, order.memory_bytes]  # fmt: skip
        command = [sys.executable, "-c", AS_NOBODY, json.dumps(given)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "own processes" in json.loads(done.stdout)
        found = (root / "home" / "work" / "seen").read_text()
    assert "CapEff:\t0000000000000000" in found
    assert "KEY" in found


def answer(**given: object) -> bytes:
    told = {
        "ok": True,
        "snapshot": SNAPSHOT,
        "duration_s": 2.5,
        "restored_bytes": 9,
        "facts": {"rows": 3},
        "error": None,
    }
    return json.dumps({**told, "message": "", **given}).encode()


@pytest.mark.parametrize(
    ("code", "said", "outcome", "why"),
    [
        (0, answer(), "proven", ""),
        (1, answer(), "failed", "backup.integrity"),
        (1, answer(ok=False, error="backup.facts", message="x"), "failed", "backup.facts"),
        (0, answer(snapshot="b" * 64), "unproven", "drill.no_answer"),
        (
            1,
            b'{"ok": false, "error": "backup.no_checker", "message": "no server"}',
            "unproven",
            "backup.no_checker",
        ),
        (1, b'{"ok": false, "error": "backup.wrong_recovery_key"}', "unproven", "backup.wrong_recovery_key"),
        (-9, b"", "unproven", "drill.broke_off"),
        (0, b"rubbish", "unproven", "drill.broke_off"),
        (0, b'{"ok": "perhaps", "snapshot": []}', "unproven", "drill.broke_off"),
    ],
)
def test_which_answers_count(code: int, said: bytes, outcome: str, why: str) -> None:
    result = judged(SNAPSHOT, code, said, b"Traceback\nMemoryError")
    assert (result.outcome, result.code) == (outcome, why)


def test_the_words_of_a_child_that_broke_off_are_kept_and_facts_are_bounded() -> None:
    assert "MemoryError" in judged(SNAPSHOT, 1, b"", b"Traceback\nMemoryError").reason
    facts = {f"rows.t{n}": n for n in range(500)} | {"rows": 1, "x" * 99: 1, "long": "y" * 999}
    result = judged(SNAPSHOT, 0, answer(facts=facts), b"")
    assert (result.compared, len(result.facts)) == (503, FACTS)
    assert result.facts["rows"] == 1
    assert len(str(result.facts["long"])) == 400
