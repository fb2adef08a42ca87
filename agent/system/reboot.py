"""Whether the system waits for a restart to finish an update. It restarts nothing."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.system.probe import Measured, Scalar

EVERY_S = 3600.0
_ASKED, _PACKAGES = "reboot-required", "reboot-required.pkgs"
_RUN = Path("/run")
Look = Callable[[], Sequence[str] | None]


def judge(why: Sequence[str] | None) -> Measured:
    """`why`: who asks for a restart; empty: nobody; None: the system does not say."""
    if why is None:
        return Measured(facts={"host.reboot": {"pending": None}})
    fact: dict[str, Scalar] = {"pending": bool(why), "why": ", ".join(why)}
    return Measured({"reboot_pending": float(bool(why))}, facts={"host.reboot": fact})


def debian(run: Path = _RUN, *, told_here: bool | None = None) -> Sequence[str] | None:
    """Debian's and Ubuntu's packages leave a file (Debian Policy, "Signaling that a reboot is required"). Other
    Linux systems leave none, so its absence says something only where dpkg is: `told_here`."""
    if (run / _ASKED).exists():
        try:
            names = (run / _PACKAGES).read_text("utf-8", "replace").split()
        except FileNotFoundError:
            names = []
        return list(dict.fromkeys(names))[:20] or ["an update"]
    known = Path("/var/lib/dpkg").is_dir() if told_here is None else told_here
    return () if known else None


def _look() -> Sequence[str] | None:
    if sys.platform == "win32":
        from agent.system.reboot_windows import look  # noqa: PLC0415 - Windows only

        return look()
    return debian()


@dataclass(frozen=True, slots=True)
class Reboot:
    look: Look = _look
    name: str = "reboot"
    every_s: float = EVERY_S

    def measure(self) -> Measured:
        return judge(self.look())
