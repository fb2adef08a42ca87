"""packaging/update/plomba-update with the real dpkg, on a system of its own in a folder. The agent in the packages is a
stand-in: what the real one says to `update take` is tests/agent/runtime/test_updating.py's."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import missing

UPDATER = Path(__file__).resolve().parents[2] / "packaging/update/plomba-update"
AGENT = """\
#!/bin/sh
# version {version}
order=$PLOMBA_UPDATE_ROOT/var/lib/plomba-agent/update
case "$1 ${{2:-}}" in
  "update take") [ -e "$order/order.json" ] || exit 3
    if [ -e "$order/bad" ]; then echo "the package is not the one that was signed"; exit 3; fi
    cp "$order/new.deb" "$6/new.deb"; printf 2.0.0 >"$6/wanted"; printf nonce-1 >"$6/nonce" ;;
  "update healthy") exit {healthy} ;;
  "check --config") exit {starts} ;;
esac
"""
STANDS_IN = """\
#!/bin/sh
# Counts, and at the wanted number kills who called: before the real one, or after it.
echo >>{count}; n=$(wc -l <{count})
if [ $n = {at} ] && [ {when} = before ]; then kill -9 $PPID; exit 1; fi
{real} "$@"; well=$?
if [ $n = {at} ]; then kill -9 $PPID; fi
exit $well
"""
PROGRAMS = (
    "mkdir",
    "rm",
    "mv",
    "cp",
    "dpkg",
    "dpkg-deb",
    "dpkg-query",
    "tar",
    "sync",
    "date",
    "timeout",
    "tail",
)


class Packages:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, version: str, *, healthy: int = 0, starts: int = 0, postinst: str = "exit 0") -> Path:
        tree = self.folder / version
        agent = tree / "opt/plomba/lib/plomba-agent/plomba-agent"
        agent.parent.mkdir(parents=True)
        agent.write_text(AGENT.format(version=version, healthy=healthy, starts=starts))
        agent.chmod(0o755)
        (tree / "opt/plomba/bin").mkdir()
        (tree / "opt/plomba/bin/plomba-agent").symlink_to("../lib/plomba-agent/plomba-agent")
        (tree / "etc/plomba").mkdir(parents=True)
        (tree / "etc/plomba/agent.toml").write_text(f"# as shipped with {version}\n")
        (tree / "DEBIAN").mkdir()
        (tree / "DEBIAN/conffiles").write_text("/etc/plomba/agent.toml\n")
        (tree / "DEBIAN/postinst").write_text(f"#!/bin/sh\n{postinst}\n")
        (tree / "DEBIAN/postinst").chmod(0o755)
        (tree / "DEBIAN/control").write_text(
            f"Package: plomba-agent\nVersion: {version}\nArchitecture: all\nMaintainer: Plomba <plomba@localhost>\n"
            "Description: stand-in\n of the agent\n"
        )
        built = self.folder / f"{version}.deb"
        quiet(["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, built])
        return built


class Machine:
    """A root folder with dpkg's records in it, and one version installed."""

    def __init__(self, folder: Path, installed: Path) -> None:
        self.root = folder / "root"
        self.order = self.root / "var/lib/plomba-agent/update"
        for name in ("info", "updates", "triggers"):
            (self.root / "var/lib/dpkg" / name).mkdir(parents=True)
        for name in ("status", "available"):
            (self.root / "var/lib/dpkg" / name).touch()
        quiet(["dpkg", f"--root={self.root}", "--force-script-chrootless", "--install", installed])
        self.home = self.root / "var/lib/plomba-update"

    def wish(self, package: Path, *, bad: bool = False) -> None:
        self.order.mkdir(parents=True)
        shutil.copy(package, self.order / "new.deb")
        if bad:
            (self.order / "bad").touch()
        (self.order / "order.json").write_text("{}")

    def update(self, *stands_in: Path, updater: Path = UPDATER) -> int:
        path = ":".join([*map(str, stands_in), "/usr/sbin:/usr/bin:/sbin:/bin"])
        given = {"PATH": path, "PLOMBA_UPDATE_ROOT": str(self.root), "PLOMBA_UPDATE_GATE_S": "4"}
        return subprocess.run([updater], env=given, capture_output=True, check=False, timeout=120).returncode

    @property
    def due(self) -> bool:
        """As plomba-update.path sees it."""
        return (self.order / "order.json").exists() or (self.home / "step").exists()

    @property
    def told(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.home / "told.json").read_text())
        return found

    @property
    def version(self) -> str:
        """Of the agent that lies there and answers, which is also what dpkg believes."""
        agent = self.root / "opt/plomba/bin/plomba-agent"
        subprocess.run([agent, "status"], check=True, timeout=30)
        lies = next(line for line in agent.read_text().splitlines() if "version" in line).split()[-1]
        command = [
            "dpkg-query",
            f"--admindir={self.root}/var/lib/dpkg",
            "--showformat=${Status} ${Version}",
            "--show",
        ]
        known = subprocess.run(
            [*command, "plomba-agent"], check=True, capture_output=True, text=True, timeout=30
        )
        assert known.stdout == f"install ok installed {lies}"
        return lies


def quiet(command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


class Bench:
    """Makes packages and machines. `hurry`: for the front of PATH, a sleep that ends at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packages = Packages(folder / "packages")
        self.old = self.packages.make("1.0.0")
        self.hurry = folder / "hurry"
        self.hurry.mkdir()
        (self.hurry / "sleep").write_text("#!/bin/sh\n")
        (self.hurry / "sleep").chmod(0o755)

    def machine(self, name: str = "machine") -> Machine:
        return Machine(self.folder / name, self.old)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    if not shutil.which("dpkg") or os.geteuid():
        missing("dpkg, and to be root")
    return Bench(tmp_path)


def test_a_good_update_is_installed_and_told(bench: Bench) -> None:
    machine = bench.machine()
    (machine.root / "etc/plomba/agent.toml").write_text("# as this till has it\n")
    machine.wish(bench.packages.make("2.0.0"))
    assert machine.update() == 0
    assert (machine.version, machine.due) == ("2.0.0", False)
    assert machine.told == {"result": "updated", "reason": "", "wanted": "2.0.0"}
    assert (machine.home / "done").read_text() == "nonce-1\n"
    assert (machine.root / "etc/plomba/agent.toml").read_text() == "# as this till has it\n"
    assert sorted(path.name for path in machine.home.iterdir()) == ["done", "told.json"]


@pytest.mark.parametrize(
    ("bad", "result", "reason"),
    [
        ({"starts": 1}, "refused", "does not start here"),
        ({"healthy": 1}, "undone", "has heard nothing of the new agent"),
        ({"postinst": "exit 7"}, "undone", "could not be installed"),
    ],
)
def test_a_bad_update_leaves_the_version_before(
    bench: Bench, bad: dict[str, Any], result: str, reason: str
) -> None:
    machine = bench.machine()
    machine.wish(bench.packages.make("2.0.0", **bad))
    machine.update(bench.hurry)
    assert (machine.version, machine.due) == ("1.0.0", False)
    assert machine.told["result"] == result
    assert reason in machine.told["reason"]


def test_an_order_that_does_not_hold_changes_nothing(bench: Bench) -> None:
    machine = bench.machine()
    machine.wish(bench.packages.make("2.0.0"), bad=True)
    machine.update()
    assert (machine.version, machine.due) == ("1.0.0", False)
    why = "the package is not the one that was signed"
    assert machine.told == {"result": "refused", "reason": why, "wanted": ""}
    assert not (machine.home / "done").exists()


@pytest.mark.parametrize("healthy", [0, 1])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_step_one_version_runs_and_the_end_is_told(
    bench: Bench, healthy: int, when: str
) -> None:
    """The updater itself at every program that it calls, one after the other, or where that is called by one of its
    own, that one: then it may also refuse the order, and has changed nothing."""
    new = bench.packages.make("2.0.0", healthy=healthy)
    end = ("undone", "1.0.0") if healthy else ("updated", "2.0.0")
    at = 0
    while True:
        at += 1
        machine = bench.machine(str(at))
        machine.wish(new)
        killed = machine.update(stand_in(machine.root.parent, at, when), bench.hurry) == -signal.SIGKILL
        if machine.due:  # the path unit sees it, at once or at the next boot
            machine.update(bench.hurry)
        assert not machine.due, f"killed {when} program {at}: nobody goes on"
        allowed = {end} if killed else {end, ("refused", "1.0.0")}
        assert (machine.told["result"], machine.version) in allowed, f"killed {when} program {at}"
        called = len((machine.root.parent / "count").read_text())
        shutil.rmtree(machine.root.parent)
        if called < at:
            break
    assert at > 20


def test_without_the_written_step_a_kill_ends_in_the_wrong_version(bench: Bench) -> None:
    """The control: an updater that forgets where it was takes the bad version for the one to go back to."""
    new = bench.packages.make("2.0.0", healthy=1)
    forgets = bench.folder / "forgets"
    forgets.write_text(
        UPDATER.read_text().replace('case $(cat "$HOME_/step" 2>/dev/null) in', "case none in")
    )
    forgets.chmod(0o755)
    wrong = 0
    for at in range(1, 100):
        machine = bench.machine(str(at))
        machine.wish(new)
        killed = machine.update(stand_in(machine.root.parent, at, "after"), bench.hurry) == -signal.SIGKILL
        if machine.due:
            machine.update(bench.hurry, updater=forgets)
        wrong += killed and machine.version != "1.0.0"
        shutil.rmtree(machine.root.parent)
        if wrong:
            break
    assert wrong


def stand_in(folder: Path, at: int, when: str) -> Path:
    """A folder for the front of PATH."""
    programs, count = folder / "programs", folder / "count"
    programs.mkdir()
    count.touch()
    for name in PROGRAMS:
        real = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
        (programs / name).write_text(STANDS_IN.format(count=count, at=at, when=when, real=real))
        (programs / name).chmod(0o755)
    return programs
