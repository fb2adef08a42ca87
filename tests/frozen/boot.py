"""The Debian package on a bare Debian 12 that systemd boots in a container of systemd-nspawn, against a collector
outside: python -m tests.frozen.boot FOLDER_OF_THE_PACKAGE. As root. Prints what was found; 0 where all of it is as it
should be."""

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agent.runtime.clock import SystemClock
from protocols.wire.job import written
from protocols.wire.package import Order
from tests.agent.uplink.authority import Authority
from tests.agent.uplink.collector import TERMINAL, Answer, Collector, _own_key
from tests.office import Office

HERE = Path(__file__).parent
INSTALL_S, BOOT_S = 600, 400
EXPOSURE_MOST, STOP_MOST_MS = 2.0, 5000
CAPABILITIES = 1 << 2 | 1 << 19
"""CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE of linux/capability.h."""
PACKAGES = "systemd,systemd-sysv,dbus,udev,procps,polkitd,python3-minimal"
UNIT = """\
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/bash /trial/trial.sh
[Install]
WantedBy=multi-user.target
"""


def sources() -> list[str]:
    """Where this machine has its Debian from."""
    known = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d/debian.sources"))
    return [str(path) for path in known if path.exists()][:1]


def bare(root: Path) -> None:
    subprocess.run(
        ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", "bookworm", root, *sources()],
        check=True, timeout=INSTALL_S,
    )  # fmt: skip


def inside(root: Path, *command: str, timeout_s: float) -> None:
    nspawn = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--directory", root]
    subprocess.run(
        [*nspawn, *command],
        check=True,
        timeout=timeout_s,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


def orders(trial: Path, package: Path) -> None:
    """Two newer packages with what operators have signed for each: one is this agent under another version, and in the
    other the agent understands its configuration and does nothing more."""
    office = Office(terminal=TERMINAL, now=SystemClock().now())
    (trial / "root.pub").write_text(office.root_key)
    for name, version in (("good", "99.0.1"), ("bad", "99.0.2")):
        made = repacked(package, trial / f"{name}.deb", version, useless=name == "bad")
        sha256 = hashlib.sha256(made.read_bytes()).hexdigest()
        until = written(office.now + timedelta(hours=2))
        job = office.job({"type": "update", "version": version, "sha256": sha256}, expires=until)
        order = Order(job=office.signed(job, office.anna, office.janis), operators=office.operators())
        (trial / f"{name}.json").write_text(order.model_dump_json())
        (trial / f"{name}.sha256").write_text(sha256)


def repacked(package: Path, made: Path, version: str, *, useless: bool) -> Path:
    with TemporaryDirectory(prefix="plomba-repack-") as folder:
        tree = Path(folder) / "tree"
        subprocess.run(["dpkg-deb", "-R", package, tree], check=True, timeout=INSTALL_S)
        control = tree / "DEBIAN/control"
        control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {version}", control.read_text()))
        if useless:
            (tree / "opt/plomba/lib/plomba-agent/plomba-agent").write_text('#!/bin/sh\n[ "$1" = check ]\n')
        build = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, made]
        subprocess.run(build, check=True, capture_output=True, timeout=INSTALL_S)
    return made


def prepare(root: Path, package: Path, collector: Collector) -> Path:
    trial = root / "trial"
    trial.mkdir()
    for name in ("trial.sh", "holder.py"):
        shutil.copy(HERE / name, trial / name)
    trial.chmod(0o777)
    orders(trial, package)
    (trial / "code").write_text(f"ABCDE-FGHJK.{collector.authority.fingerprint}")
    (trial / "url").write_text(collector.url)
    shutil.copy(package, root / package.name)
    inside(root, "dpkg", "--install", f"/{package.name}", timeout_s=INSTALL_S)
    (root / "etc/systemd/system/trial.service").write_text(UNIT)
    inside(root, "systemctl", "enable", "trial.service", timeout_s=60)
    return trial


class Meeting(Collector):
    """Learns the key of whoever enrols, as a collector does."""

    def _enrol(self, request: dict[str, Any]) -> Answer:
        [self.keys[TERMINAL]] = _own_key(request).values()
        return super()._enrol(request)


def found(trial: Path) -> dict[str, str]:
    lines = (trial / "out").read_text().splitlines()
    return dict(line.partition("=")[::2] for line in lines)


def wrong(facts: Mapping[str, str]) -> list[str]:
    expected = {
        "waits": "active", "enabled": "enabled", "account": "plomba", "enrol": "0", "install": "0", "hidden": "",
        "contact": "in_use", "foreign": "0", "selftest": "0", "killed": "1", "watched": "2", "stopped": "success",
        "raw": "0", "job": "0", "another": "", "path": "active",
        "good": "updated 99.0.1 active", "again": "refused 99.0.1 active", "bad": "undone 99.0.1 active",
        "removed": "disabled", "purged": "0", "done": "yes",
    }  # fmt: skip
    lines = [f"{k}: {facts.get(k)!r}, not {v!r}" for k, v in expected.items() if facts.get(k) != v]
    checks = {
        "only the two capabilities that show who has a port": int(facts.get("capabilities", "0"), 16)
        == CAPABILITIES,
        "without them the open port is not seen": facts.get("blind", "in_use") != "in_use",
        "hardened": float(facts.get("exposure", "10")) <= EXPOSURE_MOST,
        "stops in time": int(facts.get("stop_ms", "99999")) < STOP_MOST_MS,
        "its files are kept until it is purged": int(facts.get("kept", "0")) > 0,
        "nothing failed on the way": "failed" not in facts,
    }
    return [*lines, *(f"not so: {name}" for name, well in checks.items() if not well)]


def main() -> int:
    [package] = Path(sys.argv[1]).glob("plomba-agent_*.deb")
    with TemporaryDirectory(prefix="plomba-boot-") as folder:
        root = Path(folder) / "root"
        bare(root)
        collector = Meeting(Authority(), Path(folder))
        try:
            trial = prepare(root, package, collector)
            inside(root, "--boot", timeout_s=BOOT_S)
            facts = found(trial)
        finally:
            collector.close()
        sys.stdout.writelines(f"{name}={value}\n" for name, value in facts.items())
        for name in ("log", "journal", "selftest"):
            if (trial / name).exists() and wrong(facts):
                sys.stdout.write(f"--- {name}\n{(trial / name).read_text()[-6000:]}\n")
    faults = wrong(facts)
    sys.stdout.writelines(f"WRONG {line}\n" for line in faults)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
