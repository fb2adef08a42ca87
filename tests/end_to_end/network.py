"""A shop's network in namespaces of the kernel: tills on one LAN, a router, and the collector behind its line. Needs
root and `ip`."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Self

from tests.end_to_end.process import run

LINE = "10.88.0"
LAN = "10.77.0"
COLLECTOR = f"{LINE}.2"
ROUTER = "router"
OFFICE = "office"
_SWITCH = "switch"
_QUICK_S = 20


def is_possible() -> bool:
    """Whether this kernel lets us."""
    if os.name != "posix" or os.geteuid() != 0 or not shutil.which("ip"):
        return False
    name = f"plomba-{os.getpid()}-try"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        return False
    link = [*_inside(name), "ip", "link", "add", "one", "type", "veth", "peer", "name", "two"]
    bridge = [*_inside(name), "ip", "link", "add", "bridge", "type", "bridge"]
    able = all(not subprocess.run(cmd, capture_output=True, check=False).returncode for cmd in (link, bridge))
    subprocess.run(["ip", "netns", "del", name], check=True)
    return able


def _inside(name: str) -> list[str]:
    """Runs what follows in that network. `ip netns exec` would also make mounts of its own, which a root that is
    no mount point, such as that of a chroot, does not allow."""
    return ["nsenter", f"--net=/run/netns/{name}"]


class Network:
    """Use as a context manager. Everything in it is gone with its namespaces."""

    def __init__(self, tills: tuple[str, ...]) -> None:
        self._tills = tills
        self._made: list[str] = []

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for place in self._made:
            subprocess.run(["ip", "netns", "del", self.name(place)], check=False, timeout=_QUICK_S)

    def name(self, place: str) -> str:
        return f"plomba-{os.getpid()}-{place}"

    def inside(self, place: str, *command: str | Path) -> list[str | Path]:
        """The command, run by whoever is at this place."""
        return [*_inside(self.name(place)), *command]

    def ip(self, place: str, *words: str) -> None:
        run(*_inside(self.name(place)), "ip", *words, timeout_s=_QUICK_S)

    def take_route(self, till: str) -> None:
        """As a till that has lost its gateway."""
        self.ip(till, "route", "del", "default")

    def give_route(self, till: str) -> None:
        self.ip(till, "route", "add", "default", "via", f"{LAN}.1")

    def cut_line(self) -> None:
        self.ip(ROUTER, "link", "set", "line", "down")

    def unplug(self, till: str) -> None:
        self.ip(_SWITCH, "link", "set", f"to-{till}", "down")

    def _build(self) -> None:
        for place in (_SWITCH, ROUTER, OFFICE, *self._tills):
            run("ip", "netns", "add", self.name(place), timeout_s=_QUICK_S)
            self._made.append(place)
            self.ip(place, "link", "set", "lo", "up")
            # A dead connection is given up after seconds instead of minutes (ip-sysctl: tcp_retries2).
            self._set(place, "tcp_retries2", "3")
        self.ip(_SWITCH, "link", "add", "lan", "type", "bridge")
        self.ip(_SWITCH, "link", "set", "lan", "up")
        for number, place in enumerate((ROUTER, *self._tills), 1):
            self._plug(place, f"{LAN}.{number}/24")
        peer = ["type", "veth", "peer", "name", "line", "netns", self.name(ROUTER)]
        self.ip(OFFICE, "link", "add", "line", *peer)
        self._address(OFFICE, "line", f"{COLLECTOR}/24")
        self._address(ROUTER, "line", f"{LINE}.1/24")
        self._set(ROUTER, "ip_forward", "1")
        self.ip(OFFICE, "route", "add", "default", "via", f"{LINE}.1")
        for till in self._tills:
            self.give_route(till)

    def _plug(self, place: str, address: str) -> None:
        peer = ["type", "veth", "peer", "name", "lan", "netns", self.name(place)]
        self.ip(_SWITCH, "link", "add", f"to-{place}", *peer)
        self.ip(_SWITCH, "link", "set", f"to-{place}", "master", "lan", "up")
        self._address(place, "lan", address)

    def _address(self, place: str, link: str, address: str) -> None:
        self.ip(place, "addr", "add", address, "dev", link)
        self.ip(place, "link", "set", link, "up")

    def _set(self, place: str, key: str, value: str) -> None:
        script = f"echo {value} > /proc/sys/net/ipv4/{key}"
        run(*self.inside(place, "sh", "-c", script), timeout_s=_QUICK_S)
