"""Whether firewall and virus scanner are on: a finding for people, never a fault, and never changed by us."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.system.command import Commands
from agent.system.probe import Measured
from agent.system.services import Run, show

EVERY_S = 3600.0
_FIREWALLS = ("ufw", "firewalld", "nftables", "netfilter-persistent", "shorewall")
_SCANNERS = ("clamav-daemon", "clamav-clamonacc", "eea", "esets", "sophos-spl", "falcon-sensor", "mdatp")
_UFW = Path("/etc/ufw/ufw.conf")


@dataclass(frozen=True, slots=True)
class Shield:
    """`on`: None where the system does not tell. `what` names it, "" where there is none."""

    on: bool | None
    what: str = ""


def judge(firewall: Shield, scanner: Shield) -> Measured:
    fact = {
        "firewall": firewall.on,
        "firewall_is": firewall.what,
        "virus_scanner": scanner.on,
        "virus_scanner_is": scanner.what,
    }
    return Measured(facts={"host.protection": fact})


def linux(units: Mapping[str, Run], ufw: str) -> tuple[Shield, Shield]:
    """From the units that systemd knows, and from ufw's own file: its unit is active even where it is switched
    off. Rules that somebody loaded by hand are not seen: without a known firewall it is unknown, not off."""
    running = {name.removesuffix(".service") for name, run in units.items() if run is Run.RUNNING}
    known = {name.removesuffix(".service") for name, run in units.items() if run is not Run.MISSING}
    if "enabled=no" in ufw.replace(" ", "").casefold().split():
        running.discard("ufw")
    return _shield(_FIREWALLS, running, known), _shield(_SCANNERS, running, known)


def _shield(names: tuple[str, ...], running: set[str], known: set[str]) -> Shield:
    on, there = [n for n in names if n in running], [n for n in names if n in known]
    if on:
        return Shield(True, ", ".join(on))
    return Shield(False, ", ".join(there)) if there else Shield(None)


Look = Callable[[], tuple[Shield, Shield]]


def _look(commands: Commands) -> Look:
    if sys.platform == "win32":
        from agent.system.protection_windows import look  # noqa: PLC0415 - Windows only

        return look

    def ask() -> tuple[Shield, Shield]:
        units = [f"{name}.service" for name in (*_FIREWALLS, *_SCANNERS)]
        return linux(show(commands, units), _UFW.read_text("utf-8", "replace") if _UFW.exists() else "")

    return ask


@dataclass(frozen=True, slots=True)
class Protection:
    look: Look
    name: str = "protection"
    every_s: float = EVERY_S

    def measure(self) -> Measured:
        return judge(*self.look())


def probe(commands: Commands) -> Protection:
    return Protection(_look(commands))
