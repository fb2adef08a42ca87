"""The state of services, as the service control manager of Windows says it."""

# ruff: noqa: E402 - the platform is asked before all else
import sys

assert sys.platform == "win32"  # noqa: S101 - what type checkers understand

from collections.abc import Mapping, Sequence

import psutil

from agent.system.services import Run

_STATES = {
    "running": Run.RUNNING, "stopped": Run.DOWN, "paused": Run.DOWN, "start_pending": Run.MOVING,
    "continue_pending": Run.MOVING, "pause_pending": Run.MOVING, "stop_pending": Run.MOVING,
}  # fmt: skip


def look(named: Sequence[str]) -> Mapping[str, Run]:
    """OSError where Windows does not let this account ask."""
    found: dict[str, Run] = {}
    for name in named:
        try:
            found[name] = _STATES.get(psutil.win_service_get(name).status(), Run.MOVING)
        except psutil.NoSuchProcess:
            found[name] = Run.MISSING
        except psutil.AccessDenied as e:
            raise PermissionError(f"Windows does not let this account ask about the service {name}") from e
    return found
